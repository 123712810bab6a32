"""For each rule of a gate a mutant of good data that breaks this rule and keeps every other."""

from dataclasses import replace

import pandas as pd
import polars as pl

from expectations import raw
from expectations.gate import Check, Rule
from warehouse.contracts import Contract

NO_SUCH = "no such value"


def broken(check: Check, rule: Rule) -> Check:
    """The check over its frame with one cell changed, so that the rule fails.

    Raises:
        KeyError: nobody has said how a rule of this kind is broken.
    """
    return replace(check, frame=_BREAK[rule.expectation](check.frame.copy(), rule))


def without_column(contract: Contract, profile: pl.DataFrame, rule: Rule) -> Check:
    """The check of a load that lacks the column which the rule asks for: its other rules are then not made."""
    name = str(rule.arguments["column"]).removesuffix(".nulls")
    return raw.source_check(contract, profile.filter(pl.col("column") != name))


def _null(frame: pd.DataFrame, rule: Rule) -> pd.DataFrame:
    return _put(frame, str(rule.arguments["column"]), None)


def _not_in_set(frame: pd.DataFrame, rule: Rule) -> pd.DataFrame:
    column = str(rule.arguments["column"])
    is_text = all(isinstance(value, str) for value in rule.arguments["value_set"])  # type: ignore[attr-defined]
    return _put(frame, column, NO_SUCH if is_text else 7)


def _outside(frame: pd.DataFrame, rule: Rule) -> pd.DataFrame:
    low, high = rule.arguments.get("min_value"), rule.arguments.get("max_value")
    value = float(low) - 0.001 if low is not None else float(high) + 0.001  # type: ignore[arg-type]
    return _put(frame, str(rule.arguments["column"]), value)


def _twice(frame: pd.DataFrame, rule: Rule) -> pd.DataFrame:
    column = str(rule.arguments.get("column") or rule.arguments["column_list"][0])  # type: ignore[index]
    return _put(frame, column, frame[column].iloc[0])


def _crossed(frame: pd.DataFrame, rule: Rule) -> pd.DataFrame:
    lower = frame[str(rule.arguments["column_B"])].iloc[-1]
    return _put(frame, str(rule.arguments["column_A"]), lower - 0.001)


def _put(frame: pd.DataFrame, column: str, value: object) -> pd.DataFrame:
    """The value in the last row."""
    kept = list(frame[column])
    frame[column] = pd.Series([*kept[:-1], value], dtype=object if value is None else None)
    return frame


_BREAK = {
    "ExpectColumnValuesToNotBeNull": _null,
    "ExpectColumnValuesToBeInSet": _not_in_set,
    "ExpectColumnValuesToBeBetween": _outside,
    "ExpectColumnValuesToBeUnique": _twice,
    "ExpectColumnPairValuesAToBeGreaterThanB": _crossed,
    "ExpectCompoundColumnsToBeUnique": _twice,
}
