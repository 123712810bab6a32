"""A real shop's year, Online Retail (UCI), through the whole flow."""

import csv
import io
import json
import subprocess
import tarfile
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from statistics import median
from typing import Any

import pyarrow as pa
import pytest

from tests.pipeline.home import NAMESPACE, Home
from tests.pipeline.oracle import is_control
from tests.pipeline.state import State

ARCHIVE = Path(__file__).resolve().parents[3] / "shared/data/online_retail/by-day.tar.zst"
AS_OF = datetime(2011, 12, 9, 13)
FLOOR = 100


@dataclass
class Buyer:
    """A customer number: amount and time of each invoice that is no cancellation, and the times of all."""

    amounts: dict[str, Decimal] = field(default_factory=lambda: defaultdict(Decimal))
    times: dict[str, datetime] = field(default_factory=dict)
    every: set[datetime] = field(default_factory=set)

    def spend_of_a_year(self) -> Decimal:
        """Revenue of the last 365 days."""
        start = AS_OF - timedelta(days=365)
        return sum((amount for invoice, amount in self.amounts.items() if self.times[invoice] > start), Decimal(0))


@dataclass(frozen=True)
class Year:
    """The state after the first run, what it told, and the buyers as plain Python counts them."""

    home: Home
    data: Path
    summary: dict[str, Any]
    state: State
    buyers: dict[str, Buyer]
    lines: int
    amount: Decimal


@pytest.fixture(scope="session")
def year(tmp_path_factory: pytest.TempPathFactory) -> Year:
    if not ARCHIVE.exists():
        pytest.skip(f"needs the data set Online Retail as {ARCHIVE}")
    folder = tmp_path_factory.mktemp("year")
    with pa.input_stream(str(ARCHIVE), compression="zstd") as stream:
        archive = io.BytesIO(stream.read())
    with tarfile.open(fileobj=archive) as packed:
        packed.extractall(folder / "exports", filter="data")
    home, data = Home(folder / "home"), folder / "exports"
    summary = home.nightly(data)
    rows = list(_rows(data))
    amount = sum((_amount(row) for row in rows), Decimal(0))
    return Year(home, data, summary, State.of(home), _buyers(rows), len(rows), amount)


@pytest.fixture(scope="session")
def again(year: Year) -> tuple[State, subprocess.CompletedProcess[str]]:
    ended = year.home.smalti("run", "nightly", "--data", year.data, "--json")
    return State.of(year.home), ended


def _rows(data: Path) -> Iterator[dict[str, str]]:
    for path in sorted(data.rglob("*.csv")):
        with path.open(newline="") as stream:
            yield from csv.DictReader(stream)


def _amount(row: dict[str, str]) -> Decimal:
    return Decimal(row["Quantity"]) * Decimal(row["UnitPrice"])


def _buyers(rows: list[dict[str, str]]) -> dict[str, Buyer]:
    found: dict[str, Buyer] = defaultdict(Buyer)
    for row in rows:
        if not row["CustomerID"]:
            continue
        buyer, at = found[row["CustomerID"].removesuffix(".0")], datetime.fromisoformat(row["InvoiceDate"])
        buyer.every.add(at)
        if not row["InvoiceNo"].startswith("C"):
            buyer.amounts[row["InvoiceNo"]] += _amount(row)
            buyer.times[row["InvoiceNo"]] = min(at, buyer.times.get(row["InvoiceNo"], at))
    return dict(found)


def _members(year: Year, segment: str) -> set[str]:
    rows = year.home.query(
        "select contact_id_crm from segments.memberships join profiles.customers using (customer_id)"
        f" where segment_id = '{segment}'",
        year.state.version,
    )
    return {contact.removeprefix("online_retail:") for (contact,) in rows}


def _customers(year: Year) -> list[tuple[str, str]]:
    return year.home.query("select contact_id_crm, customer_id from profiles.customers", year.state.version)  # type: ignore[return-value]


def _changed(year: Year) -> set[str]:
    """Buyers with an order of the last month that is far beyond what they are used to, by the robust z."""
    found, month = set(), AS_OF - timedelta(days=30)
    for one, buyer in year.buyers.items():
        before = [amount for invoice, amount in buyer.amounts.items() if buyer.times[invoice] <= month]
        late = [amount for invoice, amount in buyer.amounts.items() if buyer.times[invoice] > month]
        if len(before) >= 10 and late:
            usual = median(before)
            scale = max(median([abs(amount - usual) for amount in before]), usual / 4)
            if scale and Decimal("0.6745") * (max(late) - usual) >= 20 * scale:
                found.add(one)
    return found


def test_one_buyer_changed_overnight_and_is_in_no_segment(year: Year) -> None:
    rows = year.home.query(
        "select contact_id_crm, kind from profiles.anomalies join profiles.customers using (customer_id)"
    )
    assert {contact.removeprefix("online_retail:") for contact, _ in rows} == _changed(year)
    assert [kind for _, kind in rows] == ["sudden_spend"]


