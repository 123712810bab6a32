"""Bring a destination in step with the published audience: plan, freeze, send, record.

Killed anywhere, the next delivery ends in the same state: the plan is committed before anything is sent, what is sent
may be sent again, and the ledger moves only with the receipts.
"""

import asyncio
import shutil
import tempfile
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import duckdb

from reverse_etl import addresses, journal, messages, notify, rows
from reverse_etl.campaign import Campaign, Progress, quiet
from reverse_etl.connector import Connector, Messaging, Record, Request
from reverse_etl.destination import Destination, Package, Posting, Refused, load_destination
from reverse_etl.journal import Journal
from reverse_etl.messages import Stream
from reverse_etl.plan import Plan, prepare
from reverse_etl.record import forget, outcomes_of, record_outcome, record_plan, text
from reverse_etl.rehearsal import masked, rehearse
from reverse_etl.transport import Https, Transport
from warehouse.settings import Settings

_PART = 10_000
Act = Callable[[Campaign], Any]


@dataclass(frozen=True)
class Delivered:
    """What a delivery came to, in people; `plan_id` and `path` are None where there was nothing to send.

    Planned people who are neither accepted nor rejected got no receipt; they are planned again. Of a plan that is
    `blocked_by` anything nothing was sent: each line says what, and what is allowed. Of `messages_due` so many
    `messages` were taken.
    """

    destination: str
    plan_id: str | None
    added: int
    changed: int
    removed: int
    unchanged: int
    accepted: int
    rejected: int
    path: Path | None
    blocked_by: tuple[str, ...] = ()
    messages_due: int = 0
    messages: int = 0


def deliver(
    settings: Settings, destination: str, run_id: str, attempted_at: datetime, progress: Progress = quiet
) -> Delivered:
    """Send the destination what changed since it last accepted; `attempted_at` is UTC.

    Raises:
        NoDestination: there is no such destination.
        NothingPublished: there is no published version.
        Refused: the audience must not be sent as it stands, or the destination does not let us in.
    """
    target = load_destination(destination)
    if not isinstance(target, Connector):
        return _package(settings, target, run_id, attempted_at)
    with journal.opened(settings.ledger, destination, text(attempted_at)) as book:
        run = partial(_talk, settings, target, book, progress)
        if left := _settle(settings, destination, book, run):
            raise Refused(f"{destination} does not answer for {left} batches of an earlier plan; nothing more was sent")
        delivered = _records(settings, target, run_id, attempted_at, run)
    if not isinstance(target, Messaging):
        return delivered
    return _notify(settings, target, delivered, run_id, attempted_at, progress)


def preview(settings: Settings, destination: str, limit: int, now: datetime | None = None) -> list[Request]:
    """The first calls that would change something now, so many; nothing is sent or written, what reads is asked.

    An e-mail address stands there as its pseudonym.

    Raises:
        Refused: the destination is handed files, which its outbox shows, or cannot be read.
    """
    target = load_destination(destination)
    if not isinstance(target, Connector):
        raise Refused(f"{destination} is handed files; allowed are destinations that are told of people")
    with prepare(settings, destination, now) as (plan, connection), tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows.parquet"
        rows.freeze(connection, path, target.traits)
        known_by = _known_by(settings, target)
        frame, single = rows.read(path, known_by), _messages(connection, target, plan, Path(folder))
    people = ([one for one in found if one.key] for found in rows.batches(frame, target.traits))
    shown: list[Request] = _over(
        settings, target, lambda transport: rehearse(target, transport, str(plan.plan_id), people, limit)
    )
    if single and isinstance(target, Messaging):
        stream, left = Stream(target), limit - len(shown)
        shown += _over(settings, stream, lambda transport: rehearse(stream, transport, "", single, left))
    pseudonyms = {address: pseudonym for pseudonym, address in (known_by or {}).items()}
    return [masked(request, pseudonyms) if pseudonyms else request for request in shown]


def _messages(connection: duckdb.DuckDBPyConnection, target: Connector, plan: Plan, folder: Path) -> list[list[Record]]:
    """The messages that would be told, each a batch."""
    if not plan.messages or not isinstance(target, Messaging):
        return []
    messages.freeze(connection, folder / "messages.parquet", target.traits)
    frame = rows.read(folder / "messages.parquet", None)
    return [found for found in rows.batches(frame, Stream(target).traits) if found[0].key]


def _settle(settings: Settings, destination: str, book: Journal, run: Callable[[Act], Any]) -> int:
    """What is still not known of earlier plans, in batches."""
    if not book.unsettled():
        return 0
    with prepare(settings, destination) as (plan, connection):
        allowed = frozenset(one for (one,) in connection.execute("select customer_id from audience").fetchall())
        if plan.blocked_by:
            allowed = frozenset()  # told to send nothing: what was begun is taken for done, and undone by a later plan
    find = partial(rows.path, settings, destination)
    left: int = run(lambda campaign: campaign.settle(find, allowed))
    return left


