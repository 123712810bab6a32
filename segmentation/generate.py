"""A rule as SQL, such as an analyst would have written: tables, figures, `measured`, and one plain `where`."""

from segmentation.conditions import Expression, compared, group, indented, truth, where
from segmentation.reading import Reading
from segmentation.rule import AllOf, AnyOf, Attribute, Comparison, Member, Not, Rule, Score
from segmentation.vocabulary import MEASURED, Vocabulary

_MOST_ON_A_LINE = 108


def sql(name: str, rule: Rule, words: Vocabulary) -> str:
    """The query of a segment, by a rule in which `check.problems` found none."""
    reading = Reading(words, name)
    condition = _decided(rule, reading, negated=False)
    decided_in = MEASURED if reading.joined else "customers"
    steps = [
        *((table, [f"select * from {{{{ {relation} }}}}"]) for table, relation in reading.tables.items()),
        *((called, step.lines()) for called, step in reading.steps.items()),
        *([(MEASURED, _measured(reading))] if reading.joined else []),
        (name, ["select customer_id", f"from {decided_in}", *where(condition)]),
    ]
    said = ",\n\n".join("\n".join([f"{called} as (", "", *indented(lines), "", ")"]) for called, lines in steps)
    return f"{note(name)}\nwith\n\n{said}\n\nselect * from {name}\n"


def note(name: str) -> str:
    """The first line of a query that nobody edits."""
    return f"-- written by `smalti segments compile` from the rule in {name}.yml: change it there"


def _decided(rule: Rule, reading: Reading, *, negated: bool) -> Expression:
    match rule:
        case AllOf(all_=parts) | AnyOf(any_=parts):
            word = "and" if isinstance(rule, AllOf) != negated else "or"
            return group(word, [_decided(part, reading, negated=negated) for part in parts])
        case Not(not_=part):
            return _decided(part, reading, negated=not negated)
        case Member(segment=segment):
            return truth(reading.member(segment).sql, wanted=True, is_nullable=False, negated=negated)
    comparison: Comparison
    if isinstance(rule, Attribute):
        operand, comparison = reading.attribute(rule.attribute), rule
    else:
        operand = reading.score(rule) if isinstance(rule, Score) else reading.occurrence(rule)
        comparison = rule.measure[1]
    return compared(operand, comparison, negated=negated)


def _measured(reading: Reading) -> list[str]:
    columns = ["customers.customer_id"]
    columns += [read if read.endswith(f".{name}") else f"{read} as {name}" for read, name in reading.columns.items()]
    lines = [line for at, column in enumerate(columns, 1) for line in _selected(column, "," * (at < len(columns)))]
    joins = [line for name in reading.joined for line in _joined(name)]
    about = "-- one row a person: the values by which the rule decides"
    return [about, "select", *indented(lines), "from customers", *joins]


def _selected(column: str, comma: str) -> list[str]:
    if len(column) <= _MOST_ON_A_LINE or not column.startswith("coalesce("):
        return [column + comma]
    figure, name = column.removeprefix("coalesce(").split(", 0) as ")
    return ["coalesce(", *indented([f"{figure},", "0"]), f") as {name}{comma}"]


def _joined(name: str) -> list[str]:
    line, on = f"left join {name}", f"on customers.customer_id = {name}.customer_id"
    whole = f"{line} {on}"
    return [whole] if len(whole) <= _MOST_ON_A_LINE else [line, *indented([on])]
