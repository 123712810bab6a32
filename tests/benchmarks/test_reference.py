"""The protocol of the references: labels closed, nothing known too early, no figure without its data."""

import json
import subprocess
import sys
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from sklearn.metrics import roc_auc_score

from benchmarks import cdnow, cdnow_purchases, lines, reference
from benchmarks.lines import Goal
from models_ml.forecasts import Window

DATA = Path(__file__).resolve().parents[3] / "shared/data"
END = date(1997, 9, 30)


@pytest.fixture(scope="module")
def orders() -> pl.DataFrame:
    """Customer-days of 1,500 people who first ordered in the first quarter, to the middle of the next year."""
    rng = np.random.default_rng(3)
    rows = []
    for number in range(1_500):
        day, rate = int(rng.integers(90)), rng.gamma(0.8, 0.012)
        while day < 545:
            rows.append((f"{number:05d}", date(1997, 1, 1) + timedelta(days=day), 1, float(rng.gamma(4, 8))))
            day += 1 + int(rng.exponential(1 / rate))
    return pl.DataFrame(rows, schema=["customer_id", "day", "items", "value"], orient="row")


def test_a_label_that_is_not_closed_is_refused(orders: pl.DataFrame) -> None:
    assert cdnow.window(orders, END - timedelta(weeks=19), 19, END).horizon == 19
    with pytest.raises(ValueError, match="labels must be closed"):
        cdnow.window(orders, END - timedelta(weeks=19) + timedelta(days=1), 19, END)


def test_windows_are_those_of_the_protocol_and_nothing_held_out_is_asked_for(orders: pl.DataFrame) -> None:
    known = orders.filter(pl.col("day") <= END)
    prepared = cdnow_purchases.task(known, END, 39)
    assert [one.horizon for one in prepared.windows] == [19, 19, 19]
    ages = [float(one.people["T"].max()) for one in prepared.windows]  # type: ignore[arg-type]
    assert ages == pytest.approx([272 / 7 - 23, 272 / 7 - 21, 272 / 7 - 19])
    with pytest.raises(ValueError, match="must be known at"):
        cdnow_purchases.task(orders, END, 39)


def test_what_is_known_of_people_is_the_same_from_data_cut_there_and_from_all(orders: pl.DataFrame) -> None:
    moment = date(1997, 6, 3)
    cut = orders.filter(pl.col("day") <= moment)
    assert cdnow.people(cut, moment, 19).equals(cdnow.people(orders, moment, 19))
    assert cdnow.people(orders, moment, 19)["customer_id"].n_unique() == cut["customer_id"].n_unique()


def test_labels_count_order_days_after_the_moment_to_the_end_of_the_horizon() -> None:
    day = date(1997, 6, 3)
    later = [day, day + timedelta(days=1), day + timedelta(days=14), day + timedelta(days=15)]
    rows = pl.DataFrame({"customer_id": ["a"] * 4, "day": later, "items": [1] * 4, "value": [1.0] * 4})
    assert cdnow.orders_after(rows, cdnow.people(rows, day, 2), day, 2).tolist() == [2.0]


def test_a_future_dealt_out_among_people_leaves_nothing_to_rank_by(orders: pl.DataFrame) -> None:
    """Whatever is told of people at a moment and knows their future would rank it still."""
    moment = END - timedelta(weeks=19)
    history, future = orders.filter(pl.col("day") <= moment), orders.filter(pl.col("day") > moment)
    own = [_auc(orders, moment, seed) for seed in range(3)]
    dealt = []
    for seed in range(12):
        names = history["customer_id"].unique().sort()
        others = names.sample(fraction=1.0, shuffle=True, seed=seed)
        moved = future.with_columns(pl.col("customer_id").replace_strict(names, others))
        dealt.append(_auc(pl.concat([history, moved]), moment, seed))
    assert float(np.mean(dealt)) == pytest.approx(0.5, abs=0.02)
    assert min(own) > 0.6


def _auc(orders: pl.DataFrame, moment: date, seed: int) -> float:
    """LightGBM learns from half of the people at the moment and ranks the other half."""
    whole = cdnow.window(orders, moment, 19, END)
    learns = np.random.default_rng(seed).permutation(len(whole.orders)) % 2 == 0
    half = Window(whole.people.filter(learns), whole.orders[learns], whole.horizon)
    told = cdnow_purchases.boosted(cdnow_purchases.Task(whole.people.filter(~learns), [half], 19))
    return float(roc_auc_score(whole.orders[~learns] > 0, told.any_order))


def test_absent_data_is_not_measured_and_says_why(tmp_path: Path) -> None:
    found = cdnow_purchases.measure(tmp_path)
    assert {line.verdict for line in found} == {"not measured"}
    assert {line.why for line in found} == {
        "there is no cdnow/CDNOW_master.txt.zst in the folder of data",
        "there is no cdnow/CDNOW_sample.txt.zst in the folder of data",
    }
    names = [f"cdnow {file} {figure}" for file in ("master", "sample") for figure in cdnow_purchases.FIGURES]
    assert [line.name for line in found] == names


def test_the_table_is_printed_for_readers_and_for_machines(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "benchmarks.reference", "--data", str(tmp_path)]
    text = subprocess.run(command, cwd=reference.CHECKOUT, check=True, capture_output=True, text=True).stdout
    assert "| cdnow master auc | | | | ≥ 0.775 | not measured: there is no cdnow/CDNOW_master.txt.zst" in text
    made = subprocess.run([*command, "--json"], cwd=reference.CHECKOUT, check=True, capture_output=True, text=True)
    assert json.loads(made.stdout)[0]["name"] == "cdnow master auc"


@pytest.mark.parametrize(
    ("goal", "value", "surely", "verdict"),
    [
        (Goal("at least", 0.775), 0.775, True, "met"),
        (Goal("at least", 0.775), 0.775, False, "tie"),
        (Goal("at least", 0.775), 0.7749, True, "missed"),
        (Goal("at most", 0.03), 0.0301, True, "missed"),
        (Goal("at most", 0.03), 0.03, True, "met"),
        (Goal("within", 0.05), 1.05, True, "met"),
        (Goal("within", 0.05), 0.9499, True, "missed"),
        (Goal("within", None), 0.5, True, "no goal"),
    ],
)
def test_a_miss_is_a_miss_and_a_tie_a_tie(goal: Goal, value: float, surely: bool, verdict: str) -> None:  # noqa: FBT001
    assert goal.verdict(value, is_surely_better=surely) == verdict


def test_ours_that_is_the_reference_is_a_tie_and_the_interval_holds_the_figure() -> None:
    rng = np.random.default_rng(2)
    noise = rng.normal(1.0, 0.5, 400)
    line = lines.compare(
        "x", Goal("at least", 0.5), lambda d: noise[d].mean(), lambda d: noise[d].mean(), "itself", 400
    )
    assert line.verdict == "tie"
    assert line.low is not None
    assert line.high is not None
    assert line.low < noise.mean() < line.high
    better = lines.compare("x", Goal("at least", 0.5), lambda d: noise[d].mean(), lambda _: 0.1, "less", 400)
    assert better.verdict == "met"


@pytest.mark.skipif(not (DATA / "cdnow").exists(), reason="needs cdnow of the real data in ../shared/data")
def test_cdnow_is_read_by_customer_and_day() -> None:
    counted = {}
    for name, (file, skip) in cdnow.FILES.items():
        rows = cdnow.read(DATA / "cdnow" / file, skip)
        counted[name] = (rows["customer_id"].n_unique(), rows.select("customer_id", "day").is_duplicated().any())
    assert counted == {"master": (23_570, False), "sample": (2_357, False)}
