"""The raw gate lets good data through, and every one of its rules can stop a run."""

import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import polars as pl
import pytest

from expectations import raw
from expectations.gate import Check, GateFailed
from expectations.raw import check_raw
from warehouse.contracts import Column

Failures = Callable[[Sequence[Check]], list[str]]


def changed(frame: pl.DataFrame, column: str, **values: object) -> pl.DataFrame:
    return frame.with_columns(
        pl.when(pl.col("column") == column).then(pl.lit(value)).otherwise(name).alias(name)
        for name, value in values.items()
    )


def at(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


MUTANTS: dict[str, tuple[str, str, dict[str, object]]] = {
    "total_amount: the column is there": ("drop", "total_amount", {}),
    "email_hmac: the column is there": ("drop", "email_hmac", {}),
    "total_amount: is decimal(18,4)": ("set", "total_amount", {"type": "DOUBLE"}),
    ": there are rows": ("set", "order_id", {"rows": 0}),
    ": its rows were counted": ("set", "order_id", {"rows": None}),
    "note: its nulls were counted": ("set", "note", {"nulls": None}),
    "order_id: a column of the key or of the loader has no nulls": ("set", "order_id", {"nulls": 1}),
    "_batch: a column of the key or of the loader has no nulls": ("set", "_batch", {"nulls": 1}),
    "_arrived_at: the column is there": ("drop", "_arrived_at", {}),
    "email_hmac: has no nulls": ("set", "email_hmac", {"nulls": 1}),
    "total_amount: is nowhere below its minimum": ("set", "total_amount", {"minimum": -0.01}),
    "ordered_at: the earliest is after 1995": ("set", "ordered_at", {"minimum": at("1994-12-31")}),
    "ordered_at: the latest is before 2100": ("set", "ordered_at", {"maximum": at("2100-01-02")}),
}


def test_a_load_that_keeps_its_contract_passes(made: SimpleNamespace, tmp_path: Path) -> None:
    settings = made.store_raw(tmp_path, made.profile())
    result = check_raw(settings, made.run)
    assert (result.failed, result.skipped) == (0, False)
    assert result.evaluated > 3 * len(made.contract.columns)
    assert json.loads((settings.gates / made.run / "raw.json").read_text())["evaluated"] == result.evaluated


@pytest.mark.parametrize("rule", MUTANTS)
def test_each_rule_goes_red(made: SimpleNamespace, tmp_path: Path, failures: Failures, rule: str) -> None:
    kind, column, values = MUTANTS[rule]
    frame = made.profile()
    mutant = frame.filter(pl.col("column") != column) if kind == "drop" else changed(frame, column, **values)
    found = failures(raw.checks(made.store_raw(tmp_path, mutant), made.run) or [])
    assert len(found) == 1
    assert f"shop_orders{rule if rule.startswith(':') else f'.{rule}'}" in found[0]


def test_a_rule_that_goes_red_stops_the_run(made: SimpleNamespace, tmp_path: Path) -> None:
    settings = made.store_raw(tmp_path, changed(made.profile(), "total_amount", minimum=-1234.5))
    with pytest.raises(GateFailed, match=r"1 of \d+ rules failed: .*total_amount: is nowhere below") as error:
        check_raw(settings, made.run)
    assert "1234" not in str(error.value)
    kept = json.loads((settings.gates / made.run / "raw.json").read_text())
    assert kept["failed"] == len(kept["failures"]) == 1


def test_all_nulls_in_a_column_that_may_be_null_pass(made: SimpleNamespace, tmp_path: Path) -> None:
    empty = changed(made.profile(), "total_amount", nulls=1000, minimum=None, maximum=None)
    assert check_raw(made.store_raw(tmp_path, empty), made.run).failed == 0


def test_a_run_without_new_rows_has_nothing_to_check(made: SimpleNamespace, tmp_path: Path) -> None:
    settings = made.store_raw(tmp_path, made.profile().clear())
    result = check_raw(settings, made.run)
    assert (result.evaluated, result.skipped) == (0, True)
    assert json.loads((settings.gates / made.run / "raw.json").read_text())["skipped"] is True


def test_a_missing_profile_is_not_an_empty_one(made: SimpleNamespace, tmp_path: Path) -> None:
    with pytest.raises(GateFailed, match=r"no raw_profile\.parquet"):
        check_raw(made.settings(tmp_path), made.run)


def test_a_source_without_a_contract_fails(made: SimpleNamespace, tmp_path: Path) -> None:
    settings = made.store_raw(tmp_path, made.profile())
    (settings.raw / "shop_orders" / "contract.json").unlink()
    with pytest.raises(GateFailed, match="no contract beside the raw data of shop_orders"):
        check_raw(settings, made.run)


def test_every_source_of_the_run_is_checked(made: SimpleNamespace, tmp_path: Path) -> None:
    other = made.contract.model_copy(
        update={"source": "till_orders", "columns": (Column(name="order_id"),), "event_time": None}
    )
    both = pl.concat([made.profile(), made.profile().with_columns(source=pl.lit("till_orders"))])
    made.store_raw(tmp_path, both, other)
    theirs = (pl.col("source") == "till_orders") & (pl.col("column") == "order_id")
    settings = made.store_raw(tmp_path, both.with_columns(nulls=pl.when(theirs).then(3).otherwise("nulls")))
    with pytest.raises(GateFailed, match=r"till_orders\.order_id: a column of the key or of the loader has no nulls"):
        check_raw(settings, made.run)
