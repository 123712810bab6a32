"""A newsletter every Tuesday to whoever stands granted: sends, bounces, opens, clicks and unsubscribes."""

from dataclasses import dataclass

import numpy as np
import polars as pl

from simulator.contacts import Contacts
from simulator.orders import repeat_some
from simulator.people_exports import consents_export
from simulator.population import People
from simulator.window import DAY, HOUR, SECOND, Bools, Floats, Ints, Window
from simulator.world import World

TUESDAY, SENT_AT, RAMP = 1, 8 * HOUR, 20 * 60 * SECOND
REACTS_WITHIN = 2 * DAY  # after the send: a campaign's events stand in the files of three days
SOFT_BOUNCES = 0.008
LEAVES = 0.012  # of those who opened, the least interested most


@dataclass(frozen=True)
class Readers:
    """By contact: how likely they open, and click what they opened; what each said to marketing by e-mail, in order."""

    opens: Floats
    clicks: Floats
    said_by: Ints
    said_at: Ints
    is_yes: Bools

    def granted(self, at: int) -> Bools:
        """Whose last word by then is yes."""
        standing = np.zeros(len(self.opens), bool)
        heard = self.said_at <= at
        standing[self.said_by[heard]] = self.is_yes[heard]  # in order of time: the last word stays
        return standing


def make_readers(contacts: Contacts, people: People, window: Window) -> Readers:
    """Draw how everybody reads: busy visitors open more, those with a strong taste click more."""
    rng = window.random(42)
    n = len(people.kind)
    busy = np.argsort(np.argsort(people.session_rate)) / max(n - 1, 1)
    strong = np.diff(people.taste, axis=1, prepend=0.0).max(axis=1)
    opens = 0.08 + 0.6 * busy * rng.beta(3, 2, n)
    clicks = 0.04 + 0.35 * strong * rng.beta(3, 2, n)
    said = consents_export(contacts, window).filter(pl.col("purpose") == "marketing_email")
    number = said["contact_id"].str.slice(1).cast(pl.Int64).to_numpy() - int(contacts.ids[0][1:])
    return Readers(
        opens=opens[contacts.person],
        clicks=clicks[contacts.person],
        said_by=number,
        said_at=said["recorded_at"].dt.epoch("ms").to_numpy(),
        is_yes=(said["status"] == "granted").to_numpy(),
    )


def campaign_days(window: Window) -> list[int]:
    """The days of the window on which a campaign goes out."""
    return [day for day in range(window.days) if window.date(day).weekday() == TUESDAY]


def campaign(day: int, world: World, readers: Readers, gone: Bools) -> tuple[pl.DataFrame, Bools]:
    """Draw one campaign's events by the hour they happened, repeats included, up to the window's end; whom it reached.

    Nothing is sent to who has `gone` by contact; who unsubscribes now is marked there. Reached are people.
    """
    rng, window = world.window.random(43, day), world.window
    person, people = world.contacts.person, len(world.people.kind)
    invited = world.economics.invited(day, people, window)[person]
    contact = np.flatnonzero(readers.granted(window.at(day) + SENT_AT) & ~gone & invited)
    n = len(contact)
    sent = window.at(day) + SENT_AT + (rng.random(n) * RAMP).astype(np.int64)
    is_test = world.contacts.is_test[world.contacts.person[contact]]
    bounced = is_test | (rng.random(n) < SOFT_BOUNCES)
    opened = (rng.random(n) < readers.opens[contact]) & ~bounced
    open_at = sent + 60 * SECOND + _delay(6 * HOUR, REACTS_WITHIN - HOUR, n, rng)
    keen = readers.clicks[contact] * (1 + world.people.in_market(day)[world.contacts.person[contact]])
    clicked = opened & (rng.random(n) < keen)
    left = opened & ~clicked & (rng.random(n) < world.economics.leaves * LEAVES * (1.5 - readers.opens[contact]))
    react_at = open_at + 5 * SECOND + _delay(60 * SECOND, HOUR // 2, n, rng)
    what = (
        ("sent", np.ones(n, bool), sent),
        ("bounced", bounced, sent + 2 * SECOND),
        ("opened", opened, open_at),
        ("clicked", clicked, react_at),
        ("unsubscribed", left, react_at),
    )
    parts = [_events(kind, contact[who], at[who], is_test[who], day, world) for kind, who, at in what]
    gone[contact[left]] = True
    known = pl.concat(parts).filter(pl.col("occurred_at").dt.epoch("ms") < window.at(window.days))
    reached = np.isin(np.arange(people), person[contact[~bounced]])
    return repeat_some(known.sort("occurred_at", "event_id"), rng), reached


def _events(kind: str, contact: Ints, at: Ints, is_test: Bools, day: int, world: World) -> pl.DataFrame:
    campaign_id = f"news-{world.window.date(day)}"
    message = pl.select(pl.lit(f"{campaign_id}-") + world.contacts.ids.gather(contact)).to_series()
    bounce = pl.Series(["soft", "hard"]).gather(is_test.astype(np.int64))
    return pl.DataFrame(
        {
            "event_id": pl.select(message + pl.lit(f"-{kind}")).to_series(),
            "event_type": pl.repeat(kind, len(contact), dtype=pl.String, eager=True),
            "occurred_at": pl.Series(at).cast(pl.Datetime("ms")),
            "campaign_id": pl.repeat(campaign_id, len(contact), dtype=pl.String, eager=True),
            "message_id": message,
            "contact_id": world.contacts.ids.gather(contact),
            "bounce_type": bounce if kind == "bounced" else pl.repeat(None, len(contact), dtype=pl.String, eager=True),
        }
    )


def _delay(mean: int, most: int, n: int, rng: np.random.Generator) -> Ints:
    return np.minimum(rng.exponential(mean, n), most).astype(np.int64)
