"""Two real shops in US dollars in one home: CDNOW as of its end, then the clothing shop of 2008 ten years later."""

import csv
import hashlib
import hmac
from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from tests.pipeline.home import KEY, Home
from tests.pipeline.oracle import NAMES, RULES, Answer, answer_of
from tests.pipeline.oracle_files import Event, Facts, Id, Order

DATA = Path(__file__).resolve().parents[3] / "shared/data"
ARCHIVES = ("cdnow/CDNOW_master.txt.zst", "eshop2008/e-shop clothing 2008.csv.zst")
MOMENTS = [datetime(1998, 6, 30), datetime(2008, 8, 13, 1)]
AT = pytest.mark.parametrize("moment", MOMENTS, ids=["cdnow", "eshop2008"])
CATEGORIES = {"1": "trousers", "2": "skirts", "3": "blouses", "4": "sale"}
_PRODUCT = "page 2 (clothing model)"
_PUBLISHED_AS = {"user": "user_id", "browser": "anonymous_id"}


@dataclass(frozen=True)
class Shops:
    """What was published at one moment, by identifier, and what the oracle says."""

    summary: dict[str, Any]
    orders: dict[Id, tuple[int, Decimal]]
    members: dict[str, set[Id]]
    anomalous: set[Id]
    answer: Answer
    stood_still: set[str]

    def wanted(self, segment: str) -> set[Id]:
        """The oracle's members."""
        return {one for place in self.answer.members[segment] for one in self.answer.people[place].identifiers}


@pytest.fixture(scope="session")
def shops(tmp_path_factory: pytest.TempPathFactory) -> dict[datetime, Shops]:
    """A run as of the end of each shop's file; the later one takes its moment from the data."""
    if missing := [name for name in ARCHIVES if not (DATA / name).exists()]:
        pytest.skip(f"needs {', '.join(missing)} of the real data in ../shared/data")
    folder = tmp_path_factory.mktemp("dollars")
    data = folder / "exports"
    data.mkdir()
    for name in ARCHIVES:
        with pa.input_stream(str(DATA / name), compression="zstd") as stream:
            (data / Path(name).stem).write_bytes(stream.read())
    home = Home(folder / "home", {"SMALTI_CURRENCY": "USD"})
    return {moment: _run(home, data, moment) for moment in MOMENTS}


def _run(home: Home, data: Path, moment: datetime) -> Shops:
    asked = ("--as-of", moment.isoformat()) if moment == MOMENTS[0] else ()
    summary = home.run("nightly" if moment == MOMENTS[0] else "hourly", data, *asked)
    stood_still = _accepted(home, data)
    orders = [order for order in _cdnow(data / "CDNOW_master.txt") if order.at <= moment]
    events = [event for event in _eshop(data / "e-shop clothing 2008.csv") if event.at <= moment]
    prices = _prices(data / "e-shop clothing 2008.csv", {str(event.product) for event in events})
    answer = answer_of(Facts(moment, contacts=[], consents=[], orders=orders, events=events, prices=prices))
    named = {_pseudonym(one): one for person in answer.people for one in person.identifiers}
    rows = home.query("select customer_id, identifier_hash from profiles.identifiers")
    people = {customer: named[value] for customer, value in rows}
    assert len(people) == len(rows) == len(named), "every customer number and every session is a person"
    members: dict[str, set[Id]] = defaultdict(set)
    for segment, customer in home.query("select segment_id, customer_id from segments.memberships"):
        members[segment].add(people[customer])
    facts = home.query("select customer_id, orders_count, spend_total_amount from profiles.customers")
    bought = {people[customer]: (count, amount) for customer, count, amount in facts}
    odd = {people[customer] for (customer,) in home.query("select distinct customer_id from profiles.anomalies")}
    return Shops(summary, bought, dict(members), odd, answer, stood_still)


def _accepted(home: Home, data: Path) -> set[str]:
    """Segments whose size waits for a person, taken over by a run after it was accepted."""
    still = {name for (name,) in home.query("select segment_id from segments.segment_checks where may_be_accepted")}
    for name in sorted(still):
        ended = home.smalti("segments", "accept", name, "--reason", "ten years later")
        assert ended.returncode == 0, ended.stderr
    if still:
        home.run("hourly", data)
    return still


