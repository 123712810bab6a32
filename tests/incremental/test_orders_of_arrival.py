"""Whatever came first: published once, at the end, everybody has the same id."""

from datetime import datetime
from random import Random

import polars as pl
import pytest

from tests.incremental.histories import MOMENTS, generate
from tests.incremental.test_histories import models
from tests.incremental.warehouse import Node, Warehouse

__all__ = ["models"]
_EARLIEST = datetime(2026, 1, 1)


def _shuffled(exports: dict[str, pl.DataFrame], random: Random) -> dict[str, pl.DataFrame]:
    """The same rows, in other files, loaded by other batches, arrived at other moments."""
    found = {}
    for name, rows in exports.items():
        order = random.sample(range(len(rows)), len(rows))
        seconds = int((MOMENTS[-1] - _EARLIEST).total_seconds())
        arrived = [_EARLIEST + (MOMENTS[-1] - _EARLIEST) * (random.randrange(seconds) / seconds) for _ in order]
        found[name] = rows[order].with_columns(
            _position=pl.Series(range(len(rows))),
            _batch=pl.Series([random.randint(1, len(MOMENTS)) for _ in order]),
            _arrived_at=pl.Series(arrived, dtype=rows.schema["_arrived_at"]),
        )
    return found


def _ids(models: list[Node], exports: dict[str, pl.DataFrame]) -> pl.DataFrame:
    warehouse = Warehouse.of(models, exports)
    warehouse.run(len(MOMENTS), MOMENTS[-1], until="customer_ids")
    ids = "select identifier_type, identifier_hash, customer_id, is_new_anchor from identity.customer_ids"
    return warehouse.rows(ids)


def _until_ids(models: list[Node]) -> list[Node]:
    """What customer ids are made of, and nothing else: a hundred orders in a minute."""
    by_id = {f"model.smalti.{node['name']}": node for node in models}
    wanted, waiting = set(), ["model.smalti.customer_ids"]
    while waiting:
        name = waiting.pop()
        if name in by_id and name not in wanted:
            wanted.add(name)
            waiting += by_id[name]["depends_on"]["nodes"]
    return [node for name, node in by_id.items() if name in wanted]


@pytest.mark.parametrize("count", [10, pytest.param(100, marks=pytest.mark.slow)])
def test_ids_are_the_same_under_random_orders_of_arrival(models: list[Node], count: int) -> None:
    exports, some = generate(60, 5), _until_ids(models)
    # arrival decides only between versions of one moment, of which the histories have none
    expected = _ids(some, _shuffled(exports, Random(0)))
    assert expected["customer_id"].n_unique() > 100
    for seed in range(1, count):
        assert _ids(some, _shuffled(exports, Random(seed))).equals(expected), seed
