"""What a source promises: columns with type, key, event time, class, purpose and retention."""

import codecs
import json
from pathlib import Path
from typing import Literal, Self
from zoneinfo import available_timezones

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

type_names = Literal["text", "integer", "decimal", "boolean", "timestamp", "date"]
DUCKDB_TYPES = {
    "text": "varchar",
    "integer": "bigint",
    "decimal": "decimal(18, 4)",
    "boolean": "boolean",
    "timestamp": "timestamp",
    "date": "date",
}
IDENTIFIER = r"^[a-z][a-z0-9_]{0,62}$"
RESERVED = {
    "_file": "varchar",
    "_position": "bigint",
    "_arrived_at": "timestamp",
    "_batch": "integer",
    "_extra": "varchar",
}


class Frozen(BaseModel):
    """A value: no field changes, no unknown field."""

    model_config = ConfigDict(frozen=True, extra="forbid")


# what loading says of a value beside it in raw, as `<name>_<what>`: by a column's form or kind
BESIDE = {
    "user_agent": {"is_bot": "boolean", "device_class": "varchar"},
    "email": {"is_disposable": "boolean", "canonical_hmac": "varchar"},
    "country": {"code": "varchar"},
}


# the kind of identifier that a part is of; a city alone identifies nobody
_KIND_OF = {"given_name": "name", "surname": "name", "street": "address", "postcode": "address", "city": None}


class Column(Frozen):
    """One column of an export.

    `direct` columns identify a person by themselves (e-mail, phone, name, address): they are
    normalised as `kind`, kept in the vault, and stand in raw as `<name>_hmac`. A `derived` column is
    not in the file: it is made of the texts of those that are, as an event time of year, month and day.
    `part` says which part of a name or an address it is, where linkage compares it with the same part of others.
    In a column with the `form` of an address or a query, e-mail addresses are masked; one with that of a currency
    holds its ISO 4217 code. What loading says of an e-mail, a user agent or a country stands beside it (`beside`).
    A timestamp without an offset is of the clock of `zone`.
    """

    name: str = Field(pattern=IDENTIFIER)
    header: str | None = Field(default=None, description="name in the file; the same as `name` unless given")
    type: type_names = "text"
    nullable: bool = True
    pii: Literal["none", "indirect", "direct"] = "none"
    kind: Literal["email", "phone", "name", "address", "birth_date"] | None = None
    part: Literal["given_name", "surname", "street", "postcode", "city"] | None = None
    form: Literal["user_agent", "url", "query", "country", "currency"] | None = None
    allowed: tuple[str, ...] = ()
    minimum: float | None = None
    unit: str | None = None
    zone: str | None = Field(
        default=None, description="IANA time zone of timestamps without an offset; UTC unless given"
    )
    derived: str | None = Field(default=None, description="SQL over the other columns' texts; null, never an error")
    purpose: str | None = Field(default=None, description="the contract's unless given")
    retention_days: int | None = Field(default=None, description="the contract's, since a row is kept as a whole")

    @model_validator(mode="after")
    def _direct_has_a_kind(self) -> Self:
        if (self.pii == "direct") != (self.kind is not None):
            raise ValueError(f"column {self.name}: `kind` is for direct identifiers, and each of them needs one")
        if self.pii == "direct" and self.type != "text":
            raise ValueError(f"column {self.name}: a direct identifier is text")
        if self.form and (self.kind or self.type != "text"):
            raise ValueError(f"column {self.name}: a form is for text that is no direct identifier")
        if self.zone and (self.type != "timestamp" or self.zone not in available_timezones()):
            raise ValueError(f"column {self.name}: no time zone {self.zone!r}; allowed: an IANA name, of a timestamp")
        if self.part and self.kind != _KIND_OF[self.part]:
            raise ValueError(f"column {self.name}: {self.part} is part of {_KIND_OF[self.part] or 'no identifier'}")
        if self.derived and (self.header or self.kind):
            raise ValueError(f"column {self.name}: a derived column is not in the file and identifies nobody")
        return self

    @property
    def in_file(self) -> str:
        """The column's name in the file's header."""
        return self.header or self.name

    @property
    def in_raw(self) -> str:
        """The column's name in raw: direct identifiers stand there as their HMAC."""
        return f"{self.name}_hmac" if self.pii == "direct" else self.name

    @property
    def beside(self) -> dict[str, str]:
        """Name in raw and DuckDB type of what loading says of the column's values."""
        found = BESIDE.get(self.form or self.kind or "", {})
        return {f"{self.name}_{what}": type_ for what, type_ in found.items()}


