"""The rows of a plan: kept as a file before the first call, so that whoever resumes sends exactly what was planned."""

from collections.abc import Iterator, Sequence
from functools import lru_cache, partial
from pathlib import Path

import duckdb
import polars as pl

from reverse_etl.connector import Record, Traits
from warehouse import atomic
from warehouse import rekey as pseudonyms
from warehouse.settings import Settings
from warehouse.sql import literal

# by which identifier the destination knows people; an e-mail stands there as its pseudonym until it is sent
_EMAILS = """
left join (
    select customer_id, arg_max(identifier_hash, (first_seen_at, identifier_hash)) as email
    from published.profiles.identifiers semi join changes using (customer_id)
    where identifier_type = 'email' group by customer_id
) as emails using (customer_id)
"""
_ROWS = """
select
    changes.customer_id, {key} as key, changes.segment_ids,
    list_filter(changes.segment_ids, lambda one: not list_contains(changes.before, one)) as entered,
    list_filter(changes.before, lambda one: not list_contains(changes.segment_ids, one)) as left_ids,
    coalesce(changes.attributes, '') as attributes, coalesce(changes.cleared, []) as cleared
from changes {emails}
where changes.change <> 'removed' or {tells_leavers}
order by key, changes.customer_id  -- two of one key stand in one batch
"""
_SETS = ("segment_ids", "entered", "left_ids", "cleared")
_MARK = "\x1f"  # between ids in one text: the unit separator, which no id contains
_PROOFS = """
select columns(lambda one: not ends_with(one, '_hash') and one <> 'user_id')
from published.activation.consent_proofs semi join ({people}) using (customer_id)
where destination = {destination} order by customer_id, purpose, channel
"""
_PROVEN = ".proofs.parquet"
# rows keep their places, which batches name; a pseudonym of nobody now has no successor, and goes
_REKEYED = """
select held.* exclude (file_row_number) replace (case
    when not regexp_full_match(held.key, '[0-9a-f]{{64}}') or held.key in (select new from rekeyed) then held.key
    else rekeyed.new end as key)
from read_parquet({rows}, file_row_number = true) as held left join rekeyed on rekeyed.old = held.key
order by held.file_row_number
"""
_FRAME = 96  # bytes around a record in JSON: names of fields, quotes, commas


def path(settings: Settings, destination: str, plan_id: str) -> Path:
    """Where the rows of that plan stand."""
    return settings.home / "plans" / destination / f"{plan_id}.parquet"


def freeze(connection: duckdb.DuckDBPyConnection, target: Path, traits: Traits) -> None:
    """Write the rows of the plan whose tables the connection holds, atomically and durably; repeated it is the same."""
    is_email = traits.key == "email"
    query = _ROWS.format(
        key="emails.email" if is_email else f"changes.{traits.key}",
        emails=_EMAILS if is_email else "",
        tells_leavers=traits.on_exit != "nothing",
    )
    write(connection, query, target)


def prove(connection: duckdb.DuckDBPyConnection, settings: Settings, destination: str, plan_id: str) -> None:
    """Keep by what right each person of the plan is told of: a row a person, purpose and channel, beside the rows."""
    _prove(connection, destination, "from changes where len(segment_ids) > 0", path(settings, destination, plan_id))


def prove_messages(connection: duckdb.DuckDBPyConnection, destination: str, rows_path: Path) -> None:
    """Keep the same of the people of messages."""
    _prove(connection, destination, "from messages", rows_path)


def _prove(connection: duckdb.DuckDBPyConnection, destination: str, people: str, rows_path: Path) -> None:
    query = _PROOFS.format(destination=literal(destination), people=people)
    write(connection, query, rows_path.with_suffix(_PROVEN))


def rekey(settings: Settings) -> None:
    """Replace the pseudonyms in all plans by those of the rotation under way, so that what is open can be settled."""
    with duckdb.connect() as connection:
        pseudonyms.bind(connection, settings.rotation / "pairs.parquet")
        for target in sorted((settings.home / "plans").glob("*/*.parquet")):
            if not target.name.endswith(_PROVEN):
                write(connection, _REKEYED.format(rows=literal(target)), target)


def write(connection: duckdb.DuckDBPyConnection, query: str, target: Path) -> None:
    """Let the rows stand there, atomically and durably."""
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_suffix(".tmp")
    connection.execute(f"copy ({query}) to {literal(temporary)} (format parquet, compression zstd)")
    atomic.sync(temporary)
    temporary.replace(target)
    atomic.sync(target.parent)


def read(target: Path, addresses: dict[str, str] | None) -> pl.DataFrame:
    """The rows, a `number` each; with `addresses` (pseudonym → clear) keys are clear, and null where there is none."""
    frame = _complete(pl.read_parquet(target).with_row_index("number"))
    if addresses is None:
        return frame
    return frame.with_columns(pl.col("key").replace_strict(addresses, default=None, return_dtype=pl.String))


def _complete(frame: pl.DataFrame) -> pl.DataFrame:
    """A plan from before there were attributes has none."""
    if "attributes" in frame.columns:
        return frame
    none = pl.lit([], pl.List(pl.String)).alias("cleared")
    return frame.with_columns(pl.lit("").alias("attributes"), none)


def records(frame: pl.DataFrame) -> list[Record]:
    """As a connector takes them; people with the same segments share one tuple, and making a record calls no Python."""
    customer_ids, keys, attributes = (frame[name].to_list() for name in ("customer_id", "key", "attributes"))
    *sets, cleared = (map(_split, frame[name].list.join(_MARK).to_list()) for name in _SETS)
    return list(map(partial(tuple.__new__, Record), zip(customer_ids, keys, *sets, attributes, cleared, strict=True)))


@lru_cache(maxsize=1 << 16)
def _split(joined: str) -> tuple[str, ...]:
    return tuple(joined.split(_MARK)) if joined else ()


def batches(frame: pl.DataFrame, traits: Traits) -> Iterator[list[Record]]:
    """The records of each batch."""
    return (records(frame[first : last + 1]) for first, last in cut(frame, traits))


def cut(frame: pl.DataFrame, traits: Traits) -> list[tuple[int, int]]:
    """First and last row of each batch: as many as the destination takes, in people and in bytes."""
    sizes = frame.select(
        _FRAME
        + pl.col("key").str.len_bytes().fill_null(0)
        + pl.col("attributes").str.len_bytes()
        + sum(map(_listed, ("segment_ids", "entered", "cleared")), start=pl.lit(0))
    ).to_series()
    ends = sizes.cum_sum().to_list()
    return _cut(ends, traits.batch_records, traits.batch_bytes)


def _listed(name: str) -> pl.Expr:
    return pl.col(name).list.join(",").str.len_bytes() + 3 * pl.col(name).list.len()


def _cut(ends: Sequence[int], records: int, size: int) -> list[tuple[int, int]]:
    found, first, before = [], 0, 0
    while first < len(ends):
        last = first
        limit = min(first + records, len(ends))
        if ends[limit - 1] - before <= size:
            last = limit - 1
        else:
            while last + 1 < limit and ends[last + 1] - before <= size:
                last += 1
        found.append((first, last))
        first, before = last + 1, ends[last]
    return found
