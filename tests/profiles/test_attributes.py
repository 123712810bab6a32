"""What counts of several records is what the rules say, in whatever order they arrive."""

import csv
from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random

import duckdb
import polars as pl
import pytest

from tests.profiles.traffic import rendered
from warehouse.settings import CHECKOUT

_SEED = CHECKOUT / "dbt_project" / "seeds" / "attribute_rules.csv"
_SOURCES = ("crm", "klaviyo", "online_retail", "unheard_of")
Key = tuple[str, str]


@dataclass(frozen=True)
class Contact:
    """An account, whose it is, and what it says."""

    person: str
    account: str
    region: str | None
    country: str | None
    told_at: datetime


def _contacts(random: Random) -> list[Contact]:
    return [
        Contact(
            f"p{random.randrange(60)}",
            f"{random.choice(_SOURCES)}:{number}",
            random.choice((None, "Kent", "Fife", "Bute")),
            random.choice((None, "GB", "FR")),
            datetime(2026, 8, 1) + timedelta(days=random.randrange(4)),
        )
        for number in range(300)
    ]


def _expected(contacts: list[Contact]) -> dict[Key, tuple[str, str, int]]:
    """Value, source, and how many lost, by person and attribute: loops, no SQL."""
    rules = {(row["attribute"], row["source"]): int(row["priority"]) for row in csv.DictReader(_SEED.open())}
    said: dict[Key, list[tuple[int, float, str, str]]] = defaultdict(list)
    for contact in contacts:
        source = contact.account.split(":")[0]
        for attribute, value in (("region", contact.region), ("country", contact.country)):
            if value is not None:
                rank = rules.get((attribute, source), 10**6)
                said[contact.person, attribute].append((rank, -contact.told_at.timestamp(), contact.account, value))
    found = {}
    for key, told in said.items():
        _, _, user, value = min(told)
        found[key] = (value, user.split(":")[0], sum(other != value for *_, other in told))
    return found


def _found(contacts: list[Contact]) -> dict[Key, tuple[str, str, int]]:
    connection = duckdb.connect()
    connection.execute(f"create table attribute_rules as from read_csv('{_SEED}')")
    rows = pl.DataFrame([vars(contact) for contact in contacts])  # noqa: F841 (DuckDB reads it by its name)
    connection.execute(
        "create table contacts as select account as user_id, region, country, told_at as updated_at from rows"
    )
    ids = "'user_id' as identifier_type, account as identifier_key, person as customer_id"
    connection.execute(f"create table customer_ids as select {ids} from rows")
    bought = "age_band varchar, income_band varchar, household_size integer, lifestyle varchar"
    connection.execute(f"create table enrichment (email_hash varchar, source varchar, {bought}, observed_at timestamp)")
    who = "loyalty_number varchar, user_id varchar, email_hash varchar"
    connection.execute(f"create table loyalty ({who}, source varchar, tier varchar, updated_at timestamp)")
    columns = "customer_id, attribute, value, source, lost_count"
    told = connection.execute(f"select {columns} from ({rendered('customer_attributes')})").fetchall()
    assert len({row[:2] for row in told}) == len(told)
    return {row[:2]: row[2:] for row in told}


@pytest.mark.parametrize("seed", range(5))
def test_the_rules_decide_whatever_arrives_first(seed: int) -> None:
    random = Random(seed)
    contacts = _contacts(random)
    expected = _expected(contacts)
    assert len(expected) > 100
    assert any(lost for *_, lost in expected.values())
    for _ in range(3):
        random.shuffle(contacts)
        assert _found(contacts) == expected


def test_every_ranked_source_is_one() -> None:
    """A name that is misspelled would rank nobody."""
    staging = CHECKOUT / "dbt_project" / "models" / "staging"
    told = "".join(path.read_text() for path in staging.glob("stg_*.sql"))
    for row in csv.DictReader(_SEED.open()):
        assert f"'{row['source']}:'" in told or f"'{row['source']}' as source" in told, row
