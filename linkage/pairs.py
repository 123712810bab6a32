"""Pairs of records and the level of each comparison between them, computed once: every later step only counts these."""

from collections.abc import Sequence

import duckdb

from linkage import blocks, rules
from linkage.comparisons import Comparison


def number(connection: duckdb.DuckDBPyConnection) -> None:
    """Make the table `numbered`: `records` with `record`, their number in order of `record_id`, as pairs name them."""
    connection.execute("""
        create or replace table numbered as
        select cast(row_number() over (order by record_id) as integer) as record, * from records order by record_id
    """)


def compare(
    connection: duckdb.DuckDBPyConnection,
    comparisons: Sequence[Comparison],
    blocking: Sequence[str],
    crossed: Sequence[str],
    training: Sequence[str],
) -> int:
    """Make the table `compared` of pairs that a rule names; their number.

    Its columns are record_l, record_r, level_<field> and rule_<number>.

    Args:
        connection: has `numbered`.
        comparisons: give a column `level_<field>` each.
        blocking: rules as in `blocks`; a pair that agrees on one is compared.
        crossed: the same across two fields, as SQL.
        training: rules as in `blocks`; `rule_<number>` says whether the pair agrees on it.
    """
    joined = "from numbered as l inner join numbered as r on"
    found = [
        "select cast(null as integer) as record_l, cast(null as integer) as record_r where false",
        *(f"select l.record, r.record {joined} {blocks.sql(rule)} where l.record < r.record" for rule in blocking),
        *(
            f"select least(l.record, r.record), greatest(l.record, r.record) {joined} {rule} where l.record <> r.record"
            for rule in crossed
        ),
    ]
    agreed = [f"coalesce({blocks.sql(rule)}, false) as rule_{at}" for at, rule in enumerate(training)]
    levels = _levels(" union ".join(found), comparisons, agreed)
    connection.execute(f"create or replace table compared as {levels} order by record_l, record_r")
    return int(connection.execute("select count(*) from compared").fetchall()[0][0])


def sample(connection: duckdb.DuckDBPyConnection, comparisons: Sequence[Comparison]) -> dict[tuple[str, int], float]:
    """The share of each level among pairs of records taken at random, by field and number; missing ones left out."""
    rows = int((2 * rules.SAMPLED_PAIRS) ** 0.5) + 1
    connection.execute(f"""
        create or replace table sampled as
        select record from numbered order by hash(record_id, {rules.SEED}), record limit {rows}
    """)
    every = (
        "select l.record as record_l, r.record as record_r "
        "from sampled as l inner join sampled as r on l.record < r.record"
    )
    shares: dict[tuple[str, int], float] = {}
    counted = ", ".join(f"histogram(level_{one.field}) as {one.field}" for one in comparisons)
    found = connection.execute(f"select {counted} from ({_levels(every, comparisons, [])})").fetchall()[0]
    for one, counts in zip(comparisons, found, strict=True):
        known = {int(at): n for at, n in (counts or {}).items() if int(at) >= 0}
        shares |= {(one.field, at): n / sum(known.values()) for at, n in known.items()}
    return shares


def _levels(candidates: str, comparisons: Sequence[Comparison], agreed: Sequence[str]) -> str:
    """SQL for the levels of pairs (record_l, record_r), and whether they agree on some rules."""
    needed = sorted({column for one in comparisons for column in one.columns()})
    values = [f"{side}.{name} as {name}_{side}" for name in needed for side in "lr"]
    levels = [f"{one.level_sql()} as level_{one.field}" for one in comparisons]
    rules_ = [one.rpartition(" as ")[2] for one in agreed]
    return f"""
        select {", ".join(("record_l", "record_r", *levels, *rules_))}
        from (
            select {", ".join(("record_l", "record_r", *values, *agreed))}
            from ({candidates}) as candidates
            inner join numbered as l on record_l = l.record
            inner join numbered as r on record_r = r.record
        )
    """
