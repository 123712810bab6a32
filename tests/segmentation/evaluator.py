"""What a rule means, in plain Python: the second opinion on the SQL, which knows nothing of the generator."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

AS_OF = datetime(2026, 8, 31)
THRESHOLDS = {"few": 2, "span": 30, "half": 0.5}
Row = Mapping[str, Any]

_TESTS: dict[str, Callable[[Any, Any], bool]] = {
    "is": lambda value, wanted: value == wanted,
    "in": lambda value, wanted: value in wanted,
    "at_least": lambda value, wanted: value >= wanted,
    "more_than": lambda value, wanted: value > wanted,
    "at_most": lambda value, wanted: value <= wanted,
    "less_than": lambda value, wanted: value < wanted,
    "between": lambda value, wanted: wanted[0] <= value <= wanted[1],
    "after": lambda value, wanted: value > wanted,
    "since": lambda value, wanted: value >= wanted,
    "before": lambda value, wanted: value < wanted,
    "until": lambda value, wanted: value <= wanted,
}


@dataclass(frozen=True)
class World:
    """Everybody, what they did and ordered, what models say of them, who is in the other segment."""

    people: tuple[Row, ...]
    events: tuple[Row, ...]
    orders: tuple[Row, ...]
    propensity: tuple[Row, ...]
    clusters: tuple[Row, ...]
    friends: frozenset[str]


def length(text: str) -> timedelta:
    """`30 days`, `span days`."""
    amount, unit = text.split()
    return timedelta(**{f"{unit.rstrip('s')}s": int(amount) if amount.isdigit() else THRESHOLDS[amount]})


def _wanted(key: str, value: Any) -> Any:
    if key in ("after", "since", "before", "until"):
        return AS_OF - length(value.removesuffix(" ago"))
    if isinstance(value, list):
        return [_wanted("", each) for each in value]
    return THRESHOLDS.get(value, value) if isinstance(value, str) else value


def compares(value: Any, comparison: Any) -> bool:
    """Whether a value is what is asked; null is nothing but null."""
    if not isinstance(comparison, dict):
        comparison = {"in" if isinstance(comparison, list) else "is": comparison}
    asked = {key: given for key, given in comparison.items() if key in _TESTS}
    if "is_null" in comparison and comparison["is_null"] != (value is None):
        return False
    if value is None:
        return not asked
    is_text = isinstance(value, str)  # a text that is called as a threshold is a text
    return all(_TESTS[key](value, given if is_text else _wanted(key, given)) for key, given in asked.items())


def met(rule: Any, person: Row, world: World) -> bool:
    """Whether a person meets a rule."""
    if "all" in rule or "any" in rule:
        parts = [met(part, person, world) for part in rule.get("all") or rule["any"]]
        return all(parts) if "all" in rule else any(parts)
    if "not" in rule:
        return not met(rule["not"], person, world)
    if "segment" in rule:
        return person["customer_id"] in world.friends
    if "score" in rule:
        return _scored(rule, rule["score"], person, world)
    if "attribute" in rule:
        return compares(person[rule["attribute"]], rule)
    rows, kind = (world.events, "event_type") if "event" in rule else (world.orders, "status")
    wanted = rule.get("event") or rule["order"]
    return _counts(rule, [row for row in rows if wanted in ("any", row[kind])], person)


def _scored(rule: Any, score: str, person: Row, world: World) -> bool:
    rows = world.clusters if score == "clusters" else [row for row in world.propensity if row["model"] == score]
    own = next((row for row in rows if row["customer_id"] == person["customer_id"]), {})
    (column,) = set(rule) - {"score"}
    return compares(own.get(column), rule[column])


def _value(row: Row, column: str) -> Any:
    moment: datetime = row["occurred_at"] if "occurred_at" in row else row["ordered_at"]
    derived = {"hour": moment.hour, "weekday": moment.isoweekday(), "day": moment.date()}
    return derived[column] if column in derived else row[column]


def _counts(rule: Any, rows: list[Row], person: Row) -> bool:
    own = [row for row in rows if row["customer_id"] == person["customer_id"]]
    own = [row for row in own if all(compares(_value(row, name), each) for name, each in rule.get("where", {}).items())]
    moments = [row["occurred_at"] if "occurred_at" in row else row["ordered_at"] for row in own]
    if "within" in rule:
        kept = [at for at, moment in enumerate(moments) if moment > AS_OF - length(rule["within"])]
        own, moments = [own[at] for at in kept], [moments[at] for at in kept]
    (measure,) = {"count", "distinct", "sum", "last"} & set(rule)
    asked = rule[measure]
    values = [value for row in own if "of" in asked and (value := _value(row, asked["of"])) is not None]
    figures = {"count": len(own), "distinct": len(set(values)), "last": max(moments, default=None)}
    return compares(sum(values) if measure == "sum" else figures[measure], asked)
