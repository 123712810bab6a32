"""The vendors' samples as they come, and hand-written days after them, through the whole flow.

No row is lost, people meet by address over the vendors' borders, a refusal in one tool is one for all of them.
"""

import csv
import hashlib
import hmac
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pytest

from ingestion import source
from tests.pipeline import vendor_story
from tests.pipeline.home import KEY, Home, Rows
from tests.pipeline.vendor_story import ANN, BOB, CAT, DAN, FIRST, SECOND
from tests.vendors import unpacked

AFTER_FIRST, AFTER_SECOND = "2026-08-02T00:00:00", "2026-08-04T00:00:00"
ARCHIVES = ("fivetran_seeds/fivetran_seeds", "hubspot_seeds/hubspot_seeds")
SOURCES = {
    *("shopify_customers", "shopify_orders", "shopify_order_lines", "shopify_products"),
    *("shopify_gql_customers", "shopify_gql_orders", "shopify_gql_order_lines", "shopify_gql_products"),
    *("hubspot_contacts", "hubspot_email_events", "hubspot_email_status_changes"),
    *("hubspot_tickets", "hubspot_ticket_contacts"),
    *("klaviyo_persons", "klaviyo_events"),
    *("iterable_users", "iterable_events"),
    *("iterable_unsubscribed_channels", "iterable_unsubscribed_message_types"),
}
# where they name the currency; the shop's is the pound, and the samples sell in dollars too
IN = {
    "shopify_orders": "currency",
    "shopify_gql_orders": "currency_code",
    "shopify_gql_order_lines": "original_total_set_shop_currency_code",
}


@dataclass(frozen=True)
class Days:
    """The samples' files by name, the home after both days, and what the runs came to."""

    samples: dict[str, Path]
    home: Home
    loaded: dict[str, dict[str, Any]]
    first: str
    input: Callable[[str], Rows]

    def customer(self, email: str, version: str | None = None) -> str | None:
        """Whose address it is in a published version."""
        hashed = hmac.new(bytes.fromhex(KEY), f"email:{email}".encode(), hashlib.sha256).hexdigest()
        found = self.home.query(
            f"select customer_id from profiles.identifiers where identifier_hash = '{hashed}'", version
        )
        return found[0][0] if found else None

    def of(self, email: str, columns: str, table: str, version: str | None = None) -> Rows:
        """Rows of a published table about one person."""
        query = f"select {columns} from profiles.{table} where customer_id = '{self.customer(email, version)}'"
        return self.home.query(query, version)


@pytest.fixture(scope="session")
def days(tmp_path_factory: pytest.TempPathFactory) -> Days:
    """The samples and the first day in one run, the second day in another."""
    folder = tmp_path_factory.mktemp("vendors")
    for archive in ARCHIVES:
        unpacked(archive, folder)
    samples = {path.name: path for path in folder.rglob("*.csv")}
    data, home = folder / "exports", Home(folder / "home")
    vendor_story.write(FIRST, samples, data)
    for name, path in samples.items():
        if source.claiming(name):
            (data / name).write_bytes(path.read_bytes())
    summary = home.run("nightly", data, "--as-of", AFTER_FIRST)
    first, found = str(home.version), _input(home)
    vendor_story.write(SECOND, samples, data)
    home.run("hourly", data, "--as-of", AFTER_SECOND)
    return Days(samples, home, {row["source"]: row for row in summary["sources"]}, first, lambda table: found[table])


def _input(home: Home) -> dict[str, Rows]:
    with duckdb.connect(home.path / "warehouse" / "working.duckdb", read_only=True) as connection:
        tables = ("orders", "order_lines", "products", "messages", "tickets", "consents")
        return {table: connection.execute(f"select * from input.{table}").fetchall() for table in tables}


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8-sig") as stream:
        return list(csv.DictReader(stream))


def test_every_row_of_every_file_is_loaded_or_has_a_reason(days: Days) -> None:
    claimed = {name: path for name, path in days.samples.items() if source.claiming(name)}
    assert {found for name in claimed for found in source.claiming(name)} == SOURCES
    for name, path in claimed.items():
        [found] = source.claiming(name)
        balance, story = days.loaded[found], vendor_story.DAYS[FIRST].get(name.removesuffix(".csv"), [])
        dollars = sum(row[IN[found]] != "GBP" for row in _rows(path)) if found in IN else 0
        assert balance["rows_in"] == len(_rows(path)) + len(story), name
        assert balance["rows_loaded"] == balance["rows_in"] - dollars, name
        assert (balance["rows_rejected"], balance["rows_duplicate"]) == (dollars, 0), name
    assert [days.loaded[found]["rows_rejected"] for found in IN] == [5, 9, 10]


