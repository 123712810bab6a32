"""What must hold of `scores.cluster_migrations`: who went from which group of the former model into which new one."""

import pandas as pd
import polars as pl

from expectations.gate import Check, Rule

TABLE = "cluster_migrations"
COLUMNS = {
    "from_cluster": "Int32",
    "from_persona": "String",
    "into_cluster": "Int32",
    "into_persona": "String",
    "people": "Int64",
    "share": "Float64",
    "from_version": "String",
    "into_version": "String",
}
_NULLABLE = {"into_cluster", "into_persona"}  # where the new model found no groups
_ROUNDED = 0.01  # shares have four digits, and a group may go into many


def checks(suite: str, frame: pl.DataFrame) -> list[Check]:
    """The checks of the file as a whole and of each of its rows; rules are left out for columns that are missing."""
    return [_totals(suite, frame), _rows(suite, frame)]


def _totals(suite: str, frame: pl.DataFrame) -> Check:
    seen = {
        "columns": ", ".join(f"{name} {kind}" for name, kind in frame.schema.items()),
        "shares_astray": _astray(frame) if {"from_cluster", "share"} <= set(frame.columns) else 0,
    }
    expected = ", ".join(f"{name} {kind}" for name, kind in COLUMNS.items())
    rules = (
        _in("columns", expected, "columns and types are as specified"),
        _in("shares_astray", 0, "the shares of each former group are 1 together"),
    )
    return Check(f"{suite}_{TABLE}_totals", pd.DataFrame([seen]), rules)


def _astray(frame: pl.DataFrame) -> int:
    sums = frame.group_by("from_cluster").agg(pl.col("share").sum())["share"]
    return int(((sums - 1).abs() > _ROUNDED).sum())


def _rows(suite: str, frame: pl.DataFrame) -> Check:
    rules = [
        Rule("ExpectColumnValuesToNotBeNull", {"column": name}, f"{name} is not null")
        for name in COLUMNS
        if name not in _NULLABLE and name in frame.columns
    ]
    if "people" in frame.columns:
        rules.append(
            Rule("ExpectColumnValuesToBeBetween", {"column": "people", "min_value": 1}, "people are 1 or more")
        )
    if {"from_cluster", "into_cluster"} <= set(frame.columns):
        pair = {"column_list": ["from_cluster", "into_cluster"]}
        rules.append(Rule("ExpectCompoundColumnsToBeUnique", pair, "from_cluster and into_cluster occur once together"))
    cells = pd.DataFrame({name: frame[name].to_numpy() for name in frame.columns if name in COLUMNS})
    return Check(f"{suite}_{TABLE}", cells, tuple(rules))


def _in(column: str, allowed: object, says: str) -> Rule:
    return Rule("ExpectColumnValuesToBeInSet", {"column": column, "value_set": [allowed]}, says)
