"""Service and opinion: tickets that change state from day to day, survey answers, ratings, likes and dislikes."""

from dataclasses import dataclass

import numpy as np
import polars as pl

from simulator import words
from simulator.catalog import CATEGORY_COUNT
from simulator.contacts import spelled
from simulator.orders import as_contact, taste
from simulator.population import CUSTOMER, GUEST
from simulator.window import DAY, HOUR, SECOND, Floats, Ints
from simulator.world import World

BACKLOG_DAYS = 90
TOPICS, TOPIC_SHARES = ("delivery", "return", "product", "payment", "account"), (0.38, 0.24, 0.2, 0.1, 0.08)
CHANNELS, CHANNEL_SHARES = ("email", "chat", "phone"), (0.55, 0.3, 0.15)
STATUSES = ("open", "pending", "solved", "closed")
PER_ORDER, WITHOUT_ORDER = 0.22, 0.1 / 365  # tickets per order, and a day besides
NEVER_SOLVED, ANSWERS_AFTER_TICKET = 0.06, 0.35
NPS_A_DAY, RATINGS_PER_ORDER, LIKES_PER_SESSION, DISLIKES = 0.5 / 365, 0.2, 0.03, 0.25


@dataclass(frozen=True)
class Tickets:
    """Tickets in order of opening; `at` (tickets by statuses) holds when each status began, in ms."""

    person: Ints
    contact: Ints
    at: Ints
    is_stuck: Floats

    def ids(self) -> pl.Series:
        """Ticket numbers as the help desk prints them."""
        return pl.select(pl.lit("T") + pl.Series(np.arange(len(self.person)) + 50_000).cast(pl.String)).to_series()


def contentment(world: World) -> Floats:
    """How content each person is with the shop, 0 to 1: it shows in tickets and in every answer."""
    return world.window.random(50).beta(5, 2, len(world.people.kind))


def make_tickets(world: World) -> Tickets:
    """Draw the tickets of the window and the 90 days before it: the discontented write more."""
    rng, people = world.window.random(51), world.people
    discontent = 2.2 * (1 - contentment(world)) / (1 - 5 / 7) * 0.5
    rate = (people.order_rate * PER_ORDER + WITHOUT_ORDER) * discontent * (people.kind <= GUEST)
    person, at = _moments(rate, world, rng)
    step = rng.exponential([9 * HOUR, 30 * HOUR, 60 * HOUR], (len(person), 3)).astype(np.int64) // SECOND * SECOND
    step += 10 * 60 * SECOND
    begun = np.column_stack([at, at[:, None] + np.cumsum(step, axis=1)])
    return Tickets(
        person=person,
        contact=as_contact(person, at, world, rng.random(len(person))),
        at=begun,
        is_stuck=rng.random(len(person)),
    )


