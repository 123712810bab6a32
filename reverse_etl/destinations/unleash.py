"""Unleash: ids as values of segments that constrain `userId`, spread over shards of a bounded length.

An update replaces the whole list, so it is read first, ours are added and taken out, and it is written only where that
changes it: values that others put there stay. A person's shard follows from a hash of the id, so it never needs to be
looked up; one that stands in another shard, from when there were fewer, is taken out of it.
"""

import hashlib
import re
from collections import defaultdict
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import orjson
from pydantic import Field, HttpUrl, SecretStr
from pydantic_settings import SettingsConfigDict

from reverse_etl.connector import (
    ACCEPTED,
    Answer,
    BatchRefused,
    Conversation,
    Outcome,
    Reading,
    Record,
    Request,
    Traits,
)
from reverse_etl.destination import Refused
from reverse_etl.options import Options, load
from reverse_etl.payload import batch, body, code, content, is_success, listed, not_markup

_NAME = re.compile(r"smalti-([a-z][a-z0-9_]*)-\d\d")
_GONE, _TAKEN = 404, 409  # since the list was read
_CONTEXT, _OPERATOR = "userId", "IN"

Segment = dict[str, Any]


class UnleashOptions(Options):
    """The server, a token of an admin, which id applications give as `userId`, and how many shards a segment has."""

    model_config = SettingsConfigDict(env_prefix="SMALTI_UNLEASH_")

    url: HttpUrl
    api_key: SecretStr
    shards: int = Field(default=4, ge=1, le=100)
    values_limit: int = Field(default=1_000, ge=1)
    key: Literal["customer_id", "contact_id_crm"] = "contact_id_crm"


class Shard(NamedTuple):
    """One list as it should become; `keys` are those of the batch whom it is about."""

    name: str
    values: list[str]
    keys: set[str]


