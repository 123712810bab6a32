"""How good probabilities are: ranking, calibration, and what the best tenth is worth."""

import numpy as np
from sklearn.metrics import average_precision_score, roc_auc_score

from models_ml.features import Labels, Matrix

BINS = 10


def metrics(bought: Labels, probability: Matrix) -> dict[str, float]:
    """Figures of one set of predictions; both arrays have shape (rows,), both classes must occur."""
    found = {
        "roc_auc": roc_auc_score(bought, probability),
        "average_precision": average_precision_score(bought, probability),
        "ece": ece(bought, probability),
        "top_decile_lift": top_decile_lift(bought, probability),
        "base_rate": bought.mean(),
    }
    return {name: round(float(value), 4) for name, value in found.items()}


def bins(bought: Labels, probability: Matrix) -> list[dict[str, float]]:
    """Ten groups of equal size from the least to the most likely: rows, mean promised and mean true rate of each.

    Groups of equal width would be all but empty above .5 where few people buy.
    """
    groups = np.array_split(np.argsort(probability, kind="stable"), BINS)
    return [
        {"rows": len(rows), "predicted": float(probability[rows].mean()), "observed": float(bought[rows].mean())}
        for rows in groups
        if len(rows)
    ]


def ece(bought: Labels, probability: Matrix) -> float:
    """Expected calibration error over ten bins of equal size (Naeini, Cooper and Hauskrecht, 2015)."""
    gaps = [one["rows"] * abs(one["predicted"] - one["observed"]) for one in bins(bought, probability)]
    return float(sum(gaps) / len(probability))


def top_decile_lift(bought: Labels, probability: Matrix) -> float:
    """Rate of buyers among the tenth ranked highest, as a multiple of the rate among all."""
    best = np.argsort(-probability, kind="stable")[: -(-len(probability) // 10)]
    return float(bought[best].mean() / bought.mean())