def _records(
    settings: Settings, target: Connector, run_id: str, attempted_at: datetime, run: Callable[[Act], Any]
) -> Delivered:
    with prepare(settings, target.name, attempted_at) as (plan, connection):
        plan_id = plan.plan_id
        if plan_id is None:
            return _delivered(plan, accepted=0, rejected=0, path=None)
        record_plan(settings.ledger, plan, run_id, attempted_at)
        if plan.blocked_by:
            return _delivered(plan, accepted=0, rejected=0, path=None)
        path = rows.path(settings, target.name, plan_id)
        rows.freeze(connection, path, target.traits)
        rows.prove(connection, settings, target.name, plan_id)
        if target.traits.on_exit == "nothing":
            forget(settings.ledger, target.name, connection)
    run(lambda campaign: campaign.send(plan_id, path))
    outcomes = outcomes_of(settings.ledger, plan_id)
    return _delivered(plan, outcomes.accepted, outcomes.rejected, None)


def _notify(
    settings: Settings, target: Messaging, delivered: Delivered, run_id: str, at: datetime, progress: Progress
) -> Delivered:
    """Tell of the messages that are due, and of what earlier ones left open, while nothing blocks the destination."""
    stream = Stream(target)
    with journal.opened(settings.ledger, stream.name, text(at)) as book:
        if delivered.blocked_by or not (delivered.messages_due or book.unsettled()):
            return delivered
        run = partial(_talk, settings, stream, book, progress)
        return replace(delivered, messages=notify.tell(settings, target, run_id, at, book, run))


def _talk(settings: Settings, target: Connector, book: Journal, progress: Progress, act: Act) -> Any:
    """Let a campaign act, over connections that are closed afterwards."""
    known_by = _known_by(settings, target)
    return _over(
        settings, target, lambda transport: act(Campaign(target, transport, book, known_by, progress=progress))
    )


def _over(settings: Settings, target: Connector, act: Callable[[Transport], Coroutine[Any, Any, Any]]) -> Any:
    hosts = filter(None, settings.allowed_hosts.split(","))

    async def talk() -> Any:
        async with Https(hosts, target.traits.concurrency, loopback=settings.allow_loopback) as transport:
            return await act(transport)

    return asyncio.run(talk())


def _known_by(settings: Settings, target: Connector) -> dict[str, str] | None:
    """Pseudonym → clear address, where the destination knows people by it."""
    return addresses.emails(settings) if target.traits.key == "email" else None


def _package(settings: Settings, target: Destination, run_id: str, attempted_at: datetime) -> Delivered:
    with prepare(settings, target.name, attempted_at) as (plan, connection):
        delivered = _whole(settings, target, plan, connection, run_id, attempted_at)
        if plan.blocked_by or not plan.messages or not isinstance(target, Posting):
            return delivered
        posted = notify.post(settings, target, plan, connection, run_id, attempted_at)
        return replace(delivered, messages=posted)


def _whole(
    settings: Settings,
    target: Destination,
    plan: Plan,
    connection: duckdb.DuckDBPyConnection,
    run_id: str,
    attempted_at: datetime,
) -> Delivered:
    """Hand over the complete audience, where anything of it changed."""
    if plan.plan_id is None:
        return _delivered(plan, accepted=0, rejected=0, path=None)
    record_plan(settings.ledger, plan, run_id, attempted_at)
    if plan.blocked_by:
        return _delivered(plan, accepted=0, rejected=0, path=None)
    rows.prove(connection, settings, target.name, plan.plan_id)
    outbox = settings.outbox / target.name
    package = Package(plan.plan_id, plan.version, plan.as_of, plan.is_simulated, outbox, connection)
    folder = _empty(outbox / ".aside")
    target.render(package, folder)
    sent = target.write(package, folder)
    outcomes = record_outcome(settings.ledger, plan, _planned(connection), sent.receipts, attempted_at)
    return _delivered(plan, outcomes.accepted, outcomes.rejected, sent.path)


def _planned(connection: duckdb.DuckDBPyConnection) -> Iterator[tuple[str, str, str | None]]:
    """Customer id, segment ids and attributes, as JSON text, of each person whom the plan is about."""
    cursor = connection.cursor()
    cursor.execute("select customer_id, cast(to_json(segment_ids) as varchar), attributes from changes order by 1")
    while part := cursor.fetchmany(_PART):
        yield from part


def _delivered(plan: Plan, accepted: int, rejected: int, path: Path | None) -> Delivered:
    return Delivered(
        destination=plan.destination,
        plan_id=plan.plan_id,
        added=plan.added,
        changed=plan.changed,
        removed=plan.removed,
        unchanged=plan.unchanged,
        accepted=accepted,
        rejected=rejected,
        path=path,
        blocked_by=tuple(map(str, plan.blocked_by)),
        messages_due=plan.messages,
    )


def _empty(folder: Path) -> Path:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder
