"""What CDNOW's customers bring in the 39 weeks held out, beside the interval that lifetime value gives each of them.

Nothing was chosen here: the models are fitted as the product fits them, to the end of the calibration.
"""

from datetime import date
from pathlib import Path

import numpy as np
import polars as pl

from benchmarks import cdnow, lines
from benchmarks.lines import Draw, Goal, Line
from models_ml import forecasts, lifetime, monetary, pareto_nbd
from models_ml.features import Matrix

COVERAGE, TOTAL = "cdnow master value coverage", "cdnow master value total"
GOALS = {COVERAGE: Goal("at least", lifetime.SHARE), TOTAL: Goal("within", None)}


def measure(data: Path) -> list[Line]:
    """The lines; `data` is the folder that holds `cdnow/`."""
    file, skip = cdnow.FILES["master"]
    path = data / "cdnow" / file
    if not path.exists():
        return lines.not_measured(GOALS, f"there is no cdnow/{file} in the folder of data")
    return judge(cdnow.read(path, skip), cdnow.CALIBRATED_TO, cdnow.WEEKS)


def judge(orders: pl.DataFrame, moment: date, weeks: int) -> list[Line]:
    """Share of people whose value in the `weeks` after `moment` lies in their interval, and the total foreseen."""
    known = orders.filter(pl.col("day") <= moment)
    people = cdnow.people(known, moment, weeks)
    low, high, mean = _foreseen(known, people, weeks)
    brought = _brought(orders, people, moment, weeks)

    def coverage(draw: Draw) -> float:
        return float(((low <= brought) & (brought <= high))[draw].mean())

    def total(draw: Draw) -> float:
        return float(mean[draw].sum() / brought[draw].sum())

    return [lines.alone(name, GOALS[name], ours, len(mean)) for name, ours in ((COVERAGE, coverage), (TOTAL, total))]


def _foreseen(known: pl.DataFrame, people: pl.DataFrame, weeks: int) -> tuple[Matrix, Matrix, Matrix]:
    """Lower bound, upper bound and mean of each person's value, shapes (rows,)."""
    h = forecasts.histories(people)
    spent = known.group_by("customer_id").agg(mean=pl.col("value").mean())
    amounts = people.join(spent, on="customer_id", how="left", maintain_order="left")["mean"].to_numpy()
    p, fitted = pareto_nbd.fit(h.grouped()), monetary.fit(h.x + 1, amounts)
    low, high = lifetime.interval(p, fitted, h, amounts, weeks)
    return low, high, pareto_nbd.expected(p, h, weeks) * monetary.expected(fitted, h.x + 1, amounts)


def _brought(orders: pl.DataFrame, people: pl.DataFrame, moment: date, weeks: int) -> Matrix:
    later = cdnow.after(orders, moment, weeks).group_by("customer_id").agg(brought=pl.col("value").sum())
    joined = people.join(later, on="customer_id", how="left", maintain_order="left")
    return np.asarray(joined["brought"].fill_null(0.0).to_numpy(), dtype=np.float64)
