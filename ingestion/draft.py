"""A draft of a source file for an export that no source knows, guessed from all of its values and shown to a person.

Loading never guesses: a draft becomes a source by being read, corrected and saved in `ingestion/sources`.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import combinations
from pathlib import Path

import duckdb

from ingestion.cast import texts_sql, value_sql
from ingestion.check import workspace
from ingestion.containers import SUFFIXES, ContentError, bare
from ingestion.delivery import Delivery, columns, identify, inspect
from ingestion.filesystem import Contents
from ingestion.load import plainly
from ingestion.read import read
from ingestion.source import Source
from ingestion.sql import connect, quoted
from ingestion.unpack import Room
from warehouse.contracts import IDENTIFIER, Column, Contract, type_names
from warehouse.errors import SmaltiError
from warehouse.settings import Settings

_FORMATS = {
    ".csv": "csv",
    ".tsv": "csv",
    ".txt": "csv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "json",
    ".parquet": "parquet",
}
_DELIMITERS = (",", ";", "\t", "|")
_TYPES: tuple[type_names, ...] = ("integer", "decimal", "boolean", "date", "timestamp")
_DATE = re.compile(r"\d{4}-\d\d-\d\d(T\d\d)?")
_KINDS = {
    "email": r"e?_?mail",
    "phone": r"phone|mobile|_tel$|^tel(_|$)",
    "birth_date": r"birth|^dob$",
    "address": r"street|address|post_?code|^zip",
    "name": r"(first|last|given|family|full|sur)_?name$|^surname$",
}
_INDIRECT = (
    r"(customer|contact|user|visitor|member|session|device|anonymous|order)_?(id|number)$|session$|^ip|agent$|city"
)

_MOST_IN_PAIRS = 12


class DraftError(SmaltiError):
    """No draft can be made of the file."""


@dataclass(frozen=True)
class _Guess:
    """One column, and how many different values it has; None where any is missing."""

    column: Column
    distinct: int | None


def draft(settings: Settings, path: Path, name: str | None, at: datetime) -> str:
    """The text of a source file for this export; it holds no value of any row.

    Raises:
        DraftError: there is no such file, its format is not known, it cannot be read whole, or it has no header or row.
    """
    if not path.is_file():
        raise DraftError(f"no file {path}; allowed: a file that can be read")
    with workspace(settings) as work:
        room = Room.of(settings, work, Contents())
        try:
            contract = _provisional(path, name or _identifier(_DATE.sub("", path.name.split(".")[0])), room)
        except ContentError as error:
            raise DraftError(f"no draft of {path.name}: {error}") from None
        one = _looked_at(path, contract, room)
        guesses, keys = plainly(contract.source, lambda: _guesses(settings, contract, one, room))
    return _text(path.name, contract, guesses, keys, at)


def _provisional(path: Path, source: str, room: Room) -> Contract:
    """All columns as text, known by their position: what loading can read without promising anything."""
    suffix = Path(bare(path.name)).suffix
    if suffix not in _FORMATS:
        raise ContentError(
            f"format not known; allowed: names that end in {', '.join(_FORMATS)}, or these and {', '.join(SUFFIXES)}"
        )
    if not re.fullmatch(IDENTIFIER, source):
        raise ContentError("no name of a source; allowed: --source NAME of small letters, digits and underscores")

    def contract(delimiter: str, names: list[str]) -> Contract:
        made = tuple(Column(name=one, header=None if one == name else name) for one, name in _named(names))
        plain = {"source": source, "description": "One row per …", "format": _FORMATS[suffix], "columns": made}
        rest = {"key": ("_position",), "repeats": "load", "arrival": "load", "purpose": "unstated"}
        return Contract.model_validate({**plain, **rest, "retention_days": 365, "delimiter": delimiter})

    one = _looked_at(path, first := contract(",", []), room)
    if one.waits or (one.fault and not one.encoding):
        raise ContentError(one.fault or one.waits)
    if first.format in ("jsonl", "json"):
        return contract(",", _keys(one))
    tried = _DELIMITERS if first.format == "csv" else (",",)
    found = {delimiter: columns(one.plain, contract(delimiter, [])) for delimiter in tried}
    best = max(found, key=lambda delimiter: len(found[delimiter]))
    return contract(best, _checked(found[best]))


def _checked(names: list[str]) -> list[str]:
    """The names as they are; a first record of values is none, and is not shown."""
    if not names or len(set(names)) < len(names) or any(re.search(r"@|^[\d\W]*$", name) for name in names):
        raise ContentError("the first record looks like values; allowed: a header with a name for each column")
    return names


def _keys(one: Delivery) -> list[str]:
    """The keys of all objects, in the order in which they come."""
    found: dict[str, None] = {}
    with one.plain.open("rb") as file:
        for line in file:
            try:
                record = json.loads(line) if line.strip() else {}
            except (ValueError, RecursionError):
                raise ContentError("not JSON Lines; allowed: one JSON object a line") from None
            found |= dict.fromkeys(record if isinstance(record, dict) else {})
    return _checked(list(found))


def _looked_at(path: Path, contract: Contract, room: Room) -> Delivery:
    one = identify(Source(contract, re.compile(re.escape(path.name))), path.resolve(), path.resolve().parent)
    return inspect(one, contract, room)


def _identifier(text: str) -> str:
    plain = re.sub(r"[^a-z0-9]+", "_", re.sub(r"(?<=[a-z])(?=[A-Z])", "_", text).lower()).strip("_")
    return (plain if plain[:1].isalpha() else f"c_{plain}")[:60]


def _named(names: list[str]) -> Iterator[tuple[str, str]]:
    """Each name as an identifier of its own, and as it is."""
    used = set[str]()
    for name in names:
        tried = (f"{_identifier(name)}{ending}" for ending in ("", *(f"_{number}" for number in range(2, 999))))
        used.add(one := next(one for one in tried if one not in used))
        yield one, name


def _guesses(
    settings: Settings, contract: Contract, one: Delivery, room: Room
) -> tuple[list[_Guess], list[tuple[str, ...]]]:
    if one.fault:
        raise DraftError(f"no draft of {one.file}: {one.fault}")
    with connect(settings, room.folder.with_name("spill"), one.path.parent, room.contents) as connection:
        [count] = read(connection, contract, [(0, one)]).values()
        if isinstance(count, str) or count == 0:
            raise DraftError(f"no draft of {one.file}: {count or 'no row to guess from'}")
        texts = texts_sql(contract)
        connection.execute(f"create temp table texts as select {texts} from delivered where _fault is null")
        guesses = [_guess(connection, column) for column in contract.columns]
        return guesses, _candidates(connection, guesses)


def _guess(connection: duckdb.DuckDBPyConnection, column: Column) -> _Guess:
    """The narrowest type that loading can cast every value to; ids and numbers with leading zeros stay text."""
    name = quoted(column.name)
    casts = ", ".join(f"count({value_sql(column.model_copy(update={'type': kind}))})" for kind in _TYPES)
    mail = value_sql(column.model_copy(update={"kind": "email"}))
    query = f"""
        select count(*), count({name}), count(distinct {name}), count(*) filter (regexp_matches({name}, '^0\\d')),
            count({mail}), {casts}
        from texts
    """
    rows, filled, distinct, zeros, mails, *fits = connection.execute(query).fetchall()[0]
    found = [kind for kind, fit in zip(_TYPES, fits, strict=True) if filled and fit == filled]
    kind = "email" if filled and mails == filled else _kind(column.name)
    is_text = bool(kind) or not found or (zeros and found[0] in ("integer", "decimal")) or column.name.endswith("_id")
    pii = "direct" if kind else "indirect" if re.search(_INDIRECT, column.name) else "none"
    guess = {"type": "text" if is_text else found[0], "nullable": filled < rows, "pii": pii, "kind": kind}
    return _Guess(column.model_copy(update=guess), distinct if filled == rows else None)


def _kind(name: str) -> str | None:
    return next((kind for kind, words in _KINDS.items() if re.search(words, name)), None)


def _candidates(connection: duckdb.DuckDBPyConnection, guesses: list[_Guess]) -> list[tuple[str, ...]]:
    """Columns, else pairs of them, whose values no two rows share; those that are ids by name first."""
    [(rows,)] = connection.execute("select count(*) from texts").fetchall()
    whole = [one.column.name for one in guesses if one.distinct is not None]
    single = [(one.column.name,) for one in guesses if one.distinct == rows]
    if single:
        return sorted(single, key=lambda key: not key[0].endswith("id"))
    pairs = list(combinations(whole[:_MOST_IN_PAIRS], 2))
    counted = ", ".join(f"count(distinct ({quoted(one)}, {quoted(other)}))" for one, other in pairs)
    found = connection.execute(f"select {counted} from texts").fetchall()[0] if pairs else ()
    return [pair for pair, distinct in zip(pairs, found, strict=True) if distinct == rows]


def _text(file: str, contract: Contract, guesses: list[_Guess], keys: list[tuple[str, ...]], at: datetime) -> str:
    date, moments = _DATE.search(file), [one for one in guesses if one.column.type == "timestamp"]
    event = next((one.column.name for one in moments if one.distinct is not None), None)
    key = keys[0] if keys else ("_position",)
    told = "; ".join(" + ".join(one) for one in keys[:5]) or "none: no column or pair of columns tells all rows apart"
    lines = [
        f'"""{contract.source}: drafted on {at:%Y-%m-%d}; every line below is a guess to be confirmed."""',
        "\nimport re\n\nfrom ingestion.source import Source\nfrom warehouse.contracts import Column, Contract\n",
        "SOURCE = Source(",
        f"    pattern=re.compile({_pattern(file)}),",
        "    contract=Contract(",
        f"        source={_quoted(contract.source)},",
        f"        description={_quoted(contract.description)},",
        f"        format={_quoted(contract.format)},",
        *([f"        delimiter={_quoted(contract.delimiter)},"] if contract.delimiter != "," else []),
        "        columns=(",
        *(f"            {_column(one.column)}" for one in guesses),
        "        ),",
        f"        # candidates in this file: {told}",
        f"        key=({', '.join(map(_quoted, key))}{',' * (len(key) == 1)}),",
        *([] if keys else ['        repeats="load",']),
        *([f"        event_time={_quoted(event)},"] if event else []),
        *([] if date else ['        arrival="load",']),
        '        purpose="unstated",  # state what it is for',
        "        retention_days=365,  # state how long it may be kept",
        "    ),",
        ")",
    ]
    return "\n".join(lines) + "\n"


def _column(column: Column) -> str:
    parts = [f"name={_quoted(column.name)}"]
    parts += [f"header={_quoted(column.header)}"] if column.header else []
    parts += [f"type={_quoted(column.type)}"] if column.type != "text" else []
    parts += [] if column.nullable else ["nullable=False"]
    parts += [f"pii={_quoted(column.pii)}"] if column.pii != "none" else []
    parts += [f"kind={_quoted(column.kind)}"] if column.kind else []
    return f"Column({', '.join(parts)})," + ("  # class guessed" if column.pii != "none" else "")


def _pattern(file: str) -> str:
    """The name with its first date as the moment of arrival."""
    whole, date = bare(file), _DATE.search(file)
    parts = _DATE.split(whole, maxsplit=1)[::2] if date else [whole]
    escaped = [re.escape(part).replace(r"\-", "-") for part in parts]
    hour = r"T\d\d" if date and date[1] else ""
    pattern = rf"(?P<arrived>\d{{4}}-\d\d-\d\d{hour})".join(escaped)
    return repr(pattern) if '"' in pattern else f'r"{pattern}"'


def _quoted(text: str) -> str:
    """The text as Python writes it, in double quotes."""
    return json.dumps(text, ensure_ascii=False)
