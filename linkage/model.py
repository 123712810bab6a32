"""The model: levels of comparisons, trained on the records themselves, and relatives told from one person.

Fellegi and Sunter's weights (1969): a pair's odds are the prior's times m/u of each field's level, where u of equal
values follows from how many people have that value. m comes from EM among pairs that agree on a training rule.
Relatives in one household share surname, address and phone as one person's records do; their given names, birth
dates and e-mails are those of any two people, but that some have one given name, as father and son, or one e-mail.
Who moves changes street, house, postcode and city at once: a share of people stands under an address that says nothing
(rules.MOVED). With o and r the odds of one person and of relatives, both against strangers, a pair is one person with
o / (1 + o + r).
"""

from dataclasses import dataclass

import duckdb

from linkage import blocks, comparisons, pairs, parameters, people, rules, training
from linkage.parameters import Model

_LEAST_SHARE = 0.02  # of records that have a field, or it is left out
_TERMS = ("given_name", "surname", "birth_date", "postcode", "street", "house", "city", "phone", "email", "mailbox")
_NAMES = (*_TERMS, "given_root")
_NO_LINKS = "select 0, 0 where false"


@dataclass(frozen=True)
class Fitted:
    """What training came to; `model` holds m and u by field and level, no value of a record."""

    records: int
    is_trained: bool
    strict_pairs: int
    candidates: int
    relatives_prior: float
    blocking: tuple[str, ...]
    model: Model


def score(connection: duckdb.DuckDBPyConnection) -> Fitted:
    """Make the table `scored` (record_id_l, record_id_r, match_probability, match_weight) out of `records`.

    `records` has the form of `forms.compared_sql` and at least two rows. The same rows give the same pairs.
    """
    present, count = _present(connection), _count(connection, "records")
    total = count * (count - 1) / 2
    chosen, strict = blocks.affordable(connection, present, count), _strict_pairs(connection, present)
    first = max(strict / rules.STRICT_RECALL, rules.RELATIVES_PER_RECORD * count, 1) / total
    stated = Model(0, comparisons.of(present)).with_prior(first)
    pairs.number(connection)
    teaching = blocks.having(rules.TRAINING, present)
    crossed = blocks.having(rules.CROSSED, present)
    candidates = pairs.compare(connection, stated.comparisons, chosen, crossed, teaching)
    sampled, trained, is_trained = None, stated, False
    if count >= rules.LEAST_RECORDS:
        sampled = parameters.with_u(stated, pairs.sample(connection, stated.comparisons))
        trained = parameters.with_m(sampled, training.taught(connection, sampled, teaching))
        is_trained = strict >= rules.LEAST_STRICT_PAIRS and parameters.is_of_people(trained)
    share = rules.LEAST_RELATIVES_PER_RECORD if is_trained else rules.RELATIVES_PER_RECORD
    model, relatives = _rounds(connection, trained if is_trained else stated, sampled, share * count / total)
    _name(connection)
    return Fitted(count, is_trained, strict, candidates, relatives, tuple(chosen), model)


def _present(connection: duckdb.DuckDBPyConnection) -> set[str]:
    """The columns of `records` that enough of them have."""
    shares = connection.execute(f"select {', '.join(f'count({name}) / count(*)' for name in _NAMES)} from records")
    return {name for name, share in zip(_NAMES, shares.fetchall()[0], strict=True) if share >= _LEAST_SHARE}


def _count(connection: duckdb.DuckDBPyConnection, relation: str) -> int:
    return int(connection.execute(f"select count(*) from {relation}").fetchall()[0][0])


def _strict_pairs(connection: duckdb.DuckDBPyConnection, present: set[str]) -> int:
    """How many pairs agree on one of the strict rules."""
    found = [
        f"select l.record_id as a, r.record_id as b from records as l inner join records as r "
        f"on {blocks.sql(rule)} where l.record_id < r.record_id"
        for rule in blocks.having(rules.STRICT, present)
    ]
    return _count(connection, f"({' union '.join(found)})") if found else 0


def _rounds(
    connection: duckdb.DuckDBPyConnection, model: Model, sampled: Model | None, least: float
) -> tuple[Model, float]:
    """Judge, and take from the judgements both priors, u, and at last how many people have each value."""
    total, known = _totals(connection, model)
    relatives, terms = least, [level.term for _, level in model.levels() if level.term]
    people.group(connection, _NO_LINKS)
    people.shares(connection, terms)
    for turn in range(2 * rules.ROUNDS):
        if turn == rules.ROUNDS:
            people.group(
                connection, f"select record_l, record_r from judged where match_probability >= {rules.THRESHOLD}"
            )
            people.shares(connection, terms)
        model = parameters.without_matches(model, sampled) if sampled else model
        matches, related = _judge(connection, model, relatives)
        relatives = max(related / max(known, 1), least)
        model = model.with_prior(max(matches, 1) / total)
    return model, relatives


def _totals(connection: duckdb.DuckDBPyConnection, model: Model) -> tuple[float, float]:
    """All pairs of records, and those of which relatives can be told: both birth dates are known, if any are."""
    every = _count(connection, "numbered")
    born = any(one.field == "birth_date" for one in model.comparisons)
    known = _count(connection, "numbered where birth_date is not null") if born else every
    return every * (every - 1) / 2, known * (known - 1) / 2


def _judge(connection: duckdb.DuckDBPyConnection, model: Model, relatives_prior: float) -> tuple[float, float]:
    """Make `judged` out of `compared`; how many pairs of one person and of relatives are to be expected.

    Of relatives those with both birth dates count, as the others say little of whether they are.
    """
    home = parameters.home(model)
    rest = [one for one in model.comparisons if one not in home]
    odds, ratio = model.prior / (1 - model.prior), relatives_prior / model.prior
    born = "level_birth_date >= 0" if any(one.field == "birth_date" for one in rest) else "true"
    connection.execute(f"""
        create or replace table judged as
        with weights as (
            select
                compared.*, {parameters.weights_sql(rest)} as weight, {parameters.weights_sql(home)} as home
            from compared inner join shares on record_l = record
        ),
        odds as (
            select
                record_l, record_r, {born} as is_born,
                {odds!r} * pow(2, weight) * ({1 - rules.MOVED} * pow(2, home) + {rules.MOVED}) as one,
                {odds * ratio!r} * pow(2, weight + home) * {parameters.relatives_factor_sql(model)} as related,
                if({parameters.unproven_sql(model)}, {rules.UNPROVEN} * one, 0) as namesakes
            from weights
        ),
        told as (
            select record_l, record_r, is_born, one, greatest(related, namesakes) as two from odds
        )
        select
            record_l, record_r, if(is_born, two / (1 + one + two), 0) as relatives_probability,
            round(one / (1 + one + two), 6) as match_probability, round(log2(one / (1 + two)), 4) as match_weight
        from told
        where one / (1 + one + two) >= 0.001 or two / (1 + one + two) >= 0.001
        order by record_l, record_r
    """)
    sums = connection.execute("select sum(match_probability), sum(relatives_probability) from judged").fetchall()[0]
    return float(sums[0] or 0), float(sums[1] or 0)


def _name(connection: duckdb.DuckDBPyConnection) -> None:
    """Make `scored` out of `judged`: pairs by the ids of their records."""
    connection.execute("""
        create or replace table scored as
        select
            l.record_id as record_id_l, r.record_id as record_id_r,
            relatives_probability, match_probability, match_weight
        from judged
        inner join numbered as l on record_l = l.record
        inner join numbered as r on record_r = r.record
        order by record_l, record_r
    """)
