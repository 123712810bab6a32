"""The customer database as its export shows it: spelled by hand, incomplete, and with people standing in it twice."""

from dataclasses import dataclass

import numpy as np
import polars as pl

from simulator import words
from simulator.population import CUSTOMER, GUEST, People
from simulator.window import DAY, SECOND, Bools, Floats, Ints, Window

TWICE, REPEATED, TEST_ADDRESS = 0.04, 0.002, 0.01
TWICE_SINCE = -60  # who signed up later than this day has one record
SPELLED = (0.7, 0.8, 0.9, 0.95)  # addresses: as they are, in capitals, in title case, after a blank
CASED = (0.85, 0.92, 0.97)  # names: as they are, in capitals, in small letters


@dataclass(frozen=True)
class Contacts:
    """Contact k belongs to person[k]; customer i's first contact is i, `twin[i]` their second or -1.

    `email` is by person (customers and guests), as they would type it carefully; `created` in milliseconds.
    """

    person: Ints
    created: Ints
    twin: Ints
    ids: pl.Series
    email: pl.Series
    is_test: Bools


def make_contacts(people: People, window: Window) -> Contacts:
    """Who has a contact record, and under which address people order."""
    rng = window.random(5)
    customers = len(people.where(CUSTOMER))
    named = customers + len(people.where(GUEST))
    created = window.at(0) + people.created[:customers] * DAY + _daytime(customers, rng)
    second = np.flatnonzero((rng.random(customers) < TWICE) & (people.created[:customers] < TWICE_SINCE))
    gap = (window.at(0) - created[second]) * rng.random(len(second))
    twin = np.full(len(people.kind), -1)
    twin[second] = customers + np.arange(len(second))
    is_test = rng.random(named) < TEST_ADDRESS
    is_test[customers:] = False
    is_test[second] = False
    person = np.append(np.arange(customers), second)
    return Contacts(
        person=person,
        created=np.append(created, created[second] + gap.astype(np.int64)) // SECOND * SECOND,
        twin=twin,
        ids=pl.select(pl.lit("C") + pl.Series(np.arange(len(person)) + 100_000).cast(pl.String)).to_series(),
        email=_addresses(people, named, is_test, window),
        is_test=is_test,
    )


