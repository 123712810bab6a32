"""LaunchDarkly: individual targets of a segment, added and removed by semantic patch.

`high_value` here is the segment `high-value` there, which must exist. Targets are a set: to add one that is there or to
remove one that is not is no error that LaunchDarkly names, so a call may be made again. Nobody else's targets are named
in any call, so they stay.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

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
    Unreadable,
)
from reverse_etl.options import Options, load
from reverse_etl.payload import batch, body, code, content, is_success, listed

_ADD, _REMOVE = "addIncludedTargets", "removeIncludedTargets"
_MISSING, _CONFLICT = 404, 409
_PATCH = "application/json; domain-model=launchdarkly.semanticpatch"
_PATH = "^[A-Za-z0-9._-]+$"


class LaunchdarklyOptions(Options):
    """The environment of a project, a token that may write its segments, and which id its contexts have."""

    model_config = SettingsConfigDict(env_prefix="SMALTI_LAUNCHDARKLY_")

    api_key: SecretStr
    project: str = Field(pattern=_PATH)
    environment: str = Field(pattern=_PATH)
    url: HttpUrl = HttpUrl("https://app.launchdarkly.com")
    context_kind: str = "user"
    key: Literal["customer_id", "contact_id_crm"] = "contact_id_crm"


@dataclass(frozen=True)
class Launchdarkly:
    """One environment."""

    options: LaunchdarklyOptions
    name: str = "launchdarkly"

    @property
    def traits(self) -> Traits:
        """1,500 targets a call; one call a segment and direction."""
        return Traits(
            key=self.options.key,
            mode="mirror",
            on_exit="remove",
            batch_records=1_500,
            batch_bytes=1_000_000,
            calls_per_second=2,
            burst=5,
        )

    @batch
    def write(self, records: Sequence[Record], key: str) -> Conversation:
        """A person is accepted once every segment concerned has taken it."""
        failed: dict[str, Outcome] = {}
        for kind, segment_id, keys in _instructions(records):
            answer = yield self._patch(kind, segment_id, keys)
            told = content(answer, "key")
            if failure := _failure(told, answer):
                failed |= dict.fromkeys(keys, failure)
        return [failed.get(record.key, ACCEPTED) for record in records]

    def read(self, records: Sequence[Record]) -> Reading:
        """`GET` of each segment that the records name; nobody is unknown there, so none is None."""
        held: defaultdict[str, set[str]] = defaultdict(set)
        for segment_id in sorted({one for record in records for one in (*record.segment_ids, *record.left)}):
            answer = yield self._request("GET", segment_id)
            for target in self._targets(content(answer, "key"), answer):
                held[target].add(segment_id)
        return [tuple(sorted(held[record.key])) for record in records]

    def assume(self, request: Request, before: Sequence[tuple[Request, Answer]]) -> Answer | None:
        """A patch is taken."""
        return Answer(200, {}, b'{"key": "assumed"}') if request.method == "PATCH" else None

    def _targets(self, segment: dict[str, Any], answer: Answer) -> set[str]:
        if answer.status == _MISSING:
            return set()
        if not is_success(answer) or segment.get("unbounded"):  # the targets of a big segment are not shown
            raise Unreadable
        kind = self.options.context_kind
        contexts = listed({"includedContexts": []} | segment, "includedContexts")
        named = {value for one in contexts if one.get("contextKind") == kind for value in one.get("values") or ()}
        return named | set(segment.get("included") or () if kind == "user" else ())

    def _patch(self, kind: str, segment_id: str, keys: Sequence[str]) -> Request:
        instruction = {"kind": kind, "contextKind": self.options.context_kind, "values": list(keys)}
        return self._request(
            "PATCH", segment_id, {"environmentKey": self.options.environment, "instructions": [instruction]}
        )

    def _request(self, method: Literal["GET", "PATCH"], segment_id: str, told: dict[str, Any] | None = None) -> Request:
        place = f"{self.options.project}/{self.options.environment}/{segment_id.replace('_', '-')}"
        url = f"{str(self.options.url).rstrip('/')}/api/v2/segments/{place}"
        headers = {"Authorization": self.options.api_key.get_secret_value(), "Content-Type": _PATCH}
        return Request(method, url, headers, body(told, self.traits.batch_bytes) if told else b"")


def connect() -> Launchdarkly:
    """By the environment."""
    return Launchdarkly(load(LaunchdarklyOptions))


def _instructions(records: Sequence[Record]) -> Iterator[tuple[str, str, list[str]]]:
    """Kind, segment and keys, in the order of the segments."""
    named: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
    for record in records:
        for segment_id in record.segment_ids:
            named[segment_id, _ADD].append(record.key)
        for segment_id in record.left:
            named[segment_id, _REMOVE].append(record.key)
    return ((kind, segment_id, keys) for (segment_id, kind), keys in sorted(named.items()))


def _failure(told: dict[str, Any], answer: Answer) -> Outcome | None:
    """What became of the keys of a patch, where it was not taken.

    Raises:
        BatchRefused: because of a key, it is not said of which.
    """
    if is_success(answer):
        return None
    if answer.status == _MISSING:
        return Outcome("rejected", "segment_missing")
    if answer.status == _CONFLICT:
        return Outcome("retry", "conflict")
    raise BatchRefused(code(told.get("code"), answer))
