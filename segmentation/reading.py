"""What a rule needs to read: tables, the figures made of them, and under which name the rule compares each.

Names are taken once. A figure asked for twice is made once; figures over the same rows share a step.
"""

import re
from dataclasses import dataclass, field

from segmentation.conditions import Expression, Leaf, Operand, compared, group, indented, interval, quoted, where
from segmentation.rule import Duration, Event, OfColumn, Order, Score
from segmentation.vocabulary import MEASURED, SCORES, TABLES, Log, Vocabulary

_SLUG = re.compile(r"[a-z][a-z0-9_]{0,11}")
_WINDOWS = {"minute": "min", "hour": "h", "day": "d", "week": "w"}


@dataclass
class Step:
    """A step between the tables and `measured`: what it is for, from where, of which rows, what it selects."""

    wanted: str
    table: str
    rows: list[str]
    is_grouped: bool
    figures: dict[str, str] = field(default_factory=dict)

    def lines(self) -> list[str]:
        """The step's SELECT."""
        figures = [sql if sql == name else f"{sql} as {name}" for name, sql in self.figures.items()]
        selected = ["customer_id,", *(f"{figure}," for figure in figures[:-1]), figures[-1]]
        grouped = ["group by customer_id"] if self.is_grouped else []
        return ["select", *indented(selected), f"from {self.table}", *self.rows, *grouped]


@dataclass
class Reading:
    """What has been asked for so far, in the order of asking."""

    words: Vocabulary
    segment: str
    tables: dict[str, str] = field(default_factory=dict)
    steps: dict[str, Step] = field(default_factory=dict)
    joined: list[str] = field(default_factory=list)
    columns: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Everybody is read, whatever else is."""
        self._table("customers", TABLES["customers"])

    def attribute(self, name: str) -> Operand:
        """A column of `customers`."""
        column = self.words.attributes[name]
        self.columns.setdefault(f"customers.{name}", name)
        return Operand(name, column.kind == "text", is_nullable=True)

    def member(self, segment: str) -> Operand:
        """Whether a person is in another segment."""
        self._join(self._table(segment, f"ref('{segment}')"))
        return Operand(
            self._column(f"{segment}.customer_id is not null", f"is_{segment}"), is_text=False, is_nullable=False
        )

    def score(self, rule: Score) -> Operand:
        """What a model said of a person; null where it said nothing."""
        name, _ = rule.measure
        column = SCORES[rule.score][name]
        if rule.score == "clusters":
            step, alias = self._table("clusters", TABLES["clusters"]), name
        else:
            table = self._table("propensity", TABLES["propensity"])
            rows = ["where model = " + quoted(rule.score)]
            step, alias = self._step(f"{rule.score}_scores", table, rows, is_grouped=False), f"{rule.score}_{name}"
            self.steps[step].figures.setdefault(column.sql, column.sql)
        self._join(step)
        return Operand(self._column(f"{step}.{column.sql}", alias), column.kind == "text", is_nullable=True)

    def occurrence(self, rule: Event | Order) -> Operand:
        """A figure of a person's events or orders; counts and sums are 0 where there is nothing."""
        log = self.words.events if isinstance(rule, Event) else self.words.orders
        step = self._step(_called(rule, log), self._table(log.table, TABLES[log.table]), _rows(rule, log))
        self._join(step)
        suffix, sql = _figure(rule, log)
        name, is_nullable = f"{step}_{suffix}", rule.measure[0] == "last"
        self.steps[step].figures.setdefault(name, sql)
        read = f"{step}.{name}" if is_nullable else f"coalesce({step}.{name}, 0)"
        return Operand(self._column(read, name), is_text=False, is_nullable=is_nullable)

    def _table(self, name: str, relation: str) -> str:
        self.tables.setdefault(name, relation)
        return name

    def _step(self, wanted: str, table: str, rows: list[str], *, is_grouped: bool = True) -> str:
        for name, step in self.steps.items():
            if (step.wanted, step.table, step.rows) == (wanted, table, rows):
                return name
        taken = {*TABLES, *self.words.segments, *self.steps, self.segment, MEASURED}
        name = _free(wanted, taken)
        self.steps[name] = Step(wanted, table, rows, is_grouped)
        return name

    def _join(self, name: str) -> None:
        if name not in self.joined:
            self.joined.append(name)

    def _column(self, sql: str, wanted: str) -> str:
        if sql not in self.columns:
            self.columns[sql] = _free(wanted, {*self.words.attributes, *self.columns.values()})
        return self.columns[sql]


def _free(wanted: str, taken: set[str]) -> str:
    name, number = wanted, 2
    while name in taken:
        name, number = f"{wanted}_{number}", number + 1
    return name


def _rows(rule: Event | Order, log: Log) -> list[str]:
    parts: list[Expression] = [] if rule.kind == "any" else [Leaf((f"{log.kind} = {quoted(rule.kind)}",))]
    for name, comparison in rule.where.items():
        column = log.columns[name]
        parts.append(compared(Operand(column.sql, column.kind == "text", is_nullable=True), comparison))
    if "within" in rule.model_fields_set:
        parts.append(Leaf((f"{log.moment} > {{{{ as_of() }}}} - {interval(rule.within)}",)))
    return where(group("and", parts)) if parts else []


def _figure(rule: Event | Order, log: Log) -> tuple[str, str]:
    """How a figure's name ends, and what it is."""
    measure, comparison = rule.measure
    if isinstance(comparison, OfColumn):
        column = log.columns[comparison.of].sql
        if measure == "sum":
            return comparison.of, f"sum({column})"
        return f"distinct_{comparison.of}_count", f"count(distinct {column})"
    return ("count", "count(*)") if measure == "count" else ("last_at", f"max({log.moment})")


def _called(rule: Event | Order, log: Log) -> str:
    """What the step is called: as the rule says, else by what is counted and since when."""
    if "as_" in rule.model_fields_set:
        return rule.as_
    texts = [given for name, given in rule.where.items() if log.columns[name].kind == "text"]
    words = [value for given in texts for key, value in given.comparisons() if key == "is"]
    first = [word for word in words if _SLUG.fullmatch(word)][:1]
    return "_".join(
        [*first, log.kinds[rule.kind], *([_window(rule.within)] if "within" in rule.model_fields_set else [])]
    )


def _window(duration: Duration) -> str:
    if isinstance(duration.amount, int):
        return f"{duration.amount}{_WINDOWS[duration.unit]}"
    return "recent"