def contacts_export(contacts: Contacts, people: People, window: Window) -> pl.DataFrame:
    """Write the full export: one row a contact, and a few rows twice."""
    rng = window.random(6)
    n = len(contacts.person)
    place = rng.choice(len(words.PLACES), len(people.kind), p=words.PLACE_SHARES)[people.household[contacts.person]]
    first, last = _first_names(people, window), _last_names(people, window)
    last_second = window.at(window.days) - SECOND
    updated = contacts.created + ((last_second - contacts.created) * rng.beta(0.4, 1.5, n)).astype(np.int64)
    frame = pl.DataFrame(
        {
            "contact_id": contacts.ids,
            "email": _missing(spelled(contacts.email.gather(contacts.person), rng.random(n)), 0.03, rng),
            "phone": _missing(_phones(contacts.person, rng.random(n)), 0.2, rng),
            "first_name": _missing(_cased(first.gather(contacts.person), rng.random(n)), 0.02, rng),
            "last_name": _missing(_cased(last.gather(contacts.person), rng.random(n)), 0.02, rng),
            "street": _missing(_streets(people, window).gather(contacts.person), 0.08, rng),
            "postcode": _missing(_postcodes(people, place, contacts.person, window), 0.08, rng),
            "city": _missing(pl.Series([p[0] for p in words.PLACES]).gather(place), 0.05, rng),
            "region": _missing(pl.Series([p[1] for p in words.PLACES]).gather(place), 0.05, rng),
            "country": pl.repeat("GB", n, eager=True),
            "birth_date": _missing(birth_dates(people, window).gather(contacts.person), 0.3, rng),
            "created_at": pl.Series(contacts.created).cast(pl.Datetime("ms")),
            "updated_at": pl.Series(updated // SECOND * SECOND).cast(pl.Datetime("ms")),
        }
    )
    again = np.sort(rng.permutation(n)[: max(2, round(n * REPEATED))])
    return pl.concat([frame, frame[again.tolist(), :]])


def spelled(email: pl.Series, luck: Floats) -> pl.Series:
    """Addresses as people and clerks type them: another case, a blank before or after."""
    plain, capitals, title, blank = SPELLED
    typed = (
        pl.when(pl.col("luck") < plain)
        .then(pl.col("email"))
        .when(pl.col("luck") < capitals)
        .then(pl.col("email").str.to_uppercase())
        .when(pl.col("luck") < title)
        .then(pl.col("email").str.to_titlecase())
        .when(pl.col("luck") < blank)
        .then(pl.lit(" ") + pl.col("email"))
        .otherwise(pl.col("email") + pl.lit("  "))
    )
    return pl.DataFrame({"email": email, "luck": luck}).select(typed.alias("email")).to_series()


def birth_dates(people: People, window: Window) -> pl.Series:
    """Draw a date of birth for everybody, 18 to 85 years before the window's end."""
    days = window.random(8).triangular(18 * 366, 38 * 365, 85 * 365, len(people.kind)).astype(np.int64)
    return pl.Series(window.at(window.days - 1) // DAY - days).cast(pl.Int32).cast(pl.Date)


def _addresses(people: People, named: int, is_test: Bools, window: Window) -> pl.Series:
    rng = window.random(7)
    domain = pl.Series(words.DOMAINS).gather(rng.integers(0, len(words.DOMAINS), named))
    number = pl.Series(np.arange(named)).cast(pl.String)
    first, last = _first_names(people, window)[:named], _last_names(people, window)[:named]
    own = (first + "." + last + number + "@" + domain).str.to_lowercase()
    test = pl.Series(words.TEST_ADDRESSES).gather(rng.integers(0, len(words.TEST_ADDRESSES), named))
    return test.zip_with(pl.Series(is_test), own)


def _first_names(people: People, window: Window) -> pl.Series:
    numbers = window.random(9).integers(0, len(words.FIRST_NAMES), len(people.kind))
    return pl.Series(words.FIRST_NAMES).gather(numbers)


def _last_names(people: People, window: Window) -> pl.Series:
    numbers = window.random(10).integers(0, len(words.LAST_NAMES), len(people.kind))
    return pl.Series(words.LAST_NAMES).gather(numbers[people.household])


def _streets(people: People, window: Window) -> pl.Series:
    rng = window.random(11)
    number = pl.Series(rng.integers(1, 200, len(people.kind))[people.household]).cast(pl.String)
    street = rng.integers(0, len(words.STREETS), len(people.kind))[people.household]
    return number + " " + pl.Series(words.STREETS).gather(street)


def _postcodes(people: People, place: Ints, person: Ints, window: Window) -> pl.Series:
    rng = window.random(12)
    home = people.household[person]
    district, sector, unit = rng.integers(0, 20, (3, len(people.kind)))[:, home]
    area = pl.Series([p[2] for p in words.PLACES]).gather(place)
    letters = pl.Series([f"{a}{b}" for a in "ABDEF" for b in "GHJL"]).gather(unit)
    return area + pl.Series(district + 1).cast(pl.String) + " " + pl.Series(sector % 10).cast(pl.String) + letters


def _phones(person: Ints, luck: Floats) -> pl.Series:
    """Numbers from the range kept for fiction (07700 900000 to 900999), in six spellings."""
    spellings = ("07700 900{}", "07700900{}", "+44 7700 900{}", "0044 7700 900{}", "(07700) 900-{}", "+447700900{}")
    number = pl.Series(person * 7 % 1_000).cast(pl.String).str.zfill(3)
    form = pl.Series([s.removesuffix("{}") for s in spellings]).gather((luck * len(spellings)).astype(np.int64))
    return form + number


def _cased(names: pl.Series, luck: Floats) -> pl.Series:
    plain, capitals, small = CASED
    typed = (
        pl.when(pl.col("luck") < plain)
        .then(pl.col("name"))
        .when(pl.col("luck") < capitals)
        .then(pl.col("name").str.to_uppercase())
        .when(pl.col("luck") < small)
        .then(pl.col("name").str.to_lowercase())
        .otherwise(pl.lit(" ") + pl.col("name") + pl.lit(" "))
    )
    return pl.DataFrame({"name": names, "luck": luck}).select(typed.alias("name")).to_series()


def _missing(values: pl.Series, share: float, rng: np.random.Generator) -> pl.Series:
    return pl.select(pl.when(pl.Series(rng.random(len(values)) >= share)).then(values)).to_series()


def _daytime(n: int, rng: np.random.Generator) -> Ints:
    return rng.integers(0, DAY // SECOND, n) * SECOND
