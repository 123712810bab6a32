"""Who is who under other rules, why, and the way back: answered from the published version, changing nothing of it.

The decisions are made by the same models as in a run: their SQL is rendered over the published graph.
"""

import csv
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import duckdb
from jinja2 import StrictUndefined
from jinja2.sandbox import SandboxedEnvironment

from ingestion import identifiers
from warehouse import pseudonyms, separations
from warehouse.errors import SmaltiError
from warehouse.separations import Separation
from warehouse.settings import CHECKOUT, Settings
from warehouse.sql import literal
from warehouse.version import open_version

RULES = CHECKOUT / "dbt_project" / "seeds" / "identifier_rules.csv"
_MODELS = CHECKOUT / "dbt_project" / "models" / "identity"
_DECIDED_BY = ("identifier_links", "linked_components", "components")
_RULE_TYPES = {
    "identifier_type": "varchar",
    "priority": "integer",
    "names_a_person": "boolean",
    "joins_limit": "integer",
    "joins_window_days": "integer",
    "person_limit": "integer",
    "blocked_values": "varchar",
}
# what of the published graph the models read; an identifier that is nobody's stands in the graph alone
_INPUT = """
create temp table identifier_numbers as
with every as (
    select identifier_type, identifier_hash, min(first_seen_at) as first_seen_at, any_value(customer_id) as customer_id
    from (
        select identifier_type, identifier_hash, first_seen_at, customer_id from published.profiles.identifiers
        union all
        select better_type, better_hash, first_seen_at, null from published.profiles.identity_graph
        union all
        select other_type, other_hash, first_seen_at, null from published.profiles.identity_graph
    )
    group by all
)
select every.*, rules.priority,
    row_number() over (order by first_seen_at, priority, identifier_hash) as identifier_number
from every inner join identifier_rules as rules using (identifier_type)
anti join blocked using (identifier_type, identifier_hash);
create temp table identifier_pairs as
select
    graph.better_type, betters.identifier_number as better_number, graph.other_type,
    others.identifier_number as other_number, graph.first_seen_at, graph.is_contradicted, graph.evidence,
    graph.match_weight
from published.profiles.identity_graph as graph
inner join identifier_numbers as betters
    on betters.identifier_type = graph.better_type and betters.identifier_hash = graph.better_hash
inner join identifier_numbers as others
    on others.identifier_type = graph.other_type and others.identifier_hash = graph.other_hash;
"""
# people as published, beside those that the models find now
_COMPARED = """
create temp table compared as
select numbers.identifier_type, numbers.identifier_hash, numbers.customer_id, components.person_number
from identifier_numbers as numbers
inner join components using (identifier_number)
inner join identifier_rules using (identifier_type)
qualify bool_or(names_a_person) over (partition by components.person_number);
"""


@dataclass(frozen=True)
class Change:
    """People who would merge or split: their ids, and how many identifiers of each type it is about."""

    kind: str
    customer_ids: tuple[str, ...]
    people_after: int
    identifiers: Mapping[str, int]


@dataclass(frozen=True)
class Difference:
    """What other rules would come to; `changes` are the largest."""

    people_before: int
    people_after: int
    people_merged: int
    people_split: int
    identifiers_moved: int
    changes: tuple[Change, ...]


@dataclass(frozen=True)
class Step:
    """One link of a path: two identifiers, masked, when they first stood in one record, or the weight of linkage."""

    from_identifier: str
    to_identifier: str
    first_seen_at: datetime
    evidence: str
    why_not: str | None = None


@dataclass(frozen=True)
class Explanation:
    """Whether two identifiers are of one person, and the links that say so, or those that gave way."""

    customer_ids: tuple[str, ...]
    is_joined: bool
    steps: tuple[Step, ...]


def simulate(settings: Settings, rules: Path, changes: Sequence[str] = (), examples: int = 10) -> Difference:
    """What these rules would come to, with `changes` as `email.joins_limit=2`.

    Raises:
        SmaltiError: the rules cannot be read, or nothing is published.
    """
    return _difference(settings, _rules(rules, changes), [], examples)


