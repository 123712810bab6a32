"""Who will, within fourteen days: gradient-boosted trees for any target, calibrated, judged on a later fortnight.

Fitted on the older cut-offs, calibrated on the next, tested once on the last that is fully known.
"""

import json
from dataclasses import asdict, dataclass

import lightgbm as lgb
import numpy as np
import polars as pl

from models_ml import (
    artifacts,
    baseline,
    calibration,
    cards,
    drift,
    evaluation,
    explain,
    groups,
    intervals,
    leakage,
    worth,
)
from models_ml.features import LABEL, Labels, Matrix, Split, labels, matrix, people

LAYOUT = "3"  # of the artifact: another one is another version, though the data be the same
AT_LEAST = {"train": (500, 50), "calibrate": (100, 10), "test": (100, 10)}
PEOPLE = 500
PARAMETERS: dict[str, object] = {
    "objective": "binary",
    "learning_rate": 0.05,
    "num_leaves": 15,
    "min_data_in_leaf": 40,
    "lambda_l2": 5.0,
    "feature_fraction": 0.8,
    "bagging_fraction": 0.8,
    "bagging_freq": 1,
    "seed": 1,
    "deterministic": True,
    "force_row_wise": True,
    "verbosity": -1,
}
ROUNDS, PATIENCE, FEWEST = 400, 30, 20
ROWS_A_THREAD = 50_000
EXPLAINED = 2_000
SCHEMA: dict[str, pl.DataType | type[pl.DataType]] = {
    "customer_id": pl.String,
    "model": pl.String,
    "probability": pl.Float64,
    "tier": pl.String,
    "model_version": pl.String,
    "scored_at": pl.Datetime("us"),
    "reasons": pl.List(pl.String),
    "expected_value_amount": pl.Float64,
}
Predictions = dict[str, Matrix]  # by who predicts: probabilities of the test cut-off, shape (rows,)


def lacking(split: Split) -> str | None:
    """Why there is too little to learn from or to judge by; None where there is enough."""
    if not split.names:
        return "no numeric feature column"
    for part, (rows, fewest) in AT_LEAST.items():
        frame: pl.DataFrame = getattr(split, part)
        true, kind = int(frame[LABEL].sum()), split.target.kind
        if frame.height < rows or true < fewest:
            return f"{frame.height} rows, {true} {kind} in part {part!r}; at least {rows} and {fewest} are needed"
        if true == frame.height:
            return f"all {true} rows in part {part!r} are {kind}; both kinds are needed"
    known = split.train["customer_id"].n_unique()
    if known < PEOPLE:
        return f"{known} people to learn from; at least {PEOPLE} are needed"
    return None if _varies(matrix(split.train, split.names)) else "no feature varies"


def _varies(x: Matrix) -> bool:
    return any(len(np.unique(column[~np.isnan(column)])) > 1 or 0 < np.isnan(column).sum() < len(x) for column in x.T)


def fit(split: Split, threads: int) -> artifacts.Files:
    """Fit, calibrate and test; return the artifact's files. Same split, same bytes.

    The model that was tested is the one that scores: it is not fitted again on the later rows,
    for then the figures on its card would be another model's.
    """
    booster = _boost(split, threads)
    margins = {part: _margin(booster, matrix(getattr(split, part), split.names), threads) for part in AT_LEAST}
    amounts = worth.fit(split.calibrate)
    each = None if amounts is None else worth.of(amounts, split.calibrate)
    fitted = calibration.fit(margins["calibrate"], labels(split.calibrate), each)
    predictions = _predictions(split, fitted, margins["test"])
    told = cards.Told(
        judge(split, predictions),
        intervals.bounds(labels(split.test), predictions["model"], people(split.test)),
        _gains(booster, split.names),
        _shapley(booster, split),
        groups.figures(split.test, labels(split.test), predictions["model"]),
        _tiers(split, fitted, amounts, predictions["model"]),
    )
    card = cards.propensity(split, PARAMETERS, told)
    x = matrix(split.train, split.names)
    then = {name: x[:, i] for i, name in enumerate(split.names)} | {drift.SCORE: predictions["model"]}
    return {
        "reference.json": artifacts.dump(drift.reference(then)),
        "model.txt": booster.model_to_string().encode(),
        "calibration.json": artifacts.dump(asdict(fitted)),
        **({} if amounts is None else amounts.files()),
        "card.json": artifacts.dump(card),
        "card.md": cards.markdown(card).encode(),
        "curves.json": artifacts.dump(curves(split, predictions)),
    }


def _tiers(
    split: Split, fitted: calibration.Calibration, amounts: worth.Worth | None, probability: Matrix
) -> dict[str, object]:
    value = worth.expected(amounts, split.test, probability)
    tier = calibration.tiers(fitted, probability if value is None else value)
    return worth.told(tier, split.test, labels(split.test), probability, amounts)


def judge(split: Split, predictions: Predictions) -> dict[str, dict[str, float]]:
    """Figures on the test cut-off: of the model, of its uncalibrated self, of the baseline, and of features alone."""
    bought = labels(split.test)
    found = {name: evaluation.metrics(bought, probability) for name, probability in predictions.items()}
    return {**found, "alone": leakage.alone(split)}


def curves(split: Split, predictions: Predictions) -> dict[str, list[dict[str, float]]]:
    """What calibration and gains are drawn from: groups of equal size on the test cut-off, as `evaluation.bins`."""
    bought = labels(split.test)
    return {
        name: evaluation.bins(bought, probability)
        for name, probability in predictions.items()
        if name != "uncalibrated"
    }


