"""Which pairs are compared: rules as SQL, and as many of them as there is room for."""

import re
from collections.abc import Iterable

import duckdb

from linkage import rules


def sql(rule: str) -> str:
    """A rule of `rules` as SQL over the two records of a pair."""
    return " and ".join(f"{key('l', term)} = {key('r', term)}" for term in rule.split())


def key(side: str, term: str) -> str:
    """SQL for what a term takes of a record: a field, its first letters, or with a minus its last."""
    field, _, letters = term.partition(":")
    if not letters:
        return f"{side}.{field}"
    return f"{'right' if int(letters) < 0 else 'left'}({side}.{field}, {abs(int(letters))})"


def fields(rule: str) -> set[str]:
    """The fields that a rule names."""
    return set(re.findall(r"[lr]\.(\w+)", rule)) or {term.partition(":")[0] for term in rule.split()}


def having(listed: Iterable[str], present: set[str]) -> list[str]:
    """Those rules whose fields are there."""
    return [rule for rule in listed if fields(rule) <= present]


def pairs(connection: duckdb.DuckDBPyConnection, rule: str) -> int:
    """How many pairs of `records` agree on a rule."""
    keys = [key("records", term) for term in rule.split()]
    there = " and ".join(f"{one} is not null" for one in keys)
    grouped = f"select count(*) as n from records where {there} group by {', '.join(keys)}"
    return int(connection.execute(f"select coalesce(sum(n * (n - 1) // 2), 0) from ({grouped})").fetchall()[0][0])


def affordable(connection: duckdb.DuckDBPyConnection, present: set[str], records: int) -> list[str]:
    """The blocking rules that together compare no more than `rules.PAIRS_PER_RECORD` pairs a record, in their order."""
    room, chosen = rules.PAIRS_PER_RECORD * records, []
    for rule in having(rules.BLOCKING, present):
        cost = pairs(connection, rule)
        if cost <= room:
            chosen.append(rule)
            room -= cost
    return chosen
