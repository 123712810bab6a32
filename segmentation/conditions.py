"""Comparisons as SQL, and their opposites.

A condition is met or it is not: null meets none. So the opposite of a comparison is written out where it stands, with
`is null` for a column that may be null, and no `not (…)` remains to be thought through.
"""

from dataclasses import dataclass
from typing import Any

from segmentation.rule import Comparison, Duration

_SIGNS = {
    "is": ("=", "<>"),
    "at_least": (">=", "<"),
    "more_than": (">", "<="),
    "at_most": ("<=", ">"),
    "less_than": ("<", ">="),
    "after": (">", "<="),
    "since": (">=", "<"),
    "before": ("<", ">="),
    "until": ("<=", ">"),
}
_INDENT = "    "
_WIDE = 100
_WIDE_GROUP = 84  # `as_of()` comes out longer than it is written


@dataclass(frozen=True)
class Operand:
    """What is compared: a column or an expression, whether it is a text, whether it may be null."""

    sql: str
    is_text: bool
    is_nullable: bool


@dataclass(frozen=True)
class Leaf:
    """One comparison, as lines."""

    lines: tuple[str, ...]


@dataclass(frozen=True)
class Group:
    """Conditions joined by one word."""

    word: str
    parts: tuple["Leaf | Group", ...]


Expression = Leaf | Group


def group(word: str, parts: list[Expression]) -> Expression:
    """Conditions joined by `and` or `or`, without needless brackets."""
    flat: list[Expression] = []
    for part in parts:
        flat += part.parts if isinstance(part, Group) and part.word == word else [part]
    return flat[0] if len(flat) == 1 else Group(word, tuple(flat))


def compared(operand: Operand, comparison: Comparison, *, negated: bool = False) -> Expression:
    """A comparison, or its opposite."""
    parts: list[Expression] = [_one(operand, key, value, negated=negated) for key, value in comparison.comparisons()]
    return group("or" if negated else "and", parts)


def truth(column: str, *, wanted: bool, is_nullable: bool, negated: bool = False) -> Leaf:
    """A column that is true or false, or the opposite."""
    if negated and is_nullable:
        return Leaf((f"{column} is not {str(wanted).lower()}",))
    return Leaf((column if wanted != negated else f"not {column}",))


def where(expression: Expression) -> list[str]:
    """The `where` of a step."""
    lines = _joined(expression) if isinstance(expression, Group) else list(expression.lines)
    return [f"where {lines[0]}"] if len(lines) == 1 else ["where", *indented(lines)]


def indented(lines: list[str]) -> list[str]:
    """Lines one level deeper."""
    return [f"{_INDENT}{line}" for line in lines]


def _joined(found: Group) -> list[str]:
    lines = []
    for at, part in enumerate(found.parts):
        first, *others = _bracketed(part)
        lines += [first if at == 0 else f"{found.word} {first}", *others]
    return lines


def _bracketed(part: Expression) -> list[str]:
    if isinstance(part, Leaf):
        return list(part.lines)
    lines = _joined(part)
    line = f"({' '.join(lines)})"
    is_short = len(line) <= _WIDE_GROUP and all(isinstance(each, Leaf) and len(each.lines) == 1 for each in part.parts)
    return [line] if is_short else ["(", *indented(lines), ")"]


def _one(operand: Operand, key: str, value: Any, *, negated: bool) -> Expression:
    column = operand.sql
    if key == "is_null":
        return Leaf((f"{column} is {'null' if value != negated else 'not null'}",))
    if key == "is" and isinstance(value, bool):
        return truth(column, wanted=value, is_nullable=operand.is_nullable, negated=negated)
    if key == "is" and negated and operand.is_nullable:
        return Leaf((f"{column} is distinct from {_literal(operand, value)}",))
    if key in ("in", "between"):
        lines = _several(operand, key, value, negated=negated)
    else:
        lines = [f"{column} {_SIGNS[key][negated]} {_literal(operand, value)}"]
    said = Leaf(tuple(lines))
    return group("or", [said, Leaf((f"{column} is null",))]) if negated and operand.is_nullable else said


def _several(operand: Operand, key: str, values: list[Any], *, negated: bool) -> list[str]:
    literals = [_literal(operand, value) for value in values]
    opposite = "not " if negated else ""
    if key == "between":
        return [f"{operand.sql} {opposite}between {literals[0]} and {literals[1]}"]
    line = f"{operand.sql} {opposite}in ({', '.join(literals)})"
    if len(line) <= _WIDE:
        return [line]
    commas = [*(f"{literal}," for literal in literals[:-1]), literals[-1]]
    return [f"{operand.sql} {opposite}in (", *indented(commas), ")"]


def _literal(operand: Operand, value: Any) -> str:
    if isinstance(value, Duration):
        return f"{{{{ as_of() }}}} - {interval(value)}"
    if operand.is_text:
        return quoted(value)
    return threshold(value) if isinstance(value, str) else number(value)


def quoted(text: str) -> str:
    """A text as SQL's literal: the quote is the only character that ends one."""
    return "'" + text.replace("'", "''") + "'"


def number(value: float) -> str:
    """A number as a person writes it."""
    return f"{value:f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)


def threshold(name: str) -> str:
    """A number of the sidecar; `check.py` has seen that the name is one."""
    return f"{{{{ threshold('{name}') }}}}"


def interval(duration: Duration) -> str:
    """A length of time."""
    if isinstance(duration.amount, int):
        return f"interval {duration.amount} {duration.unit}"
    return f"{threshold(duration.amount)} * interval 1 {duration.unit}"
