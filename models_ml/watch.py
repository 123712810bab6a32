"""While champions score: counts how far people have moved since each champion was fitted."""

import json
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pyarrow.parquet as pq

from models_ml import artifacts, champions, drift, features
from models_ml.drift import SCORE, Counts, Drift, Kept
from models_ml.features import Matrix, labels, matrix
from models_ml.targets import TARGETS
from warehouse.settings import Settings


class Watch:
    """The drift of every champion that states what it was fitted on; where people are many, of some."""

    def __init__(self, settings: Settings, counts: Mapping[str, str], path: Path) -> None:
        """Read what each champion was fitted on."""
        self._settings, self._path = settings, path
        every = {name: champions.load(settings, name, version) for name, version in counts.items()}
        self._files = {name: files for name, files in every.items() if name in TARGETS and "reference.json" in files}
        self._then = {name: json.loads(files["reference.json"]) for name, files in self._files.items()}
        self._now: dict[str, dict[str, Counts]] = {name: {} for name in self._files}
        self._each = 1 + pq.read_metadata(path).num_rows // features.SOME

    def look(self, model: str, people: pl.DataFrame, scored: pl.DataFrame) -> None:
        """Count some rows of features, and the scores that the model gave them."""
        if model not in self._files or not scored.height:
            return
        target = TARGETS[model]
        some = features.asked(people, target).gather_every(self._each)
        for name, one in self._then[model].items():
            if name == SCORE:
                values: Matrix = scored["probability"].gather_every(self._each).to_numpy()
            elif name in some.columns:
                values = matrix(some, (name,))[:, 0]
            else:
                continue
            counted = drift.counted(values, one["edges"])
            self._now[model][name] = self._now[model].get(name, np.zeros_like(counted)) + counted

    def told(self) -> dict[str, Any]:
        """The drift of each model, ready for JSON."""
        return {name: self._judged(name, files).as_json() for name, files in self._files.items()}

    def _judged(self, model: str, files: artifacts.Files) -> Drift:
        closed, card = features.newest_closed(self._path, TARGETS[model]), json.loads(files["card.json"])
        begins = closed["cutoff_at"].dt.replace_time_zone(None).min() if closed.height else None
        if not isinstance(begins, datetime):
            return drift.judged(self._then[model], self._now[model], card["features"], None, can_learn=False)
        known, judged_at = card["data"]["labels_known_until"], card["data"]["test"]["cutoffs"][0]
        has_learnt = datetime.fromisoformat(known) > begins or bool(set(card["features"]) - set(closed.columns))
        calibration = None if has_learnt else self._kept(files, closed)
        is_newer = begins > datetime.fromisoformat(judged_at)
        return drift.judged(self._then[model], self._now[model], card["features"], calibration, can_learn=is_newer)

    def _kept(self, files: artifacts.Files, closed: pl.DataFrame) -> Kept | None:
        """Promises to the people of the latest closed cut-off, and what became true of them."""
        from models_ml import propensity  # over a second to import

        told = propensity.predict(files, closed, self._settings.threads)["probability"].to_numpy()
        return drift.kept(labels(closed), told)
