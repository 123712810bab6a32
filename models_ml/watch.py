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
from models_ml.drift import SCORE, Counts, Kept
from models_ml.features import LABEL, Matrix, labels, matrix
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
        found = {}
        for name, files in self._files.items():
            gains = json.loads(files["card.json"])["features"]
            found[name] = drift.judged(self._then[name], self._now[name], gains, self._kept(name, files)).as_json()
        return found

    def _kept(self, model: str, files: artifacts.Files) -> Kept | None:
        """Promises to the people of the latest closed cut-off; None where the model has learnt from their labels."""
        from models_ml import propensity  # over a second to import

        closed = features.newest_closed(self._path, TARGETS[model])
        if not closed.height:
            return None
        card = json.loads(files["card.json"])
        begins = closed["cutoff_at"].dt.replace_time_zone(None).min()
        known = datetime.fromisoformat(card["data"]["labels_known_until"])
        if not isinstance(begins, datetime) or known > begins or set(card["features"]) - set(closed.columns):
            return None
        told = propensity.predict(files, closed, self._settings.threads)["probability"].to_numpy()
        return drift.kept(labels(closed.select(LABEL)), told)
