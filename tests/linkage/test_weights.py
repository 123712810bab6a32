"""The weights are those of Fellegi and Sunter: Splink, given the same m, u and prior, comes to the same."""

import duckdb
import pytest
from splink import DuckDBAPI, Linker, SettingsCreator
from splink.internals.comparison_level_library import CustomLevel, ElseLevel
from splink.internals.comparison_library import CustomComparison

from linkage import blocks, comparisons, forms, pairs, parameters, people
from linkage.comparisons import Comparison, Level
from linkage.parameters import Model
from tests.linkage.conftest import clear, town

RULES = ["surname birth_date", "postcode house", "given_root city"]
FIELDS = {"given_name", "surname", "birth_date", "postcode", "street", "house", "city"}


def _level(level: Level) -> CustomLevel | ElseLevel:
    if level.sql == "true":
        return ElseLevel().configure(m_probability=level.m, u_probability=level.u)
    made = CustomLevel(level.sql, level.label)
    if level.term:
        made.configure(tf_adjustment_column=level.term)
    return made.configure(m_probability=level.m, u_probability=level.u)


def _comparison(one: Comparison) -> CustomComparison:
    missing = CustomLevel(one.missing, "missing").configure(is_null_level=True)
    return CustomComparison([missing, *map(_level, one.levels)], output_column_name=one.field)


Weights = tuple[dict[tuple[str, ...], float], ...]


@pytest.fixture(scope="module")
def weights() -> Weights:
    """The weight of each pair of a town: ours, and Splink's."""
    model = Model(0.0005, comparisons.of(FIELDS))
    with duckdb.connect(config={"threads": 1}) as connection:
        clear(connection, town(600))
        connection.execute(f"create table records as {forms.compared_sql('from clear')}")
        pairs.number(connection)
        pairs.compare(connection, model.comparisons, RULES, [], [])
        people.group(connection, "select 0, 0 where false")
        people.shares(connection, [level.term for _, level in model.levels() if level.term])
        ours = connection.execute(f"""
            select l.record_id, r.record_id, log2({model.prior} / {1 - model.prior})
                + {parameters.weights_sql(model.comparisons)}
            from compared inner join shares on record_l = shares.record
            inner join numbered as l on record_l = l.record inner join numbered as r on record_r = r.record
        """).fetchall()
        settings = SettingsCreator(
            link_type="dedupe_only",
            unique_id_column_name="record_id",
            comparisons=[_comparison(one) for one in model.comparisons],
            blocking_rules_to_generate_predictions=[{"blocking_rule": blocks.sql(rule)} for rule in RULES],
            probability_two_random_records_match=model.prior,
        )
        linker = Linker(DuckDBAPI(connection).register("records"), settings, log_level=None)
        predicted = linker.inference.predict(warning_mode="never").physical_name
        theirs = connection.execute(f"select record_id_l, record_id_r, match_weight from {predicted}").fetchall()
    return tuple({tuple(sorted(row[:2])): row[2] for row in found} for found in (ours, theirs))


def test_the_same_pairs_are_compared(weights: Weights):
    ours, theirs = weights
    assert ours.keys() == theirs.keys()
    assert len(ours) > 100


def test_each_pair_has_the_weight_that_splink_gives_it(weights: Weights):
    ours, theirs = weights
    assert ours == pytest.approx(theirs, abs=1e-9)
    assert len({round(weight, 6) for weight in ours.values()}) > 50
