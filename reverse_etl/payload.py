"""What requests and answers of connectors have in common: JSON within limits, each key once, codes without values."""

import functools
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

import orjson

from reverse_etl.connector import Answer, BatchRefused, Connector, Conversation, Outcome, Record, Unreadable

DUPLICATE = Outcome("rejected", "duplicate_key")
_CODE = re.compile(r"[A-Za-z][A-Za-z_]{0,39}")
_MARKUP = "text/html"

Kind = TypeVar("Kind", bound=Connector)
Write = Callable[[Kind, Sequence[Record], str], Conversation]


def batch(write: Write[Kind]) -> Write[Kind]:
    """A connector's `write` is given a batch within its limit, each key once, and never an empty one.

    Who leaves gives way to who stays under the same key (one person has become another); two who stay are both
    rejected: the set of one of them would stand for the other.

    Raises:
        ValueError: there are more records than the destination takes at once.
    """

    @functools.wraps(write)
    def checked(connector: Kind, records: Sequence[Record], key: str) -> Conversation:
        limit = connector.traits.batch_records
        if len(records) > limit:
            raise ValueError(f"{len(records)} records for {connector.name}; allowed are {limit} a batch")
        alone = _each_key_once(records)
        outcomes = (yield from write(connector, list(alone.values()), key)) if alone else ()
        found = dict(zip(alone, outcomes, strict=True))
        return [found.get(record.key, DUPLICATE) for record in records]

    return checked


def _each_key_once(records: Sequence[Record]) -> dict[str, Record]:
    """By key, but for those under which several stay."""
    alone = {record.key: record for record in records}
    if len(alone) == len(records):
        return alone
    groups: defaultdict[str, list[Record]] = defaultdict(list)
    for record in records:
        groups[record.key].append(record)
    return {key: _one(group) for key, group in groups.items() if sum(bool(one.segment_ids) for one in group) <= 1}


def _one(group: Sequence[Record]) -> Record:
    """Who stays, leaving what the others leave too."""
    stays = max(group, key=lambda record: len(record.segment_ids))
    left = {segment_id for record in group for segment_id in record.left} - {*stays.segment_ids}
    cleared = {name for record in group for name in record.cleared} - _parsed(stays.attributes).keys()
    return stays._replace(left=tuple(sorted(left)), cleared=tuple(sorted(cleared)))


def attributes(record: Record) -> dict[str, str | None]:
    """The complete set by the names that they have there; None of what is not known, or stands there no longer."""
    return {**_parsed(record.attributes), **dict.fromkeys(record.cleared)}


@functools.lru_cache(maxsize=1 << 16)
def _parsed(told: str) -> Mapping[str, str | None]:
    found: dict[str, str | None] = orjson.loads(told) if told else {}
    return found


def body(content: Mapping[str, Any], limit: int) -> bytes:
    """JSON in UTF-8.

    Raises:
        BatchRefused: it is longer than the destination takes at once; the core takes the batch apart.
    """
    rendered = orjson.dumps(content)
    if len(rendered) > limit:
        raise BatchRefused("too_large")
    return rendered


def content(answer: Answer, *required: str) -> dict[str, Any]:
    """The JSON object that was answered; in a success `required` must stand in it.

    Raises:
        Unreadable: it is a page, other JSON, or lacks one of these.
    """
    not_markup(answer)
    try:
        found = orjson.loads(answer.body)
    except orjson.JSONDecodeError:
        raise Unreadable from None
    if not isinstance(found, dict) or (is_success(answer) and not all(name in found for name in required)):
        raise Unreadable
    return found


def listed(found: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
    """The objects listed under a name.

    Raises:
        Unreadable: there is no such list.
    """
    there = found.get(name)
    if not isinstance(there, list) or not all(isinstance(one, dict) for one in there):
        raise Unreadable
    return there


def not_markup(answer: Answer) -> None:
    """Nothing, where the answer can be the destination's.

    Raises:
        Unreadable: it is a page for people: of a proxy, a gateway, a login.
    """
    if _MARKUP in answer.headers.get("content-type", "") or answer.body[:1] == b"<":
        raise Unreadable


def is_success(answer: Answer) -> bool:
    """Whether the status is of the 200s."""
    return answer.status // 100 == 2  # noqa: PLR2004 the first digit is the kind


def code(told: object, answer: Answer) -> str:
    """The destination's own name for the reason where it is one bare word, else the status: never a sentence."""
    return told if isinstance(told, str) and _CODE.fullmatch(told) else f"http_{answer.status}"


def parts(records: Sequence[Record], size: int) -> Iterable[Sequence[Record]]:
    """The records in order, so many at a time."""
    return (records[at : at + size] for at in range(0, len(records), size))
