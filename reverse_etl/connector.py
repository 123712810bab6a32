"""What a connector is: something that says how records become requests, and what the answers mean for each record.

A connector talks, and does nothing else: it yields a request, is given the answer, and returns one outcome for each
record. It never sends, waits, tries again, compares or writes a row down; that is done once, by the core, for all of
them. The same conversation is therefore held with a real server, with a scripted one, and with nobody (a dry run).
"""

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple, Protocol, runtime_checkable


class Record(NamedTuple):
    """A person whom a destination is to be told about.

    `key` is what the destination knows the person by (`Traits.key`); `segment_ids` is the complete set that should
    stand there, empty for somebody who leaves; `entered` and `left` are the difference to what it accepted last.
    `attributes` is the complete set of what else is told, as JSON text, empty where nothing is; `cleared` are names
    that stood there and no longer do. `payload.attributes` reads both.
    """

    customer_id: str
    key: str
    segment_ids: tuple[str, ...]
    entered: tuple[str, ...]
    left: tuple[str, ...]
    attributes: str = ""
    cleared: tuple[str, ...] = ()


class Outcome(NamedTuple):
    """What became of one record: `code` is the destination's or ours, never a value of the record.

    `retry` is for records that the destination named as not taken for now; what a whole answer means (429, 5xx) the
    core knows without being told. It alone says `unknown`: something may have happened there.
    """

    outcome: Literal["accepted", "rejected", "retry", "unknown"]
    code: str | None = None


ACCEPTED = Outcome("accepted")


@dataclass(frozen=True)
class Request:
    """One call. `body` is exactly what is sent; `after_seconds` is how long the destination wants us to wait first."""

    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"]
    url: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes = field(default=b"", repr=False)
    after_seconds: float = 0.0


@dataclass(frozen=True)
class Answer:
    """What came back; header names are in lower case."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes = field(default=b"", repr=False)


class BatchRefused(Exception):
    """The destination refused the batch as a whole and did not say for which record; the core takes it apart.

    `code` names the reason in the destination's words for the kind, never a value.
    """

    def __init__(self, code: str) -> None:
        """Keep the code."""
        super().__init__(code)
        self.code = code


class Unreadable(Exception):
    """The answer is not what the destination says it answers: nobody knows what became of the batch."""


Conversation = Generator[Request, Answer, Sequence[Outcome]]
Reading = Generator[Request, Answer, Sequence[tuple[str, ...] | None]]


@dataclass(frozen=True)
class Traits:
    """How a destination behaves: said here and nowhere else; the core keeps to it.

    What it may be used for is not its own to say: `destinations.csv` names purposes and channels.

    `mode` and `on_exit`: whom it is told about (`upsert`: who entered or changed; `mirror`: also who left; `all`:
    everybody, each time) and what becomes of somebody who left (`nothing`, `clear`: the record stays with an empty set,
    `remove`).
    `replay`: a call whose fate is unknown may be made again because it sets a state (`safe`) or because the destination
    knows the request by its key (`keyed`); otherwise what stands there is read first (`read`).
    """

    key: Literal["customer_id", "contact_id_crm", "email"]
    mode: Literal["upsert", "mirror", "all"]
    on_exit: Literal["nothing", "clear", "remove"]
    batch_records: int
    batch_bytes: int
    calls_per_second: float
    burst: int = 1
    concurrency: int = 1
    replay: Literal["safe", "keyed", "read"] = "safe"


@runtime_checkable
class Connector(Protocol):
    """One file under `reverse_etl/destinations/`, which defines `connect() -> Connector`.

    One that can be told attributes of a person says what they may be called there: `ATTRIBUTE_NAMES`, a pattern.
    """

    @property
    def name(self) -> str:
        """The module's name, which is also the audience's `destination`."""

    @property
    def traits(self) -> Traits:
        """What it can do."""

    def write(self, records: Sequence[Record], key: str) -> Conversation:
        """Tell the destination; `key` names this batch and is the same whenever it is sent again.

        Raises:
            BatchRefused: none was taken, and it is not said which are at fault.
            Unreadable: the answer cannot be what the destination meant.
        """

    def read(self, records: Sequence[Record]) -> Reading:
        """The set that stands there for each record, of segments that Smalti put there; None where nobody is there."""


@runtime_checkable
class Messaging(Protocol):
    """A connector that takes messages too: what follows from an entry into a trigger segment, told once.

    Its module says so: `TAKES_MESSAGES = True`.
    """

    @property
    def name(self) -> str:
        """The module's name."""

    @property
    def traits(self) -> Traits:
        """What it can do."""

    def notify(self, record: Record) -> Conversation:
        """Tell of one message: `customer_id` is its id, and the key of the call; `key` is the person's.

        `entered` is the segment; `attributes` say `reason`, `entered_at`, `due_at`, `purpose` and `channel`.
        """


@runtime_checkable
class Renewing(Protocol):
    """A connector whose credential expires: asked once, when an answer (401) says that it has."""

    def renew(self) -> Generator[Request, Answer, None]:
        """Fetch a new one, and use it from then on."""


@runtime_checkable
class Rehearsing(Protocol):
    """A connector that changes more than one thing for a batch, or reads what it has changed: for a dry run."""

    def assume(self, request: Request, before: Sequence[tuple[Request, Answer]]) -> Answer | None:
        """What would be answered if all of `before` and this were done; None where it only reads what stands there."""