def test_the_year_arrives_whole(year: Year) -> None:
    [balance] = [row for row in year.summary["sources"] if row["source"] == "online_retail"]
    assert (balance["rows_in"], balance["rows_loaded"], balance["rows_rejected"]) == (541_909, 541_909, 0)
    assert (year.lines, round(year.amount, 2)) == (541_909, Decimal("9747747.93"))
    with year.home.published() as connection:
        raw = connection.execute(
            "select sum(quantity * unit_price_amount), count(*) from read_parquet(?)",
            [str(year.home.path / "raw/online_retail/*/*.parquet")],
        ).fetchall()
    assert [(round(amount, 2), lines) for amount, lines in raw] == [(Decimal("9747747.93"), 541_909)]
    assert year.summary["as_of"] == AS_OF.isoformat()


def test_every_customer_number_is_one_person(year: Year) -> None:
    rows = year.home.query("select contact_id_crm from profiles.customers where contact_id_crm is not null")
    found = [contact.removeprefix("online_retail:") for (contact,) in rows]
    assert len(found) == len(year.buyers) == 4372
    assert set(found) == set(year.buyers)


def test_revenue_leaves_out_cancelled_invoices_to_the_penny(year: Year) -> None:
    wanted = {
        number: (len(buyer.amounts), round(sum(buyer.amounts.values(), Decimal(0)), 2))
        for number, buyer in year.buyers.items()
    }
    rows = year.home.query(
        "select contact_id_crm, orders_count, spend_total_amount from profiles.customers"
        " where contact_id_crm is not null"
    )
    found = {contact.removeprefix("online_retail:"): (orders, amount) for contact, orders, amount in rows}
    assert {number: (wanted[number], found[number]) for number in wanted if wanted[number] != found[number]} == {}
    assert any(len(buyer.every) and not buyer.amounts for buyer in year.buyers.values())


def test_repeat_buyers_are_counted_as_by_hand(year: Year) -> None:
    assert _members(year, "repeat_buyers") == {
        one for one, buyer in year.buyers.items() if len(buyer.amounts) > 1
    } - _changed(year)


def test_high_value_is_counted_as_by_hand(year: Year) -> None:
    assert _members(year, "high_value") == {
        one for one, buyer in year.buyers.items() if buyer.spend_of_a_year() >= 500
    } - _changed(year)


def test_lapsed_big_spenders_are_counted_as_by_hand(year: Year) -> None:
    end = AS_OF - timedelta(days=90)
    lapsed = {
        one for one, buyer in year.buyers.items() if buyer.spend_of_a_year() >= 500 and max(buyer.times.values()) < end
    }
    assert _members(year, "lapsed_big_spenders") == lapsed
    assert len(lapsed) > 100


def test_loyal_customers_are_counted_as_by_hand(year: Year) -> None:
    tenure, silence = AS_OF - timedelta(days=180), AS_OF - timedelta(days=90)
    loyal = {
        one
        for one, buyer in year.buyers.items()
        if len(buyer.times) >= 3 and min(buyer.times.values()) <= tenure and max(buyer.times.values()) >= silence
    }
    assert _members(year, "loyal_customers") == loyal - _changed(year)
    assert 100 < len(loyal) < len(_members(year, "repeat_buyers"))


def test_every_buyer_has_an_rfm_score_a_cluster_and_a_propensity(year: Year) -> None:
    [(buyers, scored)] = year.home.query(
        "select count(*), count(rfm_score) from profiles.customers where orders_count > 0"
    )
    assert buyers == scored == sum(bool(buyer.amounts) for buyer in year.buyers.values())
    for table in ("scores.clusters", "scores.propensity"):
        without = (
            f"from profiles.customers anti join {table} using (customer_id) where orders_count > 0 and not is_anomalous"
        )
        missing = year.home.query(without)
        assert missing == [], f"{len(missing)} buyers have no row in {table}"
    assert len(year.home.query("select distinct cluster from scores.clusters")) > 1


def test_segments_are_delivered_on_the_declared_basis_and_above_the_floor_only(year: Year) -> None:
    start = AS_OF - timedelta(days=30)
    active = {one for one, buyer in year.buyers.items() if any(start < at <= AS_OF for at in buyer.every)}
    customers = {contact.removeprefix("online_retail:"): customer for contact, customer in _customers(year)}
    wanted = defaultdict(set)
    sent = "repeat_buyers high_value lapsed_big_spenders likely_buyers loyal_customers rfm_at_risk rfm_champions"
    for segment in sent.split():
        members = _members(year, segment)
        if len(members & active) >= FLOOR:
            for member in members:
                if not is_control(NAMESPACE, segment, customers[member]):
                    wanted[member].add(segment)
    rows = csv.DictReader(io.StringIO(year.state.delivered["members.csv"].decode()))
    found = {row["contact_id_crm"].removeprefix("online_retail:"): set(row["segment_ids"].split("|")) for row in rows}
    assert found == wanted
    assert {"repeat_buyers", "high_value", "loyal_customers"} <= set.union(*found.values())


def test_the_same_year_again_changes_nothing_and_sends_nothing(
    year: Year, again: tuple[State, subprocess.CompletedProcess[str]]
) -> None:
    state, ended = again
    assert ended.returncode == 0, ended.stderr
    assert state.version != year.state.version
    assert [name for name, rows in year.state.tables.items() if rows != state.tables[name]] == []
    assert (state.accepted, state.receipts) == (year.state.accepted, year.state.receipts)
    assert state.delivered == year.state.delivered
    assert [row["sent"] for row in json.loads(ended.stdout)["deliveries"]] == [None]
