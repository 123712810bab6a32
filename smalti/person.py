"""What is known of one person, as published or as of a past day: read from published versions only."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import duckdb

from ingestion import identifiers
from warehouse import suppressions
from warehouse.errors import SmaltiError
from warehouse.publish import Version, versions
from warehouse.settings import Settings

Row = dict[str, Any]
_TYPES = ("user_id", "email", "loyalty_number", "phone", "device_id", "anonymous_id")
_NAMING = "identifier_type in ('user_id', 'email', 'phone', 'loyalty_number')"
_ALLOWED = f"a customer_id, or an identifier as TYPE:VALUE with TYPE one of {', '.join(_TYPES)}"
_HOLDS = "valid_from <= $at and (valid_to is null or valid_to > $at)"
_KEPT = {
    "identifiers": "select identifier_type, first_seen_at from profiles.identifiers where customer_id = $id"
    " order by all",
    "consents": "select purpose, channel, is_granted, basis, recorded_at from profiles.customer_consents"
    " where customer_id = $id order by all",
    "interests": "select dimension, value, score from profiles.interests where customer_id = $id"
    " order by dimension, score desc, value",
}


@dataclass(frozen=True)
class _Asked:
    """The newest version, the one that stood at the moment where it is still kept, and the moment."""

    now: duckdb.DuckDBPyConnection
    then: duckdb.DuckDBPyConnection | None
    at: datetime


def show(settings: Settings, asked: str, at: datetime | None) -> Row:
    """The profile, segments, identifiers, consents and interests of whom `asked` names, and notes on what is not known.

    What only a version holds that is not kept any more is None. An id that ended is followed to the one it is part of.

    Raises:
        SmaltiError: nothing is published, or nobody of that name was known at the moment; `asked` is not repeated.
    """
    with _open(settings, at) as past:
        named, notes = _named(settings, past, asked)
        customer, followed = _followed(past, named)
        row = _profile(past, customer)
        if row is None:
            raise SmaltiError(f"no such person as of {past.at}; allowed is {_ALLOWED}, of somebody known by then")
        valid = {name: row.pop(name) for name in ("valid_from", "valid_to")}
        found = {"customer_id": customer, "as_of": past.at, "followed": followed, **valid, "profile": row}
        found |= {"segments": _segments(past, customer)}
        found |= {name: _kept(past, query, customer) for name, query in _KEPT.items()}
        return found | {"notes": notes + _notes(past, customer)}


def whom(settings: Settings, asked: str) -> str:
    """The customer id of whom `asked` names now; an id that ended is followed to the one it is part of.

    Raises:
        SmaltiError: nothing is published, or nobody of that name is known; `asked` is not repeated.
    """
    with _open(settings, None) as now:
        named, _ = _named(settings, now, asked)
        return _followed(now, named)[0]


@contextmanager
def _open(settings: Settings, at: datetime | None) -> Iterator[_Asked]:
    kept = versions(settings)
    current = next((version for version in kept if version.is_current), None)
    if current is None:
        raise SmaltiError(f"nothing is published in {settings.home} yet; `smalti run nightly --data DIR` comes first")
    at = at or current.as_of
    if at > current.as_of:
        raise SmaltiError(f"--as-of {at} lies after what is published; allowed is {current.as_of} or earlier")
    then = _standing(kept, at)
    with duckdb.connect(current.path, read_only=True) as now:
        if then is None:
            yield _Asked(now, None, at)
        else:
            with duckdb.connect(then.path, read_only=True) as there:
                yield _Asked(now, there, at)


def suppress(settings: Settings, asked: str, reason: str, now: datetime, *, undo: bool) -> int:
    """Send nothing about this person any more, whatever is delivered again; how many identifiers that is.

    Those that name a person are suppressed: accounts, e-mails, phones, loyalty numbers. One that nobody has yet may be.

    Raises:
        SmaltiError: nobody of that id is known, or there is no reason.
    """
    if not reason.strip() and not undo:
        raise SmaltiError("no reason to suppress a person; allowed is one that another person understands")
    kind, colon, value = asked.partition(":")
    known: list[tuple[str, str]] = []
    if colon and kind in _TYPES and (hashed := identifiers.pseudonym(settings, kind, value)):
        known = [(kind, hashed)]
    with _open(settings, None) as past:
        query = f"select identifier_type, identifier_hash from profiles.identifiers where {_NAMING} and customer_id in "
        if colon:
            holder = "(select customer_id from profiles.identifiers where identifier_type = ? and identifier_hash = ?)"
            known += past.now.execute(query + holder, known[0] if known else ["", ""]).fetchall()
        else:
            known = past.now.execute(f"{query} (?)", [asked]).fetchall()
    if not known:
        raise SmaltiError(f"nobody of that name is known; allowed is {_ALLOWED}")
    every = sorted(set(known))
    path = settings.ledger
    return suppressions.remove(path, every) if undo else suppressions.add(path, every, reason.strip(), now)


def _standing(kept: list[Version], at: datetime) -> Version | None:
    """The version that stood at the moment: the last of those kept that speak of it or of earlier."""
    earlier = [version for version in kept if version.as_of <= at]
    last = [version for version in earlier if version.as_of == max(one.as_of for one in earlier)]
    return next((version for version in last if version.is_current), last[-1] if last else None)


def _named(settings: Settings, asked: _Asked, name: str) -> tuple[str, list[str]]:
    """The customer id that is meant."""
    kind, colon, value = name.partition(":")
    if not colon:
        return name, []
    if kind not in _TYPES:
        raise SmaltiError(f"no identifiers of that type; allowed is {_ALLOWED}")
    connection = asked.then or asked.now
    found = connection.execute(
        "select customer_id from profiles.identifiers where identifier_type = ? and identifier_hash = ?",
        [kind, identifiers.pseudonym(settings, kind, value)],
    ).fetchone()
    if found is None:
        raise SmaltiError(f"no such {kind} as of {asked.at}; allowed is {_ALLOWED}, of somebody known by then")
    whose = "whose the identifier was then is not kept: this is whose it is now"
    return str(found[0]), [] if asked.then else [whose]


def _followed(asked: _Asked, customer: str) -> tuple[str, list[Row]]:
    """The id that this one had become by the moment, over merges."""
    followed: list[Row] = []
    while _profile(asked, customer) is None:
        rows = _rows(
            asked.now,
            "select merged_at, from_customer_id, into_customer_id from profiles.merges where from_customer_id = $id"
            " and merged_at <= $at and evidence like 'merged%' order by merged_at desc limit 1",
            customer,
            asked.at,
        )
        if not rows or rows[0] in followed:
            break
        followed += rows
        customer = rows[0]["into_customer_id"]
    return customer, followed


def _profile(asked: _Asked, customer: str) -> Row | None:
    query = f"select * from profiles.customers_history where customer_id = $id and {_HOLDS}"
    return next(iter(_rows(asked.now, query, customer, asked.at)), None)


def _segments(asked: _Asked, customer: str) -> list[Row]:
    """Each segment they were in at the moment, and since when."""
    query = (
        "select segment_id, entered_at from segments.membership_history where customer_id = $id"
        " and started_at <= $at and (left_at is null or left_at > $at) order by all"
    )
    return _rows(asked.then or asked.now, query, customer, asked.at)


def _kept(asked: _Asked, query: str, customer: str) -> list[Row] | None:
    return _rows(asked.then, query, customer) if asked.then else None


def _notes(asked: _Asked, customer: str) -> list[str]:
    if asked.then:
        return []
    found = ["the version of that day is not kept: its identifiers, consents and interests are not known any more"]
    query = (
        "select 1 from profiles.merges where merged_at > $at and $id in (from_customer_id, into_customer_id)"
        " and evidence like 'merged%'"
    )
    if _rows(asked.now, query, customer, asked.at):
        found.append("merged since: spells in segments stand under the id that stayed, and are not told apart")
    return found


def _rows(connection: duckdb.DuckDBPyConnection, query: str, customer: str, at: datetime | None = None) -> list[Row]:
    cursor = connection.execute(query, {"id": customer} | ({"at": at} if at else {}))
    names = [column[0] for column in cursor.description]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