def _difference(settings: Settings, rules: list[dict[str, str]], added: list[Separation], examples: int) -> Difference:
    with _decided(settings, rules, added) as connection:
        connection.execute(_COMPARED)
        row = connection.execute(
            """
            with
            after as (select person_number, count(distinct customer_id) as before from compared group by all),
            before as (select customer_id, count(distinct person_number) as after from compared
                where customer_id is not null group by all),
            -- of a person who splits the largest part stays where it is; of people who merge the largest
            moved as (
                select person_number, customer_id, count(*) as identifiers,
                    row_number() over (partition by customer_id order by count(*) desc, person_number) = 1 as is_most,
                    row_number() over (partition by person_number order by count(*) desc, customer_id) = 1 as is_main
                from compared where customer_id is not null group by person_number, customer_id
            )
            select
                (select count(distinct customer_id) from published.profiles.identifiers),
                (select count(*) from after),
                (select coalesce(sum(before), 0)::bigint from after where before > 1),
                (select count(*) from before where after > 1),
                (select coalesce(sum(identifiers), 0)::bigint from moved where not (is_most and is_main))
            """
        ).fetchall()[0]
        before, after, merged, split, moved = row
        return Difference(before, after, merged, split, moved, _changes(connection, examples))


def _changes(connection: duckdb.DuckDBPyConnection, examples: int) -> tuple[Change, ...]:
    rows = connection.execute(
        """
        select * from (
        select 'merge' as kind, list(distinct customer_id order by customer_id) as customers, 1 as people,
            histogram(identifier_type) as identifiers
        from compared group by person_number having count(distinct customer_id) > 1
        union all
        select 'split', [customer_id], count(distinct person_number), histogram(identifier_type)
        from compared where customer_id is not null group by customer_id having count(distinct person_number) > 1
        ) order by len(customers) + people desc, customers limit ?
        """,
        [examples],
    ).fetchall()
    return tuple(Change(kind, tuple(customers), people, dict(found)) for kind, customers, people, found in rows)


