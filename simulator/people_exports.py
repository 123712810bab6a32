"""Consents and bought-in demographics: what is known about contacts beside what they do."""

import numpy as np
import polars as pl

from simulator import words
from simulator.contacts import Contacts, birth_dates, spelled
from simulator.population import People
from simulator.window import DAY, SECOND, Bools, Ints, Window

PURPOSES = (
    ("marketing_email", "email", 0.75),
    ("personalisation", "web", 0.7),
    ("personalised_advertising", "ads", 0.5),
)
RECORDED, TWIN_RECORDED = 0.93, 0.5
ENRICHED, OLDEST_BAND = 0.5, 70
WITHDRAWN, REGRANTED = 0.08, 0.25


def consents_export(contacts: Contacts, window: Window) -> pl.DataFrame:
    """Write every record of consent, oldest first: at sign-up, some withdrawn later, some of those granted again.

    Some contacts have no record at all: for them nothing is known, which is not a yes.
    """
    rng = window.random(13)
    asked = _asked(contacts, rng)
    parts: list[pl.DataFrame] = []
    for purpose, channel, share in PURPOSES:
        granted = rng.random(len(asked)) < share
        parts.append(_records(contacts, asked, granted, contacts.created[asked], purpose, channel))
        gone, gone_at = _later(asked[granted], contacts.created[asked[granted]], WITHDRAWN, window, rng)
        parts.append(_records(contacts, gone, np.zeros(len(gone), bool), gone_at, purpose, channel))
        back, back_at = _later(gone, gone_at, REGRANTED, window, rng)
        parts.append(_records(contacts, back, np.ones(len(back), bool), back_at, purpose, channel))
    return pl.concat(parts).sort("recorded_at", "contact_id", "purpose", maintain_order=True)


def _asked(contacts: Contacts, rng: np.random.Generator) -> Ints:
    """The contacts that have records. A second contact never has one that its person's first has not."""
    first = np.arange(len(contacts.person)) == contacts.person
    luck = rng.random(len(first))
    known = luck < RECORDED
    twin_known = known[contacts.person] & (rng.random(len(first)) < TWIN_RECORDED)
    return np.flatnonzero(np.where(first, known, twin_known))


def _later(contact: Ints, since: Ints, share: float, window: Window, rng: np.random.Generator) -> tuple[Ints, Ints]:
    """A share of the contacts, each with a later moment before the window's end."""
    chosen = rng.random(len(contact)) < share
    left = window.at(window.days) - 1 - since[chosen]
    at = since[chosen] + 1 + (left * rng.random(int(chosen.sum())) * 0.98).astype(np.int64)
    fits = at // SECOND > since[chosen] // SECOND
    return contact[chosen][fits], at[fits] // SECOND * SECOND


def _records(contacts: Contacts, contact: Ints, granted: Bools, at: Ints, purpose: str, channel: str) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "contact_id": contacts.ids.gather(contact),
            "purpose": pl.repeat(purpose, len(contact), dtype=pl.String, eager=True),
            "channel": pl.repeat(channel, len(contact), dtype=pl.String, eager=True),
            "status": pl.Series(["withdrawn", "granted"]).gather(granted.astype(np.int64)),
            "recorded_at": pl.Series(at).cast(pl.Datetime("ms")),
        }
    )


def demographics_export(contacts: Contacts, people: People, window: Window) -> pl.DataFrame:
    """Write what a data vendor says about half of the addresses: one row an address."""
    rng = window.random(14)
    person = np.flatnonzero((rng.random(len(contacts.email)) < ENRICHED) & ~contacts.is_test)
    n = len(person)
    born = birth_dates(people, window).gather(person).dt.year().to_numpy()
    decade = np.minimum((window.end.year - born) // 10 * 10, OLDEST_BAND)
    observed = window.at(window.days - 1) - (rng.random(n) * 180).astype(np.int64) * DAY
    return pl.DataFrame(
        {
            "email": spelled(contacts.email.gather(person), rng.random(n)),
            "age_band": pl.Series(
                [f"{d}-{d + 9}" if d < OLDEST_BAND else "70+" for d in decade.tolist()], dtype=pl.String
            ),
            "household_size": pl.Series(rng.choice([1, 2, 3, 4, 5], n, p=[0.29, 0.35, 0.16, 0.14, 0.06])),
            "income_band": pl.Series(words.INCOME_BANDS).gather(rng.integers(0, len(words.INCOME_BANDS), n)),
            "lifestyle": pl.Series(words.LIFESTYLES).gather(rng.integers(0, len(words.LIFESTYLES), n)),
            "observed_at": pl.Series(observed).cast(pl.Datetime("ms")).cast(pl.Datetime("us")),
        }
    )
