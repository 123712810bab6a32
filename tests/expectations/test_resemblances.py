"""The gate of look-alikes goes red where somebody of the seed, or nobody known, is among them."""

from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace

import polars as pl
import pytest

from expectations import resemblances
from expectations.gate import Check
from warehouse import lookalikes

[STATED] = [one for one in lookalikes.declared() if one.segment == "like_category_enthusiast"]
NEVER = pl.lit(None, dtype=pl.Datetime("us"))


def checked(made: SimpleNamespace, folder: Path, scored: list[str], seed: list[str], rows: int) -> Check:
    settings = made.store_scores(folder, made.scores())
    spells = pl.DataFrame({"customer_id": seed}, schema={"customer_id": pl.String})
    spells = spells.with_columns(pl.lit(STATED.seed).alias("seed"), NEVER.alias("left_at"))
    spells.write_parquet(settings.features / made.run / f"{lookalikes.FILE}.parquet")
    frame = pl.DataFrame({"customer_id": scored}).with_columns(pl.lit(STATED.model).alias("model"))
    report = {STATED.model: {"status": "ok", "rows": rows}}
    [check] = resemblances.checks(settings, made.run, frame, report)
    return check


@pytest.mark.parametrize(
    ("scored", "seed", "rows", "red"),
    [
        (["b", "c"], ["d"], 2, None),
        (["b", "c"], ["c"], 2, "nobody whom the last published version has in the seed"),
        (["b", "c"], ["d"], 3, "there are as many rows as the report says"),
        (["b", "nobody"], ["d"], 2, "everybody scored is among the features"),
    ],
    ids=["sound", "of_the_seed", "a_row_lost", "of_nobody"],
)
def test_each_fault_is_seen_alone(
    made: SimpleNamespace,
    failures: Callable[[Sequence[Check]], list[str]],
    tmp_path: Path,
    scored: list[str],
    seed: list[str],
    rows: int,
    red: str | None,
) -> None:
    found = failures([checked(made, tmp_path, scored, seed, rows)])
    assert [str(red) in one for one in found] == [True] * (red is not None), found