def test_every_person_of_the_samples_is_a_customer(days: Days) -> None:
    told = {
        "shopify": {
            row["id"]
            for name in ("shopify_customer_data.csv", "shopify_gql_customer_data.csv")
            for row in _rows(days.samples[name])
        },
        "hubspot": {row["id"] for row in _rows(days.samples["contact_data.csv"])},
        "klaviyo": {row["id"] for row in _rows(days.samples["person.csv"])},
        "iterable": {row["iterable_user_id"] for row in _rows(days.samples["user_history_data.csv"])},
    }
    assert {vendor: len(ids) for vendor, ids in told.items()} == {
        "shopify": 4 + 10,
        "hubspot": 22,
        "klaviyo": 2,
        "iterable": 2,
    }
    wanted = {
        hmac.new(bytes.fromhex(KEY), f"user_id:{vendor}:{number}".encode(), hashlib.sha256).hexdigest()
        for vendor, numbers in told.items()
        for number in numbers
    }
    found = days.home.query("select identifier_hash from profiles.identifiers where identifier_type = 'user_id'")
    assert wanted <= {hashed for (hashed,) in found}


def test_orders_messages_and_tickets_of_the_samples_are_entities(days: Days) -> None:
    events = _rows(days.samples["email_event_data.csv"])
    kept = [row for row in events if row["type"] in ("SENT", "OPEN") and row["filtered_event"] != "true"]
    received = [row for row in _rows(days.samples["event.csv"]) if row["type"] == "Received Email"]
    assert len(days.input("orders")) == 3 + 3
    assert len(days.input("order_lines")) == 3 + 3
    kept_products = [
        row for row in _rows(days.samples["shopify_gql_product_data.csv"]) if row["_fivetran_deleted"] == "FALSE"
    ]
    assert len(days.input("products")) == 8 + len(kept_products)
    assert len(days.input("tickets")) == 25 + 1
    assert len(days.input("messages")) == len(kept) + 2 + len(received) + 2 + 2
    assert 0 < len(kept) < len(events)


def test_vendors_meet_in_a_person_by_address(days: Days) -> None:
    orders = "orders_count, spend_total_amount::varchar"
    assert days.of(ANN, orders, "customers", days.first) == [(1, "10.00")]
    assert days.of(BOB, orders, "customers", days.first) == [(2, "12.50")]
    counts = "emails_sent_90d_count, emails_opened_90d_count, emails_clicked_90d_count"
    assert days.of(ANN, counts, "customer_messages", days.first) == [(1, 1, 0)]
    assert days.of(BOB, counts, "customer_messages", days.first) == [(1, 0, 1)]
    assert days.of(CAT, counts, "customer_messages", days.first) == [(1, 1, 0)]
    assert days.of(ANN, "tickets_open_count", "customer_tickets", days.first) == [(1,)]


def test_a_yes_is_what_a_person_said_and_unknown_is_no(days: Days) -> None:
    said = {email: days.of(email, "is_granted", "customer_consents", days.first) for email in (ANN, BOB, CAT, DAN)}
    assert said == {ANN: [(True,)], BOB: [(True,)], CAT: [], DAN: []}


def test_a_no_in_one_tool_outlives_the_old_yes_of_another(days: Days) -> None:
    columns = "purpose, channel, is_granted, recorded_at::varchar"
    assert days.of(ANN, columns, "customer_consents") == [("marketing_email", "email", False, "2026-08-02 08:00:00")]
    assert days.of(CAT, columns, "customer_consents") == [("marketing_email", "email", False, "2026-08-03 10:00:00")]
    assert days.of(BOB, "is_granted", "customer_consents") == [(True,)]


def test_a_refund_and_a_deletion_are_seen(days: Days) -> None:
    assert days.of(ANN, "orders_count, spend_total_amount", "customers") == [(0, 0)]
    assert days.customer(DAN, days.first) is not None
    assert days.customer(DAN) is None


def test_adding_a_day_equals_building_everything_again(days: Days) -> None:
    said = ("customer_consents", "customer_messages", "customer_tickets", "identifiers", "customers")
    added = {table: days.home.query(f"select * from profiles.{table} order by all") for table in said}
    days.home.run("hourly", days.home.path.parent / "exports", "--as-of", AFTER_SECOND, "--full")
    assert {table: days.home.query(f"select * from profiles.{table} order by all") for table in said} == added
