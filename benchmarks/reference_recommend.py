"""Recommendations beside published figures, by their protocols: ranked over all films, those seen in training masked.

MovieLens-1M as split for LCFN (Yu and Qin, 2020; three files, a list of films per person): learnt on the first, tuned
on the second, the third read once. Its goals are this project's, its reference is SimpleX (Mao et al., CIKM 2021).
MovieLens-100k, which a package of PyPI carries, has no such split: a tenth of each person's ratings is drawn for each
of tuning and test, and popularity stands beside it.
"""

import json
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import numpy as np
import polars as pl
from scipy import sparse
from threadpoolctl import threadpool_limits

from benchmarks.lines import Goal, Line, not_measured
from models_ml.recommenders import als, blend, ease, popularity, ranking
from models_ml.recommenders.judging import SEED, masked
from models_ml.recommenders.ranking import Figures
from models_ml.recommenders.shop import Floats, Ints, Sparse

K, OF_COVERAGE = 20, 10
REGULARISATIONS, OF_ALS, OF_POPULARITY = (100.0, 200.0, 300.0, 500.0), (0.0, 0.3, 0.6, 1.0), (0.0, -0.02, -0.05, -0.1)
FACTORS, ALS_REGULARISATION, ALPHA, ROUNDS = 64, 10.0, 2.0, 15
PACKAGE = Path(__file__).with_name("recommend-data.txt")
_SPLIT = ("train_data.json", "validation_data.json", "test_data.json")
_INSIDE = "recbole/dataset_example/ml-100k/ml-100k.inter"
# reference, goal, by figure
_OF_1M = {"R@20": (0.2802, 0.283), "N@20": (0.2670, 0.272), "coverage@10": (None, 0.34)}
NAMES = ("R@20", "N@20", "coverage@10")


@dataclass(frozen=True)
class Parts:
    """Who saw which film, for learning, tuning and testing; shapes (people, films)."""

    learnt: Sparse
    tuned: Sparse
    tested: Sparse


def measure(data: Path) -> list[Line]:
    """The lines of both data sets; one that is not there is not measured."""
    with threadpool_limits(1):
        return [*_of_1m(data / "movielens_1m_lcfn"), *_of_100k(data / "movielens_100k")]


def _of_1m(folder: Path) -> list[Line]:
    paths = [folder / name for name in _SPLIT]
    if not all(path.exists() for path in paths):
        goals = {f"movielens 1m {name}": Goal("at least", goal) for name, (_, goal) in _OF_1M.items()}
        return not_measured(goals, f"no {folder.name}")
    lists = [json.loads(path.read_text()) for path in paths]
    films = 1 + max(film for one in lists for person in one for film in person)
    found, _ = measured(Parts(*(_matrix(one, films) for one in lists)))
    return [
        _judged(f"movielens 1m {name}", found[name], reference, Goal("at least", goal))
        for name, (reference, goal) in _OF_1M.items()
    ]


def _of_100k(folder: Path) -> list[Line]:
    parts = _split(folder)
    none = Goal("at least", None)
    if parts is None:
        return not_measured({f"movielens 100k {name}": none for name in NAMES}, f"no {folder.name}, no package with it")
    ours, plain = measured(parts)
    return [
        Line(f"movielens 100k {name}", ours[name][0], plain[name], "popularity", "", *ours[name][1:], "no goal")
        for name in NAMES
    ]


def _judged(name: str, found: tuple[float, float | None, float | None], reference: float | None, goal: Goal) -> Line:
    """Met if the goal is reached and the reference lies below the interval; a tie if it is reached and lies within."""
    ours, low, high = found
    verdict = goal.verdict(ours, is_surely_better=reference is None or (low or 0.0) > reference)
    return Line(name, ours, reference, "SimpleX" if reference else "", str(goal), low, high, verdict)


def measured(parts: Parts) -> tuple[dict[str, tuple[float, float | None, float | None]], dict[str, float]]:
    """Figures of the blend with their bounds, and those of popularity, on the test part; it is read here only."""
    scores = _tuned(parts)
    popular = np.broadcast_to(popularity.overall(parts.learnt), parts.learnt.shape)
    ours = _figures(ranking.top(masked(scores, parts.learnt), K), parts.tested)
    plain = _figures(ranking.top(masked(popular, parts.learnt), K), parts.tested)
    return {name: (float(np.mean(found)), *_bounds(found)) for name, found in ours.items()}, {
        name: float(np.mean(found)) for name, found in plain.items()
    }


