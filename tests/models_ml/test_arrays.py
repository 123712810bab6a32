"""Batches become the same array as a frame would, in float32, whatever their sizes."""

from pathlib import Path

import duckdb
import numpy as np
import polars as pl
import pytest

from models_ml import arrays
from models_ml.features import matrix

NAMES = ("a_count", "b_amount", "c_days", "d_flag", "e_small")


@pytest.fixture(scope="module")
def crowd() -> pl.DataFrame:
    rng = np.random.default_rng(1)
    rows = 5_000
    return pl.DataFrame(
        {
            "customer_id": [f"c{i}" for i in range(rows)],
            "a_count": pl.Series(rng.poisson(3, rows)).cast(pl.Int64),
            "b_amount": pl.Series(rng.normal(size=rows)),
            "c_days": pl.Series(np.where(rng.random(rows) < 0.2, np.nan, rng.random(rows))).fill_nan(None),
            "d_flag": pl.Series(rng.random(rows) < 0.5),
            "e_small": pl.Series(rng.integers(0, 9, rows)).cast(pl.Int16),
        }
    ).with_columns(b_amount=pl.when(pl.int_range(rows) == 7).then(float("-inf")).otherwise("b_amount"))


@pytest.mark.parametrize("rows", [100, 2_048, 2_049, 5_000, 70_000])
def test_a_file_and_a_query_give_what_the_frame_has(crowd: pl.DataFrame, tmp_path: Path, rows: int) -> None:
    wanted = matrix(crowd, NAMES).astype(np.float32)
    crowd.write_parquet(tmp_path / "rows.parquet")
    found = arrays.to_array(arrays.from_parquet(tmp_path / "rows.parquet", NAMES, rows), NAMES, crowd.height)
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, wanted)
    with duckdb.connect() as connection:
        sql = f"from read_parquet('{tmp_path / 'rows.parquet'}')"
        batches = arrays.from_query(connection, sql, rows)
        np.testing.assert_array_equal(arrays.to_array(batches, NAMES, crowd.height), wanted)
    np.testing.assert_array_equal(np.concatenate(list(arrays.blocks(crowd, NAMES, rows))), wanted)


@pytest.mark.parametrize(("rows", "says"), [(4_999, "more than the 4999"), (5_001, "5000 rows came; 5001")])
def test_another_number_of_rows_is_refused(crowd: pl.DataFrame, tmp_path: Path, rows: int, says: str) -> None:
    crowd.write_parquet(tmp_path / "rows.parquet")
    with pytest.raises(ValueError, match=says):
        arrays.to_array(arrays.from_parquet(tmp_path / "rows.parquet", NAMES), NAMES, rows)


def test_no_rows_are_an_array_without_rows(crowd: pl.DataFrame, tmp_path: Path) -> None:
    crowd.clear().write_parquet(tmp_path / "rows.parquet")
    assert arrays.to_array(arrays.from_parquet(tmp_path / "rows.parquet", NAMES), NAMES, 0).shape == (0, 5)
