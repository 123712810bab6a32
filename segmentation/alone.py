"""What a segment's steps ask of people: of each their own rows alone, and of an id only whose it is.

The first lets a run measure some people and not others, the second lets it know them by number. What is popular, on
average or among the first depends on everybody. What is not plainly so is taken to be otherwise: that costs a scan, or
a longer one, and is right.
"""

import sqlglot
from sqlglot import exp
from sqlglot.optimizer.normalize_identifiers import normalize_identifiers

_KEY = "customer_id"
_CONTROL = "control"


def stands_alone(steps: str) -> bool:
    """Whether the steps of a segment, without its sieve, group, number and join by the person and nothing else."""
    query = _parsed(steps)
    selects = [one for one in query.find_all(exp.Select) if not _is_moment(one)]
    return all(_is_of_one_person(select) for select in selects) and not _asks_others(query)


def tells_apart(steps: str) -> bool:
    """Whether the steps do no more with a person's id than a number could stand for: select, group, partition, equate.

    What is ordered by it, makes something of it or takes rows for values may come out otherwise.
    """
    query = _parsed(steps)
    relations = {one.alias_or_name for one in query.find_all(exp.Table, exp.CTE, exp.Subquery)}
    columns = list(query.find_all(exp.Column))
    return (
        all(map(_only_tells_apart, (one for one in columns if one.name == _KEY)))
        and not any(one.name in relations and not one.table for one in columns)
        and not list(query.find_all(exp.SetOperation, exp.Columns, exp.Pivot))
        and not any(one.args.get("columns") for one in query.find_all(exp.TableAlias))
        and all(sum(_names_person([one]) for one in select.expressions) <= 1 for select in query.find_all(exp.Select))
        and all(isinstance(one.parent, exp.Select | exp.Count) for one in query.find_all(exp.Star))
        and not any(one.alias == _KEY and not _names_person([one.this]) for one in query.find_all(exp.Alias))
        and not any(isinstance(one.this, exp.Literal | exp.Var) for one in query.find_all(exp.Ordered))
    )


def _parsed(steps: str) -> exp.Expr:
    """With its names in lower case: DuckDB knows them however they are written."""
    return normalize_identifiers(sqlglot.parse_one(steps, dialect="duckdb"), dialect="duckdb")


def _only_tells_apart(column: exp.Column) -> bool:
    within = column.parent
    if isinstance(within, exp.EQ):
        return _names_person([within.left]) and _names_person([within.right])
    if isinstance(within, exp.Window):
        return any(one is column for one in within.args.get("partition_by") or [])
    return isinstance(within, exp.Select | exp.Group)


def _is_moment(select: exp.Select) -> bool:
    """`(select as_of from control)`: the same for everybody."""
    tables = list(select.find_all(exp.Table))
    return len(tables) == 1 and tables[0].name == _CONTROL


def _is_of_one_person(select: exp.Select) -> bool:
    group = select.args.get("group")
    if group is not None and not _names_person(group.expressions):
        return False
    own = [one for one in select.find_all(exp.AggFunc, exp.Anonymous, exp.Window) if one.parent_select is select]
    windows = [one for one in own if isinstance(one, exp.Window)]
    return (
        (group is not None or not any(map(_may_aggregate, own)))
        and all(_names_person(window.args.get("partition_by") or []) for window in windows)
        and not any(one.alias == _KEY and one.this.name != _KEY for one in select.find_all(exp.Alias))
        and not any(select.args.get(part) for part in ("limit", "offset", "windows", "sample"))
        and not any(one.args.get("columns") for one in select.find_all(exp.TableAlias))
        and _is_distinct_by_person(select)
        and all(map(_joins_one_person, select.args.get("joins") or []))
    )


def _is_distinct_by_person(select: exp.Select) -> bool:
    distinct = select.args.get("distinct")
    return distinct is None or (distinct.args.get("on") is None and _names_person(select.expressions))


def _may_aggregate(one: exp.Expr) -> bool:
    """A function that the parser does not know may be an aggregate."""
    is_moment = isinstance(one, exp.Anonymous) and one.name.lower() == "as_of"
    return not isinstance(one, exp.Window) and not is_moment and not one.find_ancestor(exp.Window)


def _names_person(expressions: list[exp.Expr]) -> bool:
    return any(isinstance(one, exp.Column) and one.name == _KEY for one in expressions)


def _joins_one_person(join: exp.Join) -> bool:
    if any(one.name == _KEY for one in join.args.get("using") or []):
        return True
    if isinstance(join.this, exp.Table) and join.this.name == _CONTROL:
        return True
    condition = join.args.get("on")
    parts = condition.flatten() if isinstance(condition, exp.And) else [condition]
    return any(
        isinstance(part, exp.EQ) and _names_person([part.left]) and _names_person([part.right]) for part in parts
    )


def _asks_others(query: exp.Expr) -> bool:
    """A query within a condition or a value, other than for the moment: it may look at anybody."""
    within = [one for one in query.find_all(exp.In, exp.Exists, exp.Subquery) if _is_value(one)]
    return any(not _is_moment(select) for one in within for select in one.find_all(exp.Select))


def _is_value(one: exp.Expr) -> bool:
    return not isinstance(one.parent, exp.From | exp.Join | exp.CTE | exp.Union)