def _predictions(split: Split, fitted: calibration.Calibration, margin: Matrix) -> Predictions:
    plain = baseline.predict(split.train, split.test, split.target.plain)
    own = {"model": calibration.probabilities(fitted, margin), "uncalibrated": calibration.sigmoid(margin)}
    return own if plain is None else {**own, "baseline": plain}


@dataclass(frozen=True)
class Fitted:
    """An artifact, read once."""

    names: tuple[str, ...]
    calibration: calibration.Calibration
    paths: explain.Paths
    worth: worth.Worth | None


def load(files: artifacts.Files) -> Fitted:
    """Read an artifact's files."""
    booster = lgb.Booster(model_str=files["model.txt"].decode())
    fitted = calibration.Calibration(**json.loads(files["calibration.json"]))
    return Fitted(tuple(json.loads(files["card.json"])["features"]), fitted, explain.paths(booster), worth.load(files))


def predict(files: artifacts.Files, frame: pl.DataFrame, threads: int) -> pl.DataFrame:
    """As `applied`, by an artifact's files."""
    return applied(load(files), frame, threads)


def applied(model: Fitted, frame: pl.DataFrame, threads: int) -> pl.DataFrame:
    """`customer_id`, `probability`, `tier`, `reasons` and `expected_value_amount` of each row of `frame`.

    The value is null where the model knows no amounts.

    Raises:
        ValueError: a feature that the model was fitted on is not in the frame.
    """
    if absent := sorted(set(model.names) - set(frame.columns)):
        raise ValueError(f"the model needs features that are not there: {', '.join(absent)}")
    x = matrix(frame, model.names)
    margin, added = explain.margins(model.paths, x, _useful(threads, len(x)))
    probability = calibration.probabilities(model.calibration, margin)
    value = worth.expected(model.worth, frame, probability)
    return pl.DataFrame(
        {
            "customer_id": frame["customer_id"],
            "probability": pl.Series(probability, dtype=pl.Float64),
            "tier": calibration.tiers(model.calibration, probability if value is None else value),
            "reasons": explain.reasons(added, model.names),
            "expected_value_amount": pl.Series([None] * len(x) if value is None else value, dtype=pl.Float64),
        }
    )


def scores(predicted: pl.DataFrame, model: str, version: str, scored_at: object) -> pl.DataFrame:
    """Rows of `scores.propensity`, in the one type each column always has."""
    constants = {"model": model, "model_version": version, "scored_at": scored_at}
    full = predicted.with_columns(pl.lit(value).alias(name) for name, value in constants.items())
    return full.select(pl.col(name).cast(kind) for name, kind in SCHEMA.items())


def _boost(split: Split, threads: int) -> lgb.Booster:
    """Trees on all training cut-offs, as many as the latest of them, held out, says are useful."""
    x, y = matrix(split.train, split.names), labels(split.train)
    parameters = {**PARAMETERS, "num_threads": _useful(threads, len(x))}
    return lgb.train(parameters, _data(x, y, split.names, parameters), num_boost_round=_rounds(split, parameters))


def _rounds(split: Split, parameters: dict[str, object]) -> int:
    latest = split.train["cutoff_at"] == split.train["cutoff_at"].max()
    older, held = split.train.filter(~latest), split.train.filter(latest)
    if any(part[LABEL].n_unique() == 1 or part.is_empty() for part in (older, held)):
        return FEWEST * 2
    training = _data(matrix(older, split.names), labels(older), split.names, parameters)
    checked = lgb.Dataset(matrix(held, split.names), labels(held).astype(np.float64), reference=training)
    stop = lgb.early_stopping(PATIENCE, verbose=False)
    booster = lgb.train(parameters, training, ROUNDS, valid_sets=[checked], callbacks=[stop])
    return max(booster.best_iteration, FEWEST)


def _data(x: Matrix, y: Labels, names: tuple[str, ...], parameters: dict[str, object]) -> lgb.Dataset:
    return lgb.Dataset(x, y.astype(np.float64), feature_name=list(names), params=parameters)


def _margin(booster: lgb.Booster, x: Matrix, threads: int) -> Matrix:
    if not len(x):
        return np.zeros(0)
    return np.asarray(booster.predict(x, raw_score=True, num_threads=_useful(threads, len(x))), dtype=np.float64)


def _useful(threads: int, rows: int) -> int:
    """Threads worth starting: waiting for each other at each split of a small tree costs more than they give."""
    return min(threads, 1 + rows // ROWS_A_THREAD)


def _shapley(booster: lgb.Booster, split: Split) -> dict[str, float]:
    """How much each feature moves the margin on the test cut-off, in the mean, as shares: exact Shapley values."""
    some = matrix(split.test, split.names)[:EXPLAINED]
    added = np.abs(np.asarray(booster.predict(some, pred_contrib=True, num_threads=1))[:, :-1]).mean(axis=0)
    shares = added / max(float(added.sum()), 1e-12)
    return {name: round(float(share), 4) for name, share in zip(split.names, shares, strict=True)}


def _gains(booster: lgb.Booster, names: tuple[str, ...]) -> dict[str, float]:
    gains = np.asarray(booster.feature_importance("gain"), dtype=np.float64)
    shares = gains / max(float(gains.sum()), 1e-12)
    return {name: round(float(share), 4) for name, share in zip(names, shares, strict=True)}