class LawfulBasis(Frozen):
    """A basis declared for everyone in the source; any explicit refusal wins over it."""

    purposes: tuple[str, ...]
    channels: tuple[str, ...]


class Person(Frozen):
    """Who a row is of: staging calls them by the user id `<prefix>:<value of column>`."""

    prefix: str = Field(pattern=IDENTIFIER)
    column: str


WHOLE_ROW = "_row"
# a line of an access log by its fields; what is of a person is not to be declared as of nobody
ACCESS_LOG = (
    *("host", "ident", "user", "time", "method", "path", "protocol"),
    *("status", "bytes", "referrer", "user_agent"),
)
_OF_PEOPLE = ("host", "ident", "user")
_NO_EXPORTS = {
    "idna",
    "punycode",
    "unicode-escape",
    "raw-unicode-escape",
    "unicode_escape",
    "raw_unicode_escape",
    "utf-7",
}


class Contract(Frozen):
    """What the files of one source hold.

    `format` is `aligned` where columns stand apart by runs of blanks, `json` for one array of objects or objects
    one after another, `access_log` for combined or common log format, whose columns are of ACCESS_LOG. `key` names
    columns, or `_position`, or `_row`: the whole row, nulls equal, where an export has no key and a row that stands
    there twice is one.
    `repeats` says what a row is whose key was seen before: `duplicate` (counted, not loaded) or
    `load` (kept; for sources whose only key is the row's position). `arrival` says when a row
    became known: the time in the file's name, the event's own time (for back-fills), or the load.
    `redelivery` says what a file is that has the name of an earlier one and other content: a correction that
    `replaces` it, or, where all exports have the same name, one that `adds` to it.
    Columns of a file that the contract does not name are kept in `_extra` and reported; where `others` is
    `leave`, they are known to be there, have no purpose and are left out; where it is `refuse`, they stop the file.
    """

    source: str = Field(pattern=IDENTIFIER)
    description: str
    format: Literal["csv", "aligned", "jsonl", "json", "parquet", "access_log"]
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    repeats: Literal["duplicate", "load"] = "duplicate"
    event_time: str | None = None
    arrival: Literal["file_name", "event_time", "load"] = "file_name"
    redelivery: Literal["replaces", "adds"] = "replaces"
    others: Literal["keep", "leave", "refuse"] = "keep"
    encoding: str = Field(default="utf-8", description="of the text; a byte order mark wins over it")
    delimiter: str = ","
    quote: str | None = Field(default='"', description="around values of CSV; doubled within unless there is an escape")
    escape: str | None = Field(default=None, description="before a quote within a quoted value")
    has_header: bool = True
    currency: str | None = Field(default=None, pattern="^[A-Z]{3}$")
    region: str = Field(default="GB", pattern="^[A-Z]{2}$", description="of phones without a country code")
    purpose: str
    retention_days: int = Field(gt=0)
    fresh_within: int | None = Field(default=None, gt=0, description="hours that the newest row may be old")
    lawful_basis: LawfulBasis | None = None
    person: Person | None = Field(default=None, description="of a source whose rows are people")
    is_simulated: bool = False

    @field_validator("encoding")
    @classmethod
    def _is_text(cls, encoding: str) -> str:
        try:
            "text".encode(encoding)
            known = codecs.lookup(encoding).name not in _NO_EXPORTS
        except (LookupError, UnicodeError):
            known = False
        if not known:
            raise ValueError(f"no encoding {encoding!r} of text; allowed: Python's names, as utf-8, cp1252, utf-16")
        return encoding

    @model_validator(mode="after")
    def _is_a_dialect(self) -> Self:
        marks = [mark for mark in (self.delimiter, self.quote, self.escape) if mark is not None]
        if any(len(mark) != 1 or not mark.isascii() or mark in "\r\n\0" for mark in marks):
            raise ValueError(f"{self.source}: delimiter, quote and escape are one ASCII character each, no line break")
        if len(set(marks)) < len(marks):
            raise ValueError(f"{self.source}: delimiter, quote and escape differ; without `escape` a quote is doubled")
        if self.escape and not self.quote:
            raise ValueError(f"{self.source}: an escape needs a quote")
        return self

    @model_validator(mode="after")
    def _is_of_a_log(self) -> Self:
        if self.format != "access_log":
            return self
        for column in self.delivered:
            if column.in_file not in ACCESS_LOG:
                raise ValueError(f"{self.source}: no field {column.in_file!r}; there are: {', '.join(ACCESS_LOG)}")
            if column.in_file in _OF_PEOPLE and column.pii == "none":
                raise ValueError(f"{self.source}: {column.in_file} is of a person: `pii` is indirect or direct")
        return self

    @model_validator(mode="after")
    def _names_agree(self) -> Self:
        names = [column.name for column in self.columns]
        made = [name for column in self.columns for name in column.beside]
        if len({*names, *made}) != len(names) + len(made):
            raise ValueError(f"{self.source}: a column name stands twice")
        if WHOLE_ROW in self.key and len(self.key) > 1:
            raise ValueError(f"{self.source}: the whole row is the key by itself")
        known = {*names, "_position", WHOLE_ROW}
        named = [self.event_time, self.person.column if self.person else None]
        for name in (*self.key, *(name for name in named if name)):
            if name not in known:
                raise ValueError(f"{self.source}: no column {name!r}; there are: {', '.join(sorted(known))}")
        if self.arrival == "event_time" and not self.event_time:
            raise ValueError(f"{self.source}: arrival by event time needs `event_time`")
        return self

    def column(self, name: str) -> Column:
        """The column of that name.

        Raises:
            KeyError: there is none.
        """
        return {column.name: column for column in self.columns}[name]

    @model_validator(mode="after")
    def _days_are_those_of_a_row(self) -> Self:
        """A row goes as a whole: days of a column that are not kept to would be an empty promise."""
        for column in self.columns:
            if column.retention_days not in (None, self.retention_days):
                raise ValueError(
                    f"column {column.name}: retention_days {column.retention_days}, but a row is kept whole for "
                    f"{self.retention_days}; allowed: the contract's, or a source of its own for the column"
                )
        return self

    @property
    def delivered(self) -> tuple[Column, ...]:
        """The columns that a file has, in its order."""
        return tuple(column for column in self.columns if not column.derived)

    @property
    def is_personal(self) -> bool:
        """Whether any column identifies a person by itself."""
        return any(column.kind for column in self.columns)

    @property
    def names_stand_first(self) -> bool:
        """Whether a file's first record is the names of its columns."""
        return self.has_header and self.format in ("csv", "aligned")

    @property
    def key_in_raw(self) -> tuple[str, ...]:
        """The key by its names in raw."""
        names = {column.name: column.in_raw for column in self.columns}
        return tuple(names.values()) if self.key == (WHOLE_ROW,) else tuple(names.get(k, k) for k in self.key)

    def raw_columns(self) -> dict[str, str]:
        """Name and DuckDB type of each column of the raw Parquet, in order."""
        found: dict[str, str] = {}
        for column in self.columns:
            found[column.in_raw] = "varchar" if column.pii == "direct" else DUCKDB_TYPES[column.type]
            found |= column.beside
        return found | RESERVED

    def write(self, folder: Path) -> None:
        """Write `contract.json` into the source's raw folder, for dbt and the gates to read."""
        folder.mkdir(parents=True, exist_ok=True)
        text = json.dumps(self.model_dump(mode="json") | {"raw_columns": self.raw_columns()}, indent=1)
        temporary = folder / "contract.json.tmp"
        temporary.write_text(text)
        temporary.replace(folder / "contract.json")


def read(folder: Path) -> Contract:
    """The contract beside the raw data in `folder`."""
    fields = json.loads((folder / "contract.json").read_text())
    fields.pop("raw_columns")
    return Contract.model_validate(fields)
