"""The model: Splink's comparisons, trained on the records themselves, and relatives told from one person.

Fellegi and Sunter's weights (1969): a pair's odds are the prior's times m/u of each field's level, where u of equal
values follows from how many people have that value. m comes from EM among pairs that agree on a training rule.
Relatives in one household share surname, address and phone as one person's records do; their given names, birth
dates and e-mails are those of any two people, but that some have one given name, as father and son, or one e-mail.
Who moves changes street, house, postcode and city at once: a share of people stands under an address that says nothing
(rules.MOVED). With o and r the odds of one person and of relatives, both against strangers, a pair is one person with
o / (1 + o + r).
"""

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import duckdb
from splink import DuckDBAPI, Linker, SettingsCreator
from splink.clustering import cluster_pairwise_predictions_at_threshold
from splink.internals.exceptions import SplinkException

from linkage import blocks, comparisons, parameters, rules
from linkage.parameters import Model

_LEAST_SHARE = 0.02  # of records that have a field, or it is left out
_LEAST_WEIGHT = -30  # of candidates: what a move to another address takes away is given back
_TERMS = ("given_name", "surname", "birth_date", "postcode", "street", "house", "city", "phone", "email", "mailbox")
_NAMES = (*_TERMS, "given_root")


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
    logging.getLogger("splink").setLevel(logging.ERROR)
    present, count = _present(connection), _count(connection, "records")
    total = count * (count - 1) / 2
    chosen = blocks.affordable(connection, present, count)
    strict = _strict_pairs(connection, present)
    first = max(strict / rules.STRICT_RECALL, rules.RELATIVES_PER_RECORD * count, 1) / total
    begun = parameters.with_prior(stated(present, chosen), first)
    trained, sampled = _train(connection, begun, present) if count >= rules.LEAST_RECORDS else (begun, None)
    is_trained = strict >= rules.LEAST_STRICT_PAIRS and parameters.is_of_people(trained)
    share = rules.LEAST_RELATIVES_PER_RECORD if is_trained else rules.RELATIVES_PER_RECORD
    candidates = _block(connection, begun)
    model, relatives_prior = _rounds(connection, trained if is_trained else begun, sampled, share * count / total)
    return Fitted(count, is_trained, strict, candidates, relatives_prior, tuple(chosen), model)


def stated(present: set[str], blocking: Sequence[str]) -> Model:
    """Splink's settings for records that have these fields, with the m and u of `comparisons`."""
    pairs = [*map(blocks.sql, blocking), *blocks.having(rules.CROSSED, present)]
    creator = SettingsCreator(
        link_type="dedupe_only",
        unique_id_column_name="record_id",
        comparisons=list(comparisons.of(present)),
        blocking_rules_to_generate_predictions=[{"blocking_rule": rule} for rule in pairs],
        retain_matching_columns=True,
        retain_intermediate_calculation_columns=True,
        max_iterations=rules.EM_STEPS,
        em_convergence=rules.EM_CHANGE,
        linker_uid="linkage",
    )
    return creator.create_settings_dict("duckdb")


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


def _forget(linker: Linker) -> None:
    linker.table_management.delete_tables_created_by_splink_from_db()  # type: ignore[no-untyped-call]


def _linker(connection: duckdb.DuckDBPyConnection, model: Model, frequencies: Iterable[str] = ()) -> Linker:
    """Splink's linker of `records`; for fields in `frequencies`, `people_<field>` says how frequent a value is."""
    api = DuckDBAPI(connection)
    linker = Linker(api.register("records"), model, log_level=None, validate_settings=False)
    for name in frequencies:
        linker.table_management.register_term_frequency_lookup(api.register(f"people_{name}"), name)
    return linker


def _train(connection: duckdb.DuckDBPyConnection, begun: Model, present: set[str]) -> tuple[Model, Model]:
    """The model with m by EM, and the one with u as sampled; what there are too few pairs for stays as stated."""
    linker = _linker(connection, begun)
    linker.training.estimate_u_using_random_sampling(rules.SAMPLED_PAIRS, rules.SEED, None, 1)
    sampled = parameters.complete(linker.misc.save_model_to_json(), begun)
    _forget(linker)
    enough = [
        rule
        for rule in blocks.having(rules.TRAINING, present)
        if blocks.pairs(connection, rule) >= rules.LEAST_STRICT_PAIRS
    ]
    taught = [model for rule in enough if (model := _taught(connection, sampled, rule))]
    return parameters.complete(parameters.together(sampled, taught), begun), sampled


def _taught(connection: duckdb.DuckDBPyConnection, sampled: Model, rule: str) -> Model | None:
    """What EM learns among the pairs that agree on a rule; None where it runs out of one kind of pair."""
    linker = _linker(connection, sampled)  # its own: one that failed has lost the fields of the rule
    try:
        linker.training.estimate_parameters_using_expectation_maximisation(
            blocks.sql(rule), estimate_without_term_frequencies=True
        )
    except (ValueError, SplinkException) as error:
        if isinstance(error, ValueError) or isinstance(error.__cause__, duckdb.BinderException):
            return None  # a share of one has no weight; in SQL, `inf` is the name of no column
        raise
    finally:
        _forget(linker)
    return linker.misc.save_model_to_json()


