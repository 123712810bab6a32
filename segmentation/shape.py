"""The shape of a segment: steps that measure, then one rule over one relation with one row a person.

Because every segment has it, anybody can be told which condition let whom in, by the columns it compares.
"""

from dataclasses import dataclass

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from warehouse.errors import SmaltiError

ALLOWED = (
    "allowed is, last: `<segment> as (select customer_id from measured where …)`, or from customers, then "
    "`select * from <segment>`"
)
_RELATIONS = ("customers", "measured")


class Misshapen(SmaltiError):
    """The SQL is no segment, or not in the shape of one."""


@dataclass(frozen=True)
class Condition:
    """A part of a rule: a `test` of its own, or `all`, `any` or `not` of its parts; `columns` are those it compares."""

    kind: str
    sql: str
    columns: tuple[str, ...]
    parts: tuple["Condition", ...] = ()


@dataclass(frozen=True)
class Shape:
    """A segment taken apart: `steps` select everything that `relation` holds, `conditions` all have to be met."""

    relation: str
    steps: str
    conditions: tuple[Condition, ...]


def shape(name: str, sql: str) -> Shape:
    """Take rendered SQL apart.

    Raises:
        Misshapen: it is not what a segment may be; the message says where.
    """
    query = _parse(name, sql)
    *_, last = query.ctes or (None,)
    if last is None or last.alias != name or not _selects_all_of(query, name):
        raise Misshapen(f"{name}.sql: the last step is not {name}; {ALLOWED}")
    rule = last.this
    relation, where = _relation(name, rule), rule.args.get("where")
    if where is None:
        raise Misshapen(f"{name}.sql: the step {name} has no condition; {ALLOWED}")
    steps = query.copy()
    steps.ctes[-1].pop()
    if not any(step.alias == relation for step in steps.ctes):
        raise Misshapen(f"{name}.sql: there is no step {relation}; {ALLOWED}")
    if relation == "customers" and not _is_bare(steps, relation):
        raise Misshapen(f"{name}.sql: the step customers does more than read the table; allowed is a step `measured`")
    steps.set("from_", exp.From(this=exp.to_table(relation)))
    rule_of = where.this.unnest()
    parts = rule_of.flatten() if isinstance(rule_of, exp.And) else (rule_of,)
    return Shape(relation, steps.sql("duckdb"), tuple(map(_condition, parts)))


def _parse(name: str, sql: str) -> exp.Select:
    try:
        statements = [one for one in sqlglot.parse(sql, dialect="duckdb") if one is not None]
    except SqlglotError as error:
        found = getattr(error, "errors", None) or [{}]
        line = found[0].get("line", "?")
        raise Misshapen(f"{name}.sql: line {line}: {found[0].get('description', 'no SQL')}; {ALLOWED}") from None
    if len(statements) != 1 or not isinstance(statements[0], exp.Select):
        raise Misshapen(f"{name}.sql: is no single select; {ALLOWED}")
    return statements[0]


def _selects_all_of(query: exp.Select, name: str) -> bool:
    source = query.args.get("from_")
    return query.is_star and source is not None and source.this.name == name and not query.args.get("where")


def _is_bare(query: exp.Select, name: str) -> bool:
    step = next(one.this for one in query.ctes if one.alias == name)
    return bool(step.is_star) and not any(step.args.get(part) for part in ("where", "joins", "group", "distinct"))


def _relation(name: str, rule: exp.Expr) -> str:
    source = rule.args.get("from_")
    read = source.this.name if source is not None and isinstance(source.this, exp.Table) else ""
    columns = [column.name for column in rule.expressions] if isinstance(rule, exp.Select) else []
    more = [part for part in ("joins", "group", "distinct", "having", "qualify", "limit") if rule.args.get(part)]
    if read not in _RELATIONS or columns != ["customer_id"] or more:
        raise Misshapen(f"{name}.sql: the step {name} does more than select by conditions; {ALLOWED}")
    return read


def _condition(found: exp.Expr) -> Condition:
    found = found.unnest()
    if isinstance(found, exp.And | exp.Or):
        kind, parts = ("all" if isinstance(found, exp.And) else "any"), tuple(map(_condition, found.flatten()))
    elif isinstance(found, exp.Not) and isinstance(found.this.unnest(), exp.And | exp.Or):
        kind, parts = "not", (_condition(found.this),)
    else:
        kind, parts = "test", ()
    columns = tuple(dict.fromkeys(column.name for column in found.find_all(exp.Column)))
    return Condition(kind, found.sql("duckdb", normalize_functions="lower"), columns, parts)