@contextmanager
def _decided(
    settings: Settings, rules: list[dict[str, str]], added: list[Separation]
) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection in which the models have decided over the published graph, by these rules."""
    with open_version(settings) as (connection, _):
        pseudonyms.bind(connection, settings)
        connection.execute("create schema ledger")
        separations.bind(connection, settings.ledger)
        for one in added:
            connection.execute("insert into ledger.separations values (?, ?, ?, ?)", list(vars(one).values()))
        _bind_rules(connection, rules)
        connection.execute(_INPUT)
        for model in _DECIDED_BY:
            connection.execute(f"create temp table {model} as {rendered(model)}")
        yield connection


def rendered(model: str) -> str:
    """The SQL of a model of identity over tables of the same names."""
    environment = SandboxedEnvironment(undefined=StrictUndefined, autoescape=False)  # SQL, not HTML
    given = {"ref": lambda name: name, "source": lambda schema, name: f"{schema}.{name}"}
    return environment.from_string((_MODELS / f"{model}.sql").read_text()).render(given)


def _bind_rules(connection: duckdb.DuckDBPyConnection, rules: list[dict[str, str]]) -> None:
    """The tables `identifier_rules`, and `blocked` with the hashes of the values that identify nobody."""
    typed = ", ".join(f"{name} {kind}" for name, kind in _RULE_TYPES.items())
    connection.execute(f"create temp table identifier_rules ({typed})")
    marks = ", ".join("?" for _ in _RULE_TYPES)
    values = [[row[name] or None for name in _RULE_TYPES] for row in rules]
    try:
        connection.executemany(f"insert into identifier_rules values ({marks})", values)
    except duckdb.ConversionException:
        raise SmaltiError("rules: a value is of the wrong type; allowed: whole numbers, true or false") from None
    connection.execute("create temp table blocked (identifier_type varchar, identifier_hash varchar)")
    for row in rules:
        pairs = [[row["identifier_type"], value] for value in row["blocked_values"].split("|") if value]
        if pairs:
            kind = f"{literal(row['identifier_type'])}"
            hashed = pseudonyms.hmac_sql(row["identifier_type"], "value")
            connection.execute(
                f"insert into blocked select {kind}, {hashed} from (select unnest(?::varchar[]) as value)",
                [[value for _, value in pairs]],
            )


def _rules(path: Path, changes: Sequence[str]) -> list[dict[str, str]]:
    """The rules of a file, with single values changed."""
    if not path.is_file():
        raise SmaltiError(f"no rules at {path}; allowed: a file as dbt_project/seeds/identifier_rules.csv")
    with path.open(newline="", encoding="utf-8") as file:
        rules = list(csv.DictReader(file))
    if not rules or list(rules[0]) != list(_RULE_TYPES):
        raise SmaltiError(f"{path.name}: columns differ; allowed: {', '.join(_RULE_TYPES)}")
    by_type = {row["identifier_type"]: row for row in rules}
    for change in changes:
        name, found, value = change.partition("=")
        kind, _, column = name.partition(".")
        if not found or kind not in by_type or column not in _RULE_TYPES:
            allowed = f"TYPE.COLUMN=VALUE, as email.joins_limit=2; types: {', '.join(by_type)}"
            raise SmaltiError(f"--set {name}: no such rule; allowed: {allowed}; columns: {', '.join(_RULE_TYPES)}")
        by_type[kind][column] = value
    return rules


def explain(settings: Settings, one: str, other: str) -> Explanation:
    """The shortest path between two identifiers, or between people what gave way; each as `email:ann@example.com`.

    Raises:
        SmaltiError: an identifier is not written so, or not known. The message never repeats its value.
    """
    with open_version(settings) as (connection, _):
        found = [_identifier(settings, connection, text) for text in (one, other)]
        customers = tuple(customer for _, _, customer in found)
        start, end = ((kind, value) for kind, value, _ in found)
        if len(set(customers)) == 1:
            return Explanation(customers[:1], is_joined=True, steps=tuple(_path(connection, customers[0], start, end)))
        return Explanation(customers, is_joined=False, steps=tuple(_between(connection, *customers)))


def _identifier(settings: Settings, connection: duckdb.DuckDBPyConnection, text: str) -> tuple[str, str, str]:
    """Type, hash and customer id of an identifier as somebody types it; a hash is taken as it is."""
    kind, _, value = text.partition(":")
    known = connection.execute("select distinct identifier_type from published.profiles.identifiers order by all")
    types = [name for (name,) in known.fetchall()]
    if kind not in types or not value:
        raise SmaltiError(f"identifiers are written TYPE:VALUE; allowed types: {', '.join(types)}")
    rows = connection.execute(
        "select identifier_hash, customer_id from published.profiles.identifiers "
        "where identifier_type = ? and identifier_hash in (?, ?)",
        [kind, value, identifiers.pseudonym(settings, kind, value)],
    ).fetchall()
    if not rows:
        raise SmaltiError(f"the {kind} given is no one's; it stands in no record, is blocked, or is shared by too many")
    return kind, *rows[0]


_LINKS = """
select better_type, better_hash, other_type, other_hash, graph.first_seen_at,
    if(evidence = 'linkage', format('linkage, weight {:.1f}', match_weight), evidence) as evidence, why_not
from published.profiles.identity_graph as graph
inner join published.profiles.identifiers as betters
    on betters.identifier_type = better_type and betters.identifier_hash = better_hash
inner join published.profiles.identifiers as others
    on others.identifier_type = other_type and others.identifier_hash = other_hash
