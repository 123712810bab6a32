"""Whether a propensity model is to count: judged once, on people whom neither model has learnt from."""

import json
from dataclasses import asdict
from datetime import datetime

import numpy as np

from models_ml import artifacts, compare, propensity
from models_ml.catalog import Verdict
from models_ml.features import Split, labels, people


def judge(champion: artifacts.Files | None, challenger: artifacts.Files, rows: Split, threads: int) -> Verdict:
    """Promote where the lower bound of what is gained is above 0.

    Without a champion the challenger is held against the base rate of its calibration cut-off, which is what could be
    told of people without a model.
    """
    label, new, of = labels(rows.test), _probability(challenger, rows, threads), people(rows.test)
    if champion is None:
        rate = np.full(len(label), float(labels(rows.calibrate).mean()))
        return _told(compare.paired(label, rate, new, of), "the base rate", "no model beats the base rate")
    if why := _not_comparable(champion, rows):
        return why
    found = compare.paired(label, _probability(champion, rows, threads), new, of)
    return _told(found, "the champion", "the champion stays: the gain may be chance")


def _told(found: compare.Comparison, than: str, otherwise: str) -> Verdict:
    gain = found.log_loss
    figures = f"log loss lower by {gain.value:.5f} (95 % {gain.lower:.5f} to {gain.upper:.5f}) on {found.people} people"
    said = f"better than {than}" if found.is_better else otherwise
    return Verdict(found.is_better, f"{said}: {figures}", asdict(found))


def _not_comparable(champion: artifacts.Files, rows: Split) -> Verdict | None:
    """A champion that has learnt from the labels that would judge it stays."""
    known = json.loads(champion["card.json"])["data"].get("labels_known_until")
    begins = rows.test["cutoff_at"].min()
    if known and isinstance(begins, datetime) and datetime.fromisoformat(known) > begins:
        reason = f"the champion stays: it has learnt from labels up to {known}, the test begins at {begins}"
        return Verdict(is_promoted=False, reason=reason)
    return None


def _probability(
    files: artifacts.Files, rows: Split, threads: int
) -> "np.ndarray[tuple[int, ...], np.dtype[np.float64]]":
    return propensity.predict(files, rows.test, threads)["probability"].to_numpy()
