"""Whether a rule of sound shape means something: each name is there, and is compared with what it can be."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from segmentation.located import Path
from segmentation.rule import (
    NAME,
    AllOf,
    AnyOf,
    Attribute,
    Comparison,
    Duration,
    Event,
    Member,
    Not,
    OfColumn,
    Order,
    Rule,
    Score,
)
from segmentation.vocabulary import SCORES, Column, Log, Vocabulary, reserved
from segmentation.wording import close, listed, shown

_NUMBERS = ("at_least", "more_than", "at_most", "less_than", "between")
_MOMENTS = ("after", "since", "before", "until")
FITTING = {
    "text": ("is", "in", "is_null"),
    "number": ("is", "in", *_NUMBERS, "is_null"),
    "time": (*_MOMENTS, "is_null"),
    "truth": ("is", "is_null"),
    "day": (),
}
_COUNTED = Column("number", "")
_LAST = Column("time", "")
_LARGEST_DAYS = 36_500

Problem = tuple[Path, str]


@dataclass(frozen=True)
class Setting:
    """Where a rule stands: what it may name, its thresholds."""

    words: Vocabulary
    thresholds: Mapping[str, Any]


def problems(rule: Rule, setting: Setting, path: Path = ()) -> Iterator[Problem]:
    """Each thing wrong, with the path that leads to it."""
    match rule:
        case AllOf(all_=parts) | AnyOf(any_=parts):
            key = "all" if isinstance(rule, AllOf) else "any"
            for at, part in enumerate(parts):
                yield from problems(part, setting, (*path, key, at))
        case Not(not_=part):
            yield from problems(part, setting, (*path, "not"))
        case Attribute():
            yield from _named(rule.attribute, setting.words.attributes, "attribute", (*path, "attribute"))
            if column := setting.words.attributes.get(rule.attribute):
                yield from _compared(rule, column, setting, path)
        case Event():
            yield from _occurrence(rule, "event", setting.words.events, setting, path)
        case Order():
            yield from _occurrence(rule, "order", setting.words.orders, setting, path)
        case Score():
            yield from _score(rule, setting, path)
        case Member():
            yield from _named(rule.segment, sorted(setting.words.segments), "segment", (*path, "segment"))


def _named(name: str, allowed: Any, what: str, path: Path) -> Iterator[Problem]:
    if name not in allowed:
        yield path, f"no {what} {shown(name)}{close(name, allowed)}; there are: {listed(allowed)}"


def _occurrence(rule: Event | Order, what: str, log: Log, setting: Setting, path: Path) -> Iterator[Problem]:
    yield from _named(rule.kind, log.kinds, what, (*path, what))
    columns = log.columns
    for name, comparison in rule.where.items():
        yield from _named(name, columns, "column", (*path, "where"))
        if column := columns.get(name):
            yield from _compared(comparison, column, setting, (*path, "where", name))
    if "as_" in rule.model_fields_set and rule.as_ in reserved():
        yield (*path, "as"), f"the name {shown(rule.as_)} is a word of SQL; allowed is any other"
    if "within" in rule.model_fields_set:
        yield from _duration(rule.within, setting, (*path, "within"))
    measure, comparison = rule.measure
    if isinstance(comparison, OfColumn):
        allowed = [name for name, column in columns.items() if measure == "distinct" or column.is_amount]
        yield from _named(comparison.of, allowed, f"column to {measure}", (*path, measure, "of"))
    counted = _LAST if measure == "last" else _COUNTED
    yield from _compared(comparison, counted, setting, (*path, measure))
    if measure != "last" and "is_null" in comparison.model_fields_set:
        yield (*path, measure, "is_null"), f"{measure} is never null; nothing counts 0: compare with that"


def _score(rule: Score, setting: Setting, path: Path) -> Iterator[Problem]:
    yield from _named(rule.score, SCORES, "score", (*path, "score"))
    columns = SCORES.get(rule.score, {})
    name, comparison = rule.measure
    if columns:
        yield from _named(name, columns, f"{rule.score} with", (*path, name))
    if column := columns.get(name):
        yield from _compared(comparison, column, setting, (*path, name))


def _compared(comparison: Comparison, column: Column, setting: Setting, path: Path) -> Iterator[Problem]:
    for key, value in comparison.comparisons():
        if key not in FITTING[column.kind]:
            allowed = listed(FITTING[column.kind]) or "only to count it by distinct"
            yield (*path, key), f"{key!r} does not compare a {column.kind}; allowed: {allowed}"
            continue
        for at, each in enumerate(value if isinstance(value, list) else [value]):
            here = (*path, key, at) if isinstance(value, list) else (*path, key)
            told = None if key == "is_null" else _misfit(each, column, setting)
            if told:
                yield here, told


def _misfit(value: Any, column: Column, setting: Setting) -> str | None:
    if isinstance(value, Duration):
        return next((told for _, told in _duration(value, setting, ())), None)
    if column.kind == "number" and isinstance(value, str):
        return _no_threshold(value, setting)
    if column.kind == "text" and isinstance(value, str):
        return _no_value(value, column)
    is_truth = isinstance(value, bool)
    if is_truth == (column.kind == "truth") and not isinstance(value, str) and column.kind != "text":
        return None
    return f"is {shown(value)}; allowed is {_ALLOWED[column.kind]}"


_ALLOWED = {"text": "a text: quote it", "truth": "true or false", "number": "a number, or the name of a threshold"}


def _no_value(value: str, column: Column) -> str | None:
    if not column.values or value in column.values:
        return None
    return f"no value {shown(value)}{close(value, column.values)}; there are: {listed(column.values)}"


def _no_threshold(name: str, setting: Setting) -> str | None:
    there = [str(each) for each in setting.thresholds if re.fullmatch(NAME, str(each))]
    if name in there:
        return None
    known = listed(there) or "none; `thresholds` beside `rule` names numbers"
    return f"no threshold {shown(name)}{close(name, there)}; there are: {known}"


def _duration(duration: Duration, setting: Setting, path: Path) -> Iterator[Problem]:
    amount: Any = duration.amount
    if isinstance(amount, str):
        if told := _no_threshold(amount, setting):
            yield path, told
            return
        amount = setting.thresholds[amount]
    if isinstance(amount, bool) or not isinstance(amount, int) or not 0 <= amount <= _LARGEST_DAYS:
        yield path, f"is {shown(amount)} {duration.unit}s; allowed are whole numbers from 0 to {_LARGEST_DAYS}"