def _tuned(parts: Parts) -> Floats:
    """EASE, ALS and popularity as ranks best on the part for tuning; every film's score for every person."""
    gram, popular = ease.gram(parts.learnt), popularity.overall(parts.learnt)
    people, films = als.fit(
        parts.learnt,
        factors=FACTORS,
        regularisation=ALS_REGULARISATION,
        alpha=ALPHA,
        rounds=ROUNDS,
        seed=SEED,
    )
    by_factors = blend.relative(people @ films.T)
    best, chosen = -1.0, by_factors
    for regularisation in REGULARISATIONS:
        linear = blend.relative(parts.learnt @ ease.fit(gram, regularisation))
        for of_als, of_popularity in product(OF_ALS, OF_POPULARITY):
            scores = linear + np.float32(of_als) * by_factors + np.float32(of_popularity) * popular
            found = _figures(ranking.top(masked(scores, parts.learnt), K), parts.tuned)
            if (worth := float(found["N@20"].mean())) > best:
                best, chosen = worth, scores
    return chosen


def _figures(ranked: Ints, relevant: Sparse) -> dict[str, Figures]:
    """Each person's recall and ndcg, of those who have anything to be found; and the one coverage."""
    asked = np.flatnonzero(ranking.counts(relevant) > 0)
    hit = ranking.hits(ranked[asked], relevant[asked])
    covered = ranking.coverage(ranked, OF_COVERAGE, relevant.shape[1])
    return {
        "R@20": ranking.recall(hit, relevant[asked], K),
        "N@20": ranking.ndcg(hit, relevant[asked], K),
        "coverage@10": np.array([covered]),
    }


def _bounds(figures: Figures) -> tuple[float | None, float | None]:
    """Of a mean over people; coverage is one figure of them all, and has none."""
    return ranking.interval(figures, SEED) if len(figures) > 1 else (None, None)


def _matrix(lists: list[list[int]], films: int) -> Sparse:
    rows = np.repeat(np.arange(len(lists)), [len(one) for one in lists])
    columns = np.array([film for one in lists for film in one], dtype=np.int64)
    found = sparse.csr_array((np.ones(len(rows), np.float32), (rows, columns)), shape=(len(lists), films))
    found.sum_duplicates()
    return found


def _split(folder: Path) -> Parts | None:
    """The ratings of 100k by tenths, drawn within each person; None where there are none to be had."""
    with tempfile.TemporaryDirectory() as aside:
        path = folder / "ml-100k.inter"
        path = path if path.exists() else _unpacked(Path(aside))
        if not path.exists():
            return None
        ratings = pl.read_csv(path, separator="\t", new_columns=["person", "film", "rating", "at"])
    drawn = np.random.default_rng(SEED).random(ratings.height)
    place = (pl.col("drawn").rank("ordinal").over("person") - 1) / pl.len().over("person")
    found = ratings.with_columns(pl.col("person", "film").rank("dense") - 1, drawn=pl.Series(drawn)).with_columns(
        place=place
    )
    people, films = (int(found[name].max()) + 1 for name in ("person", "film"))  # type: ignore[arg-type]
    bounds = ((0.0, 0.8), (0.8, 0.9), (0.9, 1.0))
    parts = (found.filter((pl.col("place") >= low) & (pl.col("place") < high)) for low, high in bounds)
    return Parts(*(_ones(part, (people, films)) for part in parts))


def _ones(rows: pl.DataFrame, shape: tuple[int, int]) -> Sparse:
    where = (rows["person"].to_numpy().astype(np.int32), rows["film"].to_numpy().astype(np.int32))
    return sparse.csr_array((np.ones(rows.height, np.float32), where), shape=shape)


def _unpacked(folder: Path) -> Path:
    """Where the package's ratings lie once it is unpacked there; nothing lies there where it cannot be had."""
    command = [str(Path(sys.executable).with_name("uv")), "pip", "install", "--quiet", "--no-deps", "--require-hashes"]
    try:
        subprocess.run([*command, "--target", str(folder), "-r", str(PACKAGE)], check=False, capture_output=True)
    except FileNotFoundError:
        return folder / "nothing"
    return folder / _INSIDE