def _block(connection: duckdb.DuckDBPyConnection, model: Model) -> int:
    """Make the table `candidates` of the pairs that a blocking rule names; their number."""
    linker = _linker(connection, model)
    blocked = linker.inference.compute_blocked_pairs_for_predict().physical_name
    connection.execute(f"create or replace table candidates as select * from {blocked}")
    _forget(linker)
    return _count(connection, "candidates")


def _rounds(
    connection: duckdb.DuckDBPyConnection, model: Model, sampled: Model | None, least: float
) -> tuple[Model, float]:
    """Judge, and take from the judgements both priors, u, and at last how many people have each value.

    The first round compares all `candidates`; those that no other round could link are gone after it.
    """
    total, known = _totals(connection, model)
    relatives, frequencies = least, list[str]()
    for turn in range(2 * rules.ROUNDS):
        if turn == rules.ROUNDS:
            frequencies = _count_people(connection)
        model = parameters.without_matches(model, sampled) if sampled else model
        matches, related = _predict(connection, model, relatives, frequencies)
        relatives = max(related / max(known, 1), least)
        model = parameters.with_prior(model, max(matches, 1) / total)
    return model, relatives


def _totals(connection: duckdb.DuckDBPyConnection, model: Model) -> tuple[float, float]:
    """All pairs of records, and those of which relatives can be told: both birth dates are known, if any are."""
    every = _count(connection, "records")
    known = (
        _count(connection, "records where birth_date is not null")
        if "birth_date" in parameters.fields(model)
        else every
    )
    return every * (every - 1) / 2, known * (known - 1) / 2


def _predict(
    connection: duckdb.DuckDBPyConnection, model: Model, relatives: float, frequencies: Iterable[str]
) -> tuple[float, float]:
    """Judge `candidates` and keep those that are not hopeless; how many pairs of one person and of relatives."""
    linker = _linker(connection, model, frequencies)
    pairs = DuckDBAPI(connection).register("candidates")
    linker.table_management.register_blocked_pairs_for_predict(pairs)
    predicted = linker.inference.predict(threshold_match_weight=_LEAST_WEIGHT, warning_mode="never").physical_name
    found = _judge(connection, predicted, model, relatives)
    connection.execute(f"""
        create or replace table candidates as
        select record_id_l as join_key_l, record_id_r as join_key_r, match_key from {predicted}
    """)
    _forget(linker)
    return found


def _judge(
    connection: duckdb.DuckDBPyConnection, predicted: str, model: Model, relatives_prior: float
) -> tuple[float, float]:
    """Make `scored` out of Splink's predictions; how many pairs of one person and of relatives are to be expected.

    Of relatives those with both birth dates count, as the others say little of whether they are.
    """
    ratio, home = relatives_prior / parameters.prior(model), parameters.home_weight_sql(model)
    connection.execute(f"""
        create or replace table scored as
        with odds as (
            select
                least(record_id_l, record_id_r) as record_id_l, greatest(record_id_l, record_id_r) as record_id_r,
                {parameters.born_sql(model, "true")} as is_born,
                pow(2, match_weight - ({home})) * ({1 - rules.MOVED} * pow(2, {home}) + {rules.MOVED}) as one,
                pow(2, match_weight) * {ratio!r} * {parameters.relatives_factor_sql(model)} as related,
                if({parameters.unproven_sql(model)}, {rules.UNPROVEN} * one, 0) as namesakes
            from {predicted}
        ),
        told as (
            select record_id_l, record_id_r, is_born, one, greatest(related, namesakes) as two from odds
        )
        select
            record_id_l, record_id_r, if(is_born, two / (1 + one + two), 0) as relatives_probability,
            round(one / (1 + one + two), 6) as match_probability, round(log2(one / (1 + two)), 4) as match_weight
        from told
        where one / (1 + one + two) >= 0.001 or two / (1 + one + two) >= 0.001
        order by record_id_l, record_id_r
    """)
    sums = connection.execute("select sum(match_probability), sum(relatives_probability) from scored").fetchall()[0]
    return float(sums[0] or 0), float(sums[1] or 0)


def people(connection: duckdb.DuckDBPyConnection, threshold: float) -> None:
    """Make the table `people` (record_id, cluster_id): records that pairs of `scored` above a threshold connect."""
    api = DuckDBAPI(connection)
    found = cluster_pairwise_predictions_at_threshold(
        api.register("records"), api.register("scored"), api, "record_id", threshold_match_probability=threshold
    )
    connection.execute(f"create or replace table people as select record_id, cluster_id from {found.physical_name}")
    found.drop_table_from_database_and_remove_from_cache()


def _count_people(connection: duckdb.DuckDBPyConnection) -> list[str]:
    """Make `people_<field>`, the share of people who have a value: ten records of one person make no name common."""
    people(connection, rules.THRESHOLD)
    for name in _TERMS:
        connection.execute(f"""
            create or replace table people_{name} as
            with had as (
                select distinct cluster_id, {name} from people inner join records using (record_id)
                where {name} is not null
            )
            select {name}, count(*) / (select count(distinct cluster_id) from had) as tf_{name}
            from had group by {name} order by {name}
        """)
    return [name for name in _TERMS if _count(connection, f"people_{name}")]