def _pseudonym(identifier: Id) -> str:
    kind, value = identifier
    return hmac.new(bytes.fromhex(KEY), f"{_PUBLISHED_AS[kind]}:{value}".encode(), hashlib.sha256).hexdigest()


def _cdnow(path: Path) -> list[Order]:
    """What a customer bought on a day is one order."""
    amounts: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for line in path.read_text().splitlines()[1:]:
        customer, day, _, value = line.split()
        amounts[customer, day] += Decimal(value)
    return [
        Order(datetime.fromisoformat(day), "completed", ("user", f"cdnow:{customer}"), None, amount)
        for (customer, day), amount in amounts.items()
    ]


def _eshop(path: Path) -> list[Event]:
    """A click is a view, a second after the one before it; the first a second after midnight."""
    with path.open(newline="") as stream:
        return [
            Event(
                kind="product_view",
                at=datetime(int(row["year"]), int(row["month"]), int(row["day"]))
                + timedelta(seconds=int(row["order"])),
                user=None,
                device=None,
                browser=("browser", f"eshop2008:{row['session ID']}"),
                product=row[_PRODUCT],
                category=CATEGORIES[row["page 1 (main category)"]],
                is_bot=False,
                platform="web",
            )
            for row in csv.DictReader(stream, delimiter=";")
        ]


def _prices(path: Path, known: set[str]) -> dict[str, Decimal]:
    """Of the products that were viewed; a product has one price in this file."""
    with path.open(newline="") as stream:
        rows = csv.DictReader(stream, delimiter=";")
        return {row[_PRODUCT]: Decimal(row["price"]) for row in rows if row[_PRODUCT] in known}


def test_segments_that_ten_years_emptied_wait_for_a_person(shops: dict[datetime, Shops]) -> None:
    assert [shops[moment].stood_still for moment in MOMENTS] == [set(), {"high_value", "loyal_customers"}]


@AT
def test_the_run_speaks_of_its_moment_and_loaded_every_row_once(shops: dict[datetime, Shops], moment: datetime) -> None:
    summary = shops[moment].summary
    loaded = {row["source"]: row["rows_loaded"] for row in summary["sources"] if row["rows_in"]}
    assert summary["as_of"] == moment.isoformat()
    assert loaded == ({"cdnow": 69_659, "eshop2008": 165_474} if moment == MOMENTS[0] else {})


@AT
def test_orders_are_counted_as_by_hand_to_the_cent(shops: dict[datetime, Shops], moment: datetime) -> None:
    wanted = {
        one: (len(person.completed), sum((order.amount for order in person.completed), Decimal(0)))
        for person in shops[moment].answer.people
        for one in person.identifiers
    }
    assert shops[moment].orders == wanted
    assert (len(wanted), sum(amount for _, amount in wanted.values())) == (
        23_570 + (24_026 if moment == MOMENTS[1] else 0),
        Decimal("2500315.63"),
    )


@AT
@pytest.mark.parametrize("segment", NAMES)
def test_a_segment_has_exactly_the_oracles_members(
    shops: dict[datetime, Shops], moment: datetime, segment: str
) -> None:
    wanted, found = shops[moment].wanted(segment), shops[moment].members.get(segment, set())
    wanted -= shops[moment].anomalous
    assert len(shops[moment].anomalous) <= 2, "of 23,570 who buy records, hardly anybody is out of the ordinary"
    assert (sorted(wanted - found), sorted(found - wanted)) == ([], [])


def test_the_shops_have_members_in_the_segments_that_they_can_have(shops: dict[datetime, Shops]) -> None:
    some = {segment for segment in RULES if shops[MOMENTS[0]].wanted(segment)}
    assert {"high_value", "lapsed_big_spenders", "loyal_customers", "repeat_buyers"} <= some
    some = {segment for segment in RULES if shops[MOMENTS[1]].wanted(segment)}
    assert {"browsers_no_purchase", "category_enthusiast", "high_engagement", "new_visitors"} <= some
    loyal, repeat = (shops[MOMENTS[0]].wanted(name) for name in ("loyal_customers", "repeat_buyers"))
    assert loyal < repeat
