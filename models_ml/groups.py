"""Figures by group: a model that is good on average may be bad for some.

A group is told only where it has enough people and both kinds among them.
"""

import numpy as np
import polars as pl

from models_ml import evaluation
from models_ml.features import Labels, Matrix

FEWEST = 100
NEW_DAYS = 90
BY = ("region", "primary_device_class")


def figures(frame: pl.DataFrame, label: Labels, probability: Matrix) -> dict[str, dict[str, float]]:
    """By group: people in hundreds, ROC-AUC, calibration error, promised and true rate; all in one order of rows."""
    found = {}
    for name, words in _memberships(frame).items():
        for word in sorted(words.drop_nulls().unique()):
            chosen = (words == word).fill_null(value=False).to_numpy()
            people = frame["customer_id"].filter(pl.Series(chosen)).n_unique()  # a person may have more rows than one
            if people >= FEWEST and len(np.unique(label[chosen])) > 1:
                found[f"{name} {word}"] = {
                    "people": float(people // FEWEST * FEWEST),
                    **_figures(label[chosen], probability[chosen]),
                }
    return found


def _memberships(frame: pl.DataFrame) -> dict[str, pl.Series]:
    """The groups that the features can tell: region and device where they are there, new and old, bought or not yet."""
    words = {name: frame[name].cast(pl.String) for name in BY if name in frame.columns}
    if "tenure_days" in frame.columns:
        is_new = pl.when(pl.col("tenure_days") < NEW_DAYS).then(pl.lit("new")).otherwise(pl.lit("of old"))
        words["customers"] = frame.select(is_new.alias("is"))["is"]
    if "orders_count" in frame.columns:
        has_bought = (
            pl.when(pl.col("orders_count") > 0).then(pl.lit("have bought")).otherwise(pl.lit("have not bought"))
        )
        words["who"] = frame.select(has_bought.alias("is"))["is"]
    return words


def _figures(label: Labels, probability: Matrix) -> dict[str, float]:
    told = evaluation.metrics(label, probability)
    return {
        "roc_auc": told["roc_auc"],
        "ece": told["ece"],
        "promised": round(float(probability.mean()), 4),
        "base_rate": told["base_rate"],
    }
