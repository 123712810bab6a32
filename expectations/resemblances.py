"""What must hold of the look-alikes in `scores.propensity`: of each seed its own people are not among them."""

from typing import Any

import pandas as pd
import polars as pl

from expectations.gate import Check, Rule
from warehouse import lookalikes
from warehouse.lookalikes import FILE, Lookalike
from warehouse.settings import Settings

TABLE = "propensity"
_STATUSES = ["ok", "too_little_data", "no_champion"]


def checks(settings: Settings, run_id: str, frame: pl.DataFrame, report: dict[str, dict[str, Any]]) -> list[Check]:
    """The check of the rows of each look-alike model that the report tells of."""
    folder = settings.features / run_id
    told = [one for one in lookalikes.declared() if one.model in report and (folder / f"{FILE}.parquet").exists()]
    if not told or not {"customer_id", "model"} <= set(frame.columns):
        return []
    spells = pl.read_parquet(folder / f"{FILE}.parquet")
    features = pl.scan_parquet(folder / "features.parquet").filter(pl.col("is_scored"))
    asked = features.select("customer_id").collect()["customer_id"]
    return [_check(one, frame.filter(pl.col("model") == one.model), asked, spells, report[one.model]) for one in told]


def _check(one: Lookalike, frame: pl.DataFrame, asked: pl.Series, spells: pl.DataFrame, told: dict[str, Any]) -> Check:
    known = frame["customer_id"].cast(asked.dtype)
    in_it = spells.filter(pl.col("left_at").is_null() & (pl.col("seed") == one.seed))["customer_id"].cast(asked.dtype)
    seen = {
        "status": told["status"],
        "rows_untold": frame.height - int(told["rows"]),
        "not_asked_for": len(known) - int(known.is_in(asked.implode()).sum()),
        "of_the_seed": int(known.is_in(in_it.implode()).sum()),
    }
    rules = (
        _in("status", _STATUSES, f"the report's status is one of {', '.join(_STATUSES)}"),
        _in("rows_untold", [0], "there are as many rows as the report says"),
        _in("not_asked_for", [0], "everybody scored is among the features to score"),
        _in("of_the_seed", [0], "nobody whom the last published version has in the seed is among its look-alikes"),
    )
    return Check(f"scores_{one.model}", pd.DataFrame([seen]), rules)


def _in(column: str, allowed: list[Any], says: str) -> Rule:
    return Rule("ExpectColumnValuesToBeInSet", {"column": column, "value_set": allowed}, says)