"""


def _path(
    connection: duckdb.DuckDBPyConnection, customer: str, start: tuple[str, str], end: tuple[str, str]
) -> list[Step]:
    """The fewest links of the person that lead from one identifier to the other; the oldest of as many."""
    rows = connection.execute(
        f"{_LINKS} where is_joined and betters.customer_id = $id and others.customer_id = $id "
        "order by graph.first_seen_at",
        {"id": customer},
    ).fetchall()
    beside: dict[tuple[str, str], list[tuple[tuple[str, str], datetime, str]]] = {}
    for better_type, better_hash, other_type, other_hash, at, evidence, _ in rows:
        better, other = (better_type, better_hash), (other_type, other_hash)
        beside.setdefault(better, []).append((other, at, evidence))
        beside.setdefault(other, []).append((better, at, evidence))
    came: dict[tuple[str, str], Step | None] = {start: None}
    before: dict[tuple[str, str], tuple[str, str]] = {}
    waiting = deque([start])
    while waiting and end not in came:
        here = waiting.popleft()
        for there, at, evidence in beside.get(here, []):
            if there not in came:
                came[there], before[there] = Step(_masked(here), _masked(there), at, evidence), here
                waiting.append(there)
    steps: list[Step] = []
    while (step := came.get(end)) is not None:
        steps.insert(0, step)
        end = before[end]
    return steps


def _between(connection: duckdb.DuckDBPyConnection, one: str, other: str) -> list[Step]:
    """What stands in records of both people and gave way."""
    rows = connection.execute(
        f"""
        with met as ({
            _LINKS.replace(
                "select", "select betters.customer_id as better_customer, others.customer_id as other_customer,", 1
            )
        })
        select * exclude (better_customer, other_customer) from met
        where why_not is not null and (
            (better_customer = $one and other_customer = $other) or (better_customer = $other and other_customer = $one)
            or (other_type, other_hash) in (
                select (other_type, other_hash) from met where better_customer in ($one, $other)
                group by other_type, other_hash having count(distinct better_customer) > 1
            ) and better_customer in ($one, $other)
        ) order by first_seen_at
        """,
        {"one": one, "other": other},
    ).fetchall()
    return [Step(_masked((row[0], row[1])), _masked((row[2], row[3])), *row[4:]) for row in rows]


def _masked(identifier: tuple[str, str]) -> str:
    kind, value = identifier
    return f"{kind} {value[:8]}"


def quality(settings: Settings) -> list[dict[str, object]]:
    """The figures of `profiles.identity_quality`, those over their limit first."""
    with open_version(settings) as (connection, _):
        found = connection.execute(
            "select * from published.profiles.identity_quality order by is_within_limit, measure"
        )
        names = [column[0] for column in found.description or []]
        return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


def unmerge(settings: Settings, customer_id: str, reason: str, now: datetime, *, is_trial: bool = False) -> Difference:
    """Let a person who was absorbed be one again, from the next run on and whatever joins the two; what it comes to.

    Raises:
        SmaltiError: the id did not end by a merge, or there is no reason.
    """
    if not reason.strip():
        raise SmaltiError("no reason given; allowed: a line for whoever looks later")
    separation = _separation(settings, customer_id)
    difference = _difference(settings, _rules(RULES, ()), [separation], examples=10)
    if not is_trial:
        separations.decide(settings.ledger, separation, reason, now)
    return difference


def remerge(settings: Settings, customer_id: str) -> None:
    """Take `unmerge` back: from the next run on the two are one where something joins them.

    Raises:
        SmaltiError: nobody had said so.
    """
    if not separations.withdraw(settings.ledger, _separation(settings, customer_id)):
        raise SmaltiError(f"{customer_id} was not unmerged; there is nothing to take back")


def _separation(settings: Settings, customer_id: str) -> Separation:
    """The two identifiers from which the absorbed and the absorbing id were made."""
    with open_version(settings) as (connection, _):
        into = connection.execute(
            "select into_customer_id from published.profiles.merges where from_customer_id = ? "
            "and evidence like 'merged%' order by merged_at desc limit 1",
            [customer_id],
        ).fetchall()
        if not into:
            raise SmaltiError(
                f"no merge ended {customer_id}; allowed: a `from_customer_id` of profiles.merges that was merged"
            )
        anchors = connection.execute(
            "select identifier_type, identifier_hash from published.profiles.identifiers "
            "where minted_customer_id in (?, ?) order by minted_customer_id",
            [customer_id, into[0][0]],
        ).fetchall()
    if len(anchors) != 2:  # noqa: PLR2004
        raise SmaltiError(f"{customer_id}: the identifier that it was made from stands in no record any more")
    return Separation.of(*anchors)