@dataclass(frozen=True)
class Unleash:
    """One server."""

    options: UnleashOptions
    name: str = "unleash"

    @property
    def traits(self) -> Traits:
        """One writer at a time: the list that is written is the one that was read, changed."""
        return Traits(
            key=self.options.key,
            mode="mirror",
            on_exit="remove",
            batch_records=1_000,
            batch_bytes=150 * self.options.values_limit + 10_000,
            calls_per_second=10,
            burst=10,
        )

    @batch
    def write(self, records: Sequence[Record], key: str) -> Conversation:
        """A person is accepted once every shard concerned has taken it."""
        standing = yield from self._standing()
        changed = [shard for shard in self._wanted(records, standing) if shard.values != _values(standing, shard.name)]
        for shard in changed:
            self._check(shard, standing)
        failed: dict[str, Outcome] = {}
        for shard in changed:
            answer = yield self._put(shard, standing.get(shard.name))
            not_markup(answer)
            if answer.status in (_GONE, _TAKEN):
                failed |= dict.fromkeys(shard.keys, Outcome("retry", "conflict"))
            elif not is_success(answer):
                raise BatchRefused(code(content(answer).get("name"), answer))
        return [failed.get(record.key, ACCEPTED) for record in records]

    def read(self, records: Sequence[Record]) -> Reading:
        """Those of our segments that hold the id, in whichever shard."""
        if not records:
            return []
        standing = yield from self._standing()
        held: defaultdict[str, set[str]] = defaultdict(set)
        for name in standing:
            if ours := _NAME.fullmatch(name):
                for value in _values(standing, name):
                    held[value].add(ours[1])
        return [tuple(sorted(held[record.key])) for record in records]

    def assume(self, request: Request, before: Sequence[tuple[Request, Answer]]) -> Answer | None:
        """A list is taken, and stands there when it is read again; nobody knows the id yet of one that is made."""
        if request.method != "GET":
            return Answer(200, {}, b"{}")
        if not before:
            return None
        (_, read), *then = before
        standing = {one["id"]: one for one in listed(content(read, "segments"), "segments")}
        for number, (made, _) in enumerate(then):
            if made.method != "GET":
                id_ = made.url.rpartition("/")[2] if made.method == "PUT" else f"new-{number}"
                told = orjson.loads(made.body)
                standing = {key: one for key, one in standing.items() if one["name"] != told["name"]}
                standing[id_] = {"id": id_} | told
        return Answer(200, {}, orjson.dumps({"segments": list(standing.values())}))

    def shard(self, segment_id: str, key: str) -> str:
        """The name of the Unleash segment in which this person stands for this segment of ours."""
        number = int.from_bytes(hashlib.sha256(key.encode()).digest()[:8]) % self.options.shards
        return f"smalti-{segment_id}-{number:02d}"

    def _wanted(self, records: Sequence[Record], standing: dict[str, Segment]) -> Iterator[Shard]:
        """Every list that the records may stand in, as it should be."""
        enter: defaultdict[str, dict[str, str]] = defaultdict(dict)
        about: defaultdict[str, set[str]] = defaultdict(set)
        for record in records:
            for segment_id in record.segment_ids:
                enter[self.shard(segment_id, record.key)][record.key] = segment_id
            for segment_id in (*record.segment_ids, *record.left):
                about[segment_id].add(record.key)
        for name in sorted({*enter, *standing}):
            ours = _NAME.fullmatch(name)
            concerned = about[ours[1]] if ours else set()
            if concerned:
                there = _values(standing, name)
                kept = [value for value in there if value not in concerned or value in enter[name]]
                yield Shard(name, kept + sorted(set(enter[name]) - set(there)), concerned & {*enter[name], *there})

    def _check(self, shard: Shard, standing: dict[str, Segment]) -> None:
        others = sum(len(one.get("values") or ()) for one in _others(standing.get(shard.name)))
        if (count := len(shard.values) + others) > self.options.values_limit:
            raise Refused(
                f"unleash segment {shard.name} would hold {count} values; allowed are {self.options.values_limit}: "
                f"more shards than SMALTI_UNLEASH_SHARDS ({self.options.shards}) make them shorter"
            )

    def _standing(self) -> Generator[Request, Answer, dict[str, Segment]]:
        """The segments of the server by name."""
        answer = yield self._request("GET", "")
        return {str(one.get("name")): one for one in listed(content(answer, "segments"), "segments")}

    def _put(self, shard: Shard, there: Segment | None) -> Request:
        ours = {"contextName": _CONTEXT, "operator": _OPERATOR, "values": shard.values, "inverted": False}
        kept = {name: there[name] for name in ("description", "project") if there.get(name)} if there else {}
        told = kept | {"name": shard.name, "constraints": [ours, *_others(there)]}
        return self._request("PUT", f"/{there['id']}", told) if there else self._request("POST", "", told)

    def _request(self, method: Literal["GET", "PUT", "POST"], path: str, told: Segment | None = None) -> Request:
        url = f"{str(self.options.url).rstrip('/')}/api/admin/segments{path}"
        headers = {"Authorization": self.options.api_key.get_secret_value(), "Content-Type": "application/json"}
        return Request(method, url, headers, body(told, self.traits.batch_bytes) if told else b"")


def connect() -> Unleash:
    """By the environment."""
    return Unleash(load(UnleashOptions))


def _is_ours(constraint: dict[str, Any]) -> bool:
    return (constraint.get("contextName"), constraint.get("operator")) == (_CONTEXT, _OPERATOR)


def _values(standing: dict[str, Segment], name: str) -> list[str]:
    """What our constraint of that segment lists."""
    constraints = standing.get(name, {}).get("constraints") or ()
    return [str(value) for one in constraints if _is_ours(one) for value in one.get("values") or ()]


def _others(segment: Segment | None) -> list[dict[str, Any]]:
    """Constraints that somebody added to a segment of ours."""
    return [one for one in (segment or {}).get("constraints") or () if not _is_ours(one)]
