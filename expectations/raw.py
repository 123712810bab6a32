"""The gate after loading: does what landed in raw keep its source's contract?

It looks at a profile, one row per source and column, never at the rows themselves.
"""

from datetime import UTC, datetime

import pandas as pd
import polars as pl

from expectations import gate
from expectations.gate import Check, GateFailed, Result, Rule
from warehouse import contracts
from warehouse.contracts import Contract
from warehouse.settings import Settings

SUITE = "raw"
EARLIEST, LATEST = datetime(1995, 1, 1, tzinfo=UTC).timestamp(), datetime(2100, 1, 1, tzinfo=UTC).timestamp()
MEASURES = ("nulls", "minimum", "maximum")


def check_raw(settings: Settings, run_id: str) -> Result:
    """Hold the run's raw profile against the contracts.

    Returns:
        What was found; `skipped` where the run brought no new rows.

    Raises:
        GateFailed: a rule failed, the profile is missing, or the gate itself broke.
    """
    return gate.run(settings, run_id, SUITE, lambda: checks(settings, run_id))


def checks(settings: Settings, run_id: str) -> list[Check] | None:
    """A check per source of the run's profile; None where the profile has no rows.

    Raises:
        GateFailed: there is no profile, or no contract for a source in it.
    """
    path = settings.gates / run_id / "raw_profile.parquet"
    if not path.exists():
        raise GateFailed(f"no {path.name} of run {run_id}; loading writes it, with zero rows where nothing was loaded")
    profile = pl.read_parquet(path)
    if profile.is_empty():
        return None
    sources = sorted(profile["source"].unique().to_list())
    unknown = [name for name in sources if not (settings.raw / name / "contract.json").exists()]
    if unknown:
        raise GateFailed(f"no contract beside the raw data of {', '.join(unknown)}; every source has one")
    return [source_check(contracts.read(settings.raw / name), profile.filter(source=name)) for name in sources]


def source_check(contract: Contract, profile: pl.DataFrame) -> Check:
    """The check of one source: its profile as a one-row frame, `rows` and `<column>.<measure>`, and its rules."""
    wide = {"rows": [profile["rows"][0]]} | {
        f"{row['column']}.{measure}": [row[measure]] for row in profile.iter_rows(named=True) for measure in MEASURES
    }
    types = {f"{row['column']}.type": [_plain(row["type"])] for row in profile.iter_rows(named=True)}
    present = set(profile["column"])
    rules = [
        _between("rows", f"{contract.source}: there are rows", low=1),
        Rule("ExpectColumnValuesToNotBeNull", {"column": "rows"}, f"{contract.source}: its rows were counted"),
        *(rule for name in contract.raw_columns() for rule in _rules(contract, name, present)),
    ]
    return Check(f"{SUITE}_{contract.source}", pd.DataFrame(wide | types), tuple(rules))


def _rules(contract: Contract, name: str, present: set[str]) -> list[Rule]:
    where = f"{contract.source}.{name}"
    there = Rule("ExpectColumnToExist", {"column": f"{name}.nulls"}, f"{where}: the column is there")
    if name not in present:
        return [there]  # the other rules would fail for the same reason, and bury it
    kind = _plain(contract.raw_columns()[name])
    rules = [
        there,
        Rule("ExpectColumnValuesToBeInSet", {"column": f"{name}.type", "value_set": [kind]}, f"{where}: is {kind}"),
        Rule("ExpectColumnValuesToNotBeNull", {"column": f"{name}.nulls"}, f"{where}: its nulls were counted"),
    ]
    return rules + _value_rules(contract, name, where)


def _value_rules(contract: Contract, name: str, where: str) -> list[Rule]:
    columns = {column.in_raw: column for column in contract.columns}
    key = {column.in_raw for column in contract.columns if column.name in contract.key}
    column, rules = columns.get(name), []
    if name in key or (name.startswith("_") and name != "_extra"):
        rules.append(
            _between(f"{name}.nulls", f"{where}: a column of the key or of the loader has no nulls", low=0, high=0)
        )
    elif column and not column.nullable:
        rules.append(_between(f"{name}.nulls", f"{where}: has no nulls, for it is not nullable", low=0, high=0))
    if column and column.minimum is not None:
        rules.append(_between(f"{name}.minimum", f"{where}: is nowhere below its minimum", low=column.minimum))
    if name == contract.event_time:
        rules.append(_between(f"{name}.minimum", f"{where}: the earliest is after 1995", low=EARLIEST))
        rules.append(_between(f"{name}.maximum", f"{where}: the latest is before 2100", high=LATEST))
    return rules


def _between(column: str, says: str, low: float | None = None, high: float | None = None) -> Rule:
    return Rule("ExpectColumnValuesToBeBetween", {"column": column, "min_value": low, "max_value": high}, says)


def _plain(kind: str) -> str:
    """A type's name in one spelling: DuckDB says `DECIMAL(18,4)`, a contract `decimal(18, 4)`."""
    return kind.lower().replace(" ", "")
