"""The interval of a figure is about that figure, and holds what it says."""

import numpy as np
import pytest

from models_ml import calibration, evaluation, intervals

TRIES, PEOPLE = 40, 2_000


def crowd(rng: np.random.Generator, people: int, shift: float = 0.0) -> tuple[np.ndarray, np.ndarray]:  # type: ignore[type-arg]
    """Labels of a known rate, and promises that are off by `shift` on the margin."""
    margin = rng.normal(-2, 1.2, people)
    return rng.random(people) < calibration.sigmoid(margin), calibration.sigmoid(margin + shift)


@pytest.mark.parametrize("digits", [2, 6])
def test_everybody_once_gives_the_figures_of_the_card(digits: int) -> None:
    label, probability = crowd(np.random.default_rng(1), 5_000)
    probability = probability.round(digits)
    found = intervals.Ranked(label, probability).figures(np.ones(5_000, dtype=np.int64))
    told = evaluation.metrics(label, probability)
    named = dict(zip(intervals.FIGURES, found, strict=True))
    exact = (
        ("roc_auc", "average_precision") if digits == 2 else tuple(intervals.FIGURES)
    )  # the others break ties by place
    assert [named[one] for one in exact] == pytest.approx([told[one] for one in exact], abs=1e-4)


def test_whoever_counts_twice_counts_as_two() -> None:
    label, probability = crowd(np.random.default_rng(2), 500)
    times = np.random.default_rng(3).integers(0, 3, 500)
    doubled = np.repeat(label, times), np.repeat(probability, times)
    by_weight = intervals.Ranked(label, probability).figures(times)[:2]
    assert by_weight == pytest.approx(intervals.Ranked(*doubled).figures(np.ones(times.sum(), dtype=np.int64))[:2])


@pytest.mark.parametrize("shift", [0.0, 0.4])
def test_the_truth_lies_in_about_95_of_100_intervals(shift: float) -> None:
    rng = np.random.default_rng(4)
    label, probability = crowd(rng, 400_000, shift)
    truth = evaluation.metrics(label, probability) | ({} if shift else {"ece": 0.0})
    held = dict.fromkeys(intervals.FIGURES, 0)
    for _ in range(TRIES):
        found = intervals.bounds(*crowd(rng, PEOPLE, shift))
        for name, interval in found.items():
            held[name] += interval["lower"] <= truth[name] <= interval["upper"]
    assert min(held.values()) >= 0.85 * TRIES, held


def test_a_figure_of_many_people_is_surer_and_the_same_people_give_the_same_interval() -> None:
    label, probability = crowd(np.random.default_rng(5), 200_000)
    few, many = intervals.bounds(label[:2_000], probability[:2_000]), intervals.bounds(label, probability)
    width = {name: [one[name]["upper"] - one[name]["lower"] for one in (few, many)] for name in intervals.FIGURES}
    assert all(narrow < wide / 4 for wide, narrow in width.values())
    assert intervals.bounds(label, probability) == many


def test_rows_of_one_person_are_drawn_together() -> None:
    label, probability = crowd(np.random.default_rng(6), 1_000)
    alone, whose = intervals.bounds(label, probability), np.repeat(np.arange(1_000), 9)
    ninefold = np.repeat(label, 9), np.repeat(probability, 9)
    together, apart = intervals.bounds(*ninefold, whose), intervals.bounds(*ninefold)
    for name in ("roc_auc", "average_precision", "top_decile_lift"):
        wide, same, narrow = (one[name]["upper"] - one[name]["lower"] for one in (alone, together, apart))
        assert same == pytest.approx(wide, rel=0.1), name
        assert narrow < wide / 2, name
