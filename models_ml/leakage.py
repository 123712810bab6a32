"""Signs that a model knows what nobody knew at the cut-off."""

from collections.abc import Mapping

import numpy as np
from scipy.stats import rankdata

from models_ml.features import Labels, Matrix, Split, labels, matrix
from models_ml.targets import PURCHASE

SUSPICIOUS = 0.97
ALONE = 0.1
_MOST = 3


def alone(split: Split) -> dict[str, float]:
    """The ROC-AUC that features reach alone on the test cut-off, in whichever direction; the best few."""
    x, label = matrix(split.test, split.names), labels(split.test)
    found = {name: round(auc_alone(x[:, i], label), 4) for i, name in enumerate(split.names)}
    best = sorted(found, key=lambda name: (-found[name], name))[:_MOST]
    return {name: found[name] for name in best}


def warnings(metrics: Mapping[str, Mapping[str, float]], by: str = PURCHASE.plain_words) -> tuple[str, ...]:
    """What a reader of the figures should look into; `by` says in words what the baseline goes by.

    A count that goes on after the cut-off, smuggled in, need not give a ranking that is too good to be true; but it
    alone ranks far better than all that recency and frequency know.
    """
    found, auc = [], metrics["model"]["roc_auc"]
    if auc > SUSPICIOUS:
        found.append(f"ROC-AUC {auc} is above {SUSPICIOUS}: look for the label among the features")
    plain = metrics.get("baseline", {}).get("roc_auc")
    if plain is not None:
        found += [
            f"{name} alone ranks better ({reached}) than {by} together ({plain}): "
            "look whether it was known at the cut-off"
            for name, reached in metrics.get("alone", {}).items()
            if reached > plain + ALONE
        ]
        if auc <= plain:
            found.append(f"the model ranks no better than {by} alone")
    return tuple(found)


def auc_alone(column: Matrix, label: Labels) -> float:
    """The ROC-AUC of a column, shape (rows,), in whichever direction, by the rank sum (Mann and Whitney, 1947).

    What is absent ranks lowest.
    """
    ranks = rankdata(np.where(np.isnan(column), -np.inf, column))
    true, n = int(label.sum()), len(label)
    area = (float(ranks[label].sum()) - true * (true + 1) / 2) / (true * (n - true))
    return max(area, 1 - area)