def tickets_export(tickets: Tickets, world: World) -> pl.DataFrame:
    """One row a ticket and day on which it changed, as it stood that evening; `day` counts from the window's first."""
    rng, contacts, n = world.window.random(52), world.contacts, len(tickets.person)
    known = pl.concat([contacts.ids, pl.Series([None], dtype=pl.String)])
    about = pl.DataFrame(
        {
            "ticket_id": tickets.ids(),
            "contact_id": known.gather(np.where(tickets.contact < 0, len(contacts.ids), tickets.contact)),
            "email": spelled(contacts.email.gather(tickets.person), rng.random(n)),
            "topic": pl.Series(TOPICS).gather(rng.choice(len(TOPICS), n, p=TOPIC_SHARES)),
            "channel": pl.Series(CHANNELS).gather(rng.choice(len(CHANNELS), n, p=CHANNEL_SHARES)),
            "opened_at": pl.Series(tickets.at[:, 0]).cast(pl.Datetime("ms")),
        }
    )
    last = np.where(tickets.is_stuck < NEVER_SOLVED, 1, len(STATUSES) - 1)
    ticket, status = np.nonzero(np.arange(len(STATUSES)) <= last[:, None])
    at = tickets.at[ticket, status]
    changes = pl.DataFrame(
        {
            "ticket": ticket,
            "status": pl.Series(STATUSES).gather(status),
            "updated_at": pl.Series(at).cast(pl.Datetime("ms")),
            "day": np.maximum((at - world.window.at(0)) // DAY, -1),
        }
    )
    evenings = changes.sort("ticket", "updated_at").unique(["ticket", "day"], keep="last", maintain_order=True)
    told = about[evenings["ticket"].to_numpy()].hstack(evenings.drop("ticket"))
    return told.filter(pl.col("day") < world.window.days).sort("day", "updated_at", "ticket_id")


def answers_export(tickets: Tickets, world: World) -> pl.DataFrame:
    """One row an answer, oldest first; `day` counts from the window's first."""
    rng, content = world.window.random(53), contentment(world)
    parts = [_recommends(content, world, rng), _after_tickets(tickets, content, world, rng)]
    parts += [_ratings(content, world, rng), _likes(world, rng)]
    frame = pl.concat(parts).filter(pl.col("answered_at").dt.epoch("ms") < world.window.at(world.window.days))
    frame = frame.sort("answered_at", "contact_id", "question", "subject_id")
    number = pl.Series(np.arange(len(frame)) + 1).cast(pl.String)
    day = (frame["answered_at"].dt.epoch("ms") - world.window.at(0)) // DAY
    return frame.insert_column(0, pl.select(pl.lit("A") + number).to_series().alias("answer_id")).with_columns(
        day.clip(lower_bound=-1).alias("day")
    )


def _recommends(content: Floats, world: World, rng: np.random.Generator) -> pl.DataFrame:
    """Net promoter question: 0 to 10."""
    person, at = _moments(NPS_A_DAY * (world.people.kind == CUSTOMER), world, rng)
    score = np.rint(1 + 9 * content[person] + rng.normal(0, 1.3, len(person))).clip(0, 10)
    return _answers("nps", person, at, score, "shop", pl.repeat("", len(person), dtype=pl.String, eager=True), world)


def _after_tickets(tickets: Tickets, content: Floats, world: World, rng: np.random.Generator) -> pl.DataFrame:
    """Satisfaction with a solved ticket: 1 to 5."""
    asked = (tickets.is_stuck >= NEVER_SOLVED) & (tickets.contact >= 0)
    chosen = np.flatnonzero(asked & (rng.random(len(asked)) < ANSWERS_AFTER_TICKET))
    person = tickets.person[chosen]
    at = tickets.at[chosen, 2] + (1 + rng.exponential(5, len(chosen)) * HOUR).astype(np.int64)
    score = np.rint(0.5 + 4.2 * content[person] + rng.normal(0, 0.8, len(chosen))).clip(1, 5)
    return _answers("csat", person, at, score, "ticket", tickets.ids().gather(chosen), world)


def _ratings(content: Floats, world: World, rng: np.random.Generator) -> pl.DataFrame:
    """Stars for a product: 1 to 5."""
    people = world.people
    person, at = _moments(RATINGS_PER_ORDER * people.order_rate * (people.kind == CUSTOMER), world, rng)
    category = taste(person, people, rng.random(len(person)))
    product = world.catalog.pick(category, rng.random(len(person)), people.thrift[person])
    score = np.rint(2 + 2.8 * content[person] + rng.normal(0, 0.9, len(person))).clip(1, 5)
    return _answers("rating", person, at, score, "product", pl.Series(world.catalog.ids).gather(product), world)


def _likes(world: World, rng: np.random.Generator) -> pl.DataFrame:
    """Thumbs for a category: up for what they have a taste for, down for any."""
    people = world.people
    person, at = _moments(LIKES_PER_SESSION * people.session_rate * (people.kind == CUSTOMER), world, rng)
    down = rng.random(len(person)) < DISLIKES
    any_category = rng.integers(0, CATEGORY_COUNT, len(person))
    category = np.where(down, any_category, taste(person, people, rng.random(len(person))))
    names = pl.Series([c[0] for c in words.CATEGORIES]).gather(category)
    frame = _answers("like", person, at, np.full(len(person), np.nan), "category", names, world)
    return frame.with_columns(pl.Series("question", ["like", "dislike"]).gather(down.astype(np.int64)))


def _answers(
    question: str, person: Ints, at: Ints, score: Floats, subject_type: str, subject: pl.Series, world: World
) -> pl.DataFrame:
    """Answers of customers under their first contact."""
    n = len(person)
    return pl.DataFrame(
        {
            "contact_id": world.contacts.ids.gather(person),
            "question": pl.repeat(question, n, dtype=pl.String, eager=True),
            "subject_type": pl.repeat(subject_type, n, dtype=pl.String, eager=True),
            "subject_id": subject.replace("", None),
            "score": pl.Series(score).fill_nan(None).cast(pl.Int64),
            "answered_at": pl.Series(at).cast(pl.Datetime("ms")),
        }
    )


def _moments(rate: Floats, world: World, rng: np.random.Generator) -> tuple[Ints, Ints]:
    """Draw who and when (ms, in order) at these daily rates, from 90 days before the window, after sign-up."""
    begin = np.maximum(world.people.created + 1, -BACKLOG_DAYS)
    length = np.maximum(world.window.days - begin, 0)
    person = np.repeat(np.arange(len(rate)), rng.poisson(rate * length))
    at = world.window.at(0) + ((begin[person] + rng.random(len(person)) * length[person]) * DAY).astype(np.int64)
    by_time = np.lexsort((person, at))
    return person[by_time], at[by_time] // SECOND * SECOND
