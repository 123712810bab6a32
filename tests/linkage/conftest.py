"""A town in which some people stand twice: FEBRL-like records made here, loaded as CRM exports or compared directly."""

import csv
import random
from collections.abc import Iterable
from copy import deepcopy
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import duckdb
import pytest
from pydantic import SecretStr

from ingestion.load import load
from ingestion.source import load_source
from linkage import forms, model
from linkage.model import Fitted
from linkage.parameters import Model
from warehouse.settings import Settings

AS_OF = datetime(2026, 9, 1, tzinfo=UTC)
_SYLLABLES = [a + b for a in "bdfgklmnprstvw" for b in ("a", "e", "i", "o", "u", "an", "er", "il")]
_GIVEN = (
    *("robert", "william", "thomas", "edward", "henry", "samuel", "daniel", "joseph", "christopher", "andrew"),
    *("margaret", "elizabeth", "susan", "katherine", "rebecca", "victoria", "patricia", "jennifer", "barbara"),
)


@dataclass(frozen=True)
class Person:
    """One record, as the CRM would export it."""

    key: str
    given_name: str | None = None
    surname: str | None = None
    birth_date: str | None = None
    street: str | None = None
    postcode: str | None = None
    city: str | None = None
    phone: str | None = None
    email: str | None = None


def town(people: int = 1200, seed: int = 3, relatives: int = 10) -> list[Person]:
    """So many people, every so many with a relative at home, a fifth of them twice with a field missing or mistyped."""
    rng = random.Random(seed)
    found = [_person(rng, f"p{k:05}") for k in range(people)]
    for k in range(0, people, relatives) if relatives else ():  # a spouse: same surname and home
        other = found[k + 1]
        home = found[k]
        found[k + 1] = replace(other, surname=home.surname, street=home.street, postcode=home.postcode, city=home.city)
    twice = [mistyped(rng, one) for one in found if rng.random() < 0.2]
    return [*found, *twice]


def _word(rng: random.Random, syllables: int) -> str:
    return "".join(rng.choice(_SYLLABLES) for _ in range(syllables))


def _person(rng: random.Random, key: str) -> Person:
    born = date(1940, 1, 1) + timedelta(days=rng.randrange(22_000))
    street = f"{rng.randrange(1, 200)} {_word(rng, 3)} street"
    area, end = rng.choice("ABCDEFGH"), rng.choice("ABDEF") + rng.choice("GHJLN")
    postcode = f"{area}{rng.randrange(1, 99)} {rng.randrange(1, 9)}{end}"
    given = rng.choice(_GIVEN) if rng.random() < 0.6 else _word(rng, 3)
    return Person(key, given, _word(rng, 3), born.isoformat(), street, postcode, _word(rng, 2))


def mistyped(rng: random.Random, one: Person) -> Person:
    """The record with one field more missing or mistyped; the key of a second record, if it has another yet."""
    field = rng.choice(("given_name", "surname", "street", "postcode", "city", "birth_date"))
    value = getattr(one, field)
    if not value:
        return one
    at = rng.randrange(len(value) - 1)
    wrong = None if rng.random() < 0.3 else value[:at] + value[at + 1] + value[at] + value[at + 2 :]
    return replace(one, key=f"{one.key.removesuffix('-twice')}-twice", **{field: wrong})


def clear(connection: duckdb.DuckDBPyConnection, people: Iterable[Person]) -> None:
    """Make the table `clear` of these people, and what `forms.compared_sql` needs beside it."""
    forms.teach(connection)
    names = ("record_id", *forms.FIELDS)
    connection.execute(f"create table clear ({', '.join(f'{name} varchar' for name in names)})")
    rows = [[one.key, *(getattr(one, name) for name in forms.FIELDS)] for one in people]
    connection.executemany(f"insert into clear values ({', '.join('?' * len(names))})", rows)


def scored(people: Iterable[Person]) -> dict[frozenset[str], float]:
    """The probability of each pair that was judged."""
    return judged(people)[1]


def judged(people: Iterable[Person]) -> tuple[Fitted, dict[frozenset[str], float]]:
    """What training came to, and the probability of each pair that was judged."""
    with duckdb.connect(config={"threads": 1}) as connection:
        clear(connection, people)
        connection.execute(f"create table records as {forms.compared_sql('from clear')}")
        fitted = model.score(connection)
        found = connection.execute("select record_id_l, record_id_r, match_probability from scored").fetchall()
    return fitted, {frozenset((left, right)): probability for left, right, probability in found}


def without(stated: Model, fields: Iterable[str]) -> Model:
    """The settings as if no two values of these fields were alike."""
    broken = deepcopy(stated)
    for comparison in broken["comparisons"]:
        if (field := comparison["output_column_name"]) in fields:
            for level in comparison["comparison_levels"]:
                if not level.get("is_null_level") and level["sql_condition"] != "ELSE":
                    level["sql_condition"] = f"{field}_l = {field}_r and false"
                    level.pop("tf_adjustment_column", None)
    return broken


def deliver(settings: Settings, folder: Path, people: Iterable[Person]) -> None:
    """Load these people as an export of the CRM."""
    columns = [column.name for column in load_source("crm_contacts").contract.columns]
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "contacts_2026-08-30.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, columns, restval="")
        writer.writeheader()
        for one in people:
            row = {
                name: getattr(one, name) or ""
                for name in ("street", "postcode", "city", "phone", "email", "birth_date")
            }
            writer.writerow(
                {
                    **row,
                    "contact_id": one.key,
                    "first_name": one.given_name or "",
                    "last_name": one.surname or "",
                    "created_at": "2026-01-01 00:00:00",
                    "updated_at": "2026-08-01 00:00:00",
                }
            )
    load(settings, "crm_contacts", folder, "run-1", datetime(2026, 9, 1, tzinfo=UTC).replace(tzinfo=None))


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(
        home=tmp_path / "home",
        hmac_key=SecretStr("5a" * 32),
        namespace=SecretStr("0d4a0f6e-7c5d-4f8c-9a53-3c6d8f5f2b11"),
    )
