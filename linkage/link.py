"""Records of people without a common key → links, as `links/<run_id>/` with the card beside them.

Clear values are read from the vault into memory that cannot spill to disk, and go nowhere else: not into the links, the
card, a log, or the text of an error.
"""

import json
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import duckdb

from linkage import card, model, records, reuse, rules
from linkage.model import Fitted
from warehouse import atomic
from warehouse import links as shape
from warehouse.errors import SmaltiError
from warehouse.settings import Settings
from warehouse.sql import literal

_LEAST = 2  # records, for there to be a pair


class LinkageError(SmaltiError):
    """Linking failed; says which kind of error it was, never its text, which may hold a value."""


@dataclass(frozen=True)
class Outcome:
    """What became of a linkage; `reason` says why nothing was compared, where that is so."""

    records: int
    links: int
    seconds: float
    reason: str | None = None


def link(settings: Settings, run_id: str, as_of: datetime) -> Outcome:
    """Write `links.parquet`, `card.json` and `card.md` into `<links>/<run_id>/`; zero links where none are found.

    The folder appears whole; run again over the same records, the links are the same, and are not computed again.

    Args:
        settings: says where raw and vault are, and whether to link at all.
        run_id: names the folder written.
        as_of: rows that arrived later, or speak of a later time, are not known (UTC).

    Raises:
        Busy: another process holds the vault.
        LinkageError: comparing failed, as where there is too little memory.
    """
    began = time.monotonic()
    with _memory(settings) as connection:
        count, reason = _records(connection, settings, _naive(as_of))
        made_of = None if reason else reuse.fingerprint(connection, settings)
        earlier = reuse.before(settings, made_of)
        fitted = None if reason or earlier else model.score(connection)
        aside = settings.links / f".{run_id}.new"
        shutil.rmtree(aside, ignore_errors=True)
        aside.mkdir(parents=True)
        if earlier:
            made = _again(earlier, aside)
        else:
            made = _anew(connection, settings, aside, fitted, reason) | {"fingerprint": made_of}
    seconds = round(time.monotonic() - began, 1)
    _keep(aside, made | {"seconds": seconds})
    _swap(aside, shape.path(settings, run_id).parent)
    return Outcome(count, _count(shape.path(settings, run_id)), seconds, reason)


def _anew(
    connection: duckdb.DuckDBPyConnection, settings: Settings, aside: Path, fitted: Fitted | None, reason: str | None
) -> card.Card:
    """Write what was found; the card of it."""
    _write(connection, aside / "links.parquet", fitted)
    names = [contract.source for contract in records.sources(settings)]
    return card.make(fitted, names, _count(aside / "links.parquet"), reason)


def _again(earlier: Path, aside: Path) -> card.Card:
    """Take the links of an earlier run, which are the same; its card says so."""
    shutil.copy2(earlier / "links.parquet", aside)
    made: card.Card = json.loads((earlier / "card.json").read_text())
    return made | {"links_of": made.get("links_of") or earlier.name}


@contextmanager
def _memory(settings: Settings) -> Iterator[duckdb.DuckDBPyConnection]:
    """A database in memory, on one thread for sums in one order; whose errors keep what they say to themselves."""
    options: dict[str, str | bool | int | float | list[str]] = {
        "threads": 1,
        "memory_limit": settings.memory_limit,
        "temp_directory": "",
    }
    with duckdb.connect(config=options) as connection:
        connection.execute("set TimeZone = 'UTC'")
        try:
            yield connection
        except SmaltiError:
            raise
        except Exception as error:  # noqa: BLE001  # Splink's errors quote SQL and values
            raise LinkageError(f"linkage failed: {type(error).__name__}; links of the last run stay in use") from None


def _records(connection: duckdb.DuckDBPyConnection, settings: Settings, as_of: datetime) -> tuple[int, str | None]:
    """How many records there are to compare, and why none are compared, where that is so."""
    if not settings.linkage:
        return 0, "SMALTI_LINKAGE is false"
    count = records.read(connection, settings, as_of)
    return count, None if count >= _LEAST else "fewer than two records of people with two kinds of identifier"


def _count(path: Path) -> int:
    with duckdb.connect() as connection:
        return int(connection.execute(f"select count(*) from {literal(path)}").fetchall()[0][0])


def _write(connection: duckdb.DuckDBPyConnection, path: Path, fitted: Fitted | None) -> None:
    """Write the links; each is known since the later of its two records is."""
    query = shape.none()
    if fitted:
        query = f"""
            select 'user_id' as from_type, record_id_l as from_key, 'user_id' as to_type, record_id_r as to_key,
                match_weight, match_probability, greatest(l.arrived_at, r.arrived_at) as linked_at
            from scored
            inner join known as l on record_id_l = l.record_id
            inner join known as r on record_id_r = r.record_id
            where match_probability >= {rules.THRESHOLD}
            order by from_key, to_key
        """
    connection.execute(f"copy ({query}) to {literal(path)} (format parquet, compression zstd)")


def _keep(folder: Path, made: card.Card) -> None:
    (folder / "card.json").write_text(json.dumps(made, indent=1) + "\n")
    (folder / "card.md").write_text(card.markdown(made))
    for path in folder.iterdir():
        atomic.sync(path)


def _swap(aside: Path, target: Path) -> None:
    """A kill between the two renames leaves no folder, never half of one; the repeated step writes it."""
    old = target.with_name(f".{target.name}.old")
    shutil.rmtree(old, ignore_errors=True)
    if target.exists():
        target.rename(old)
    aside.rename(target)
    atomic.sync(target.parent)
    shutil.rmtree(old, ignore_errors=True)


def _naive(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment
