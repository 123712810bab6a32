"""Which models a run is to train: all each week, between only those that cannot be applied or have drifted."""

import json
from collections.abc import Mapping
from pathlib import Path

from models_ml import catalog, champions, features
from models_ml.catalog import Model
from warehouse import run
from warehouse.settings import Settings


def models(settings: Settings, folder: Path, *, is_asked: bool) -> Mapping[str, Model]:
    """The models to train on a run's folder of features, by name."""
    columns = features.columns(folder / "features.parquet")
    every = {model.name: model for model in catalog.models(folder, settings.cluster_method)}
    if is_asked:
        return every
    usable, drifted = champions.named(settings), _drifted(settings)
    return {
        name: model
        for name, model in every.items()
        if name in drifted or not _applies(settings, model, usable.get(name), columns)
    }


def _applies(settings: Settings, model: Model, version: str | None, columns: frozenset[str]) -> bool:
    """Whether there is a champion whose features are all there."""
    if version is None or not (settings.models / model.name / version).is_dir():
        return False
    return catalog.absent(model, champions.load(settings, model.name, version), columns) is None


def _drifted(settings: Settings) -> set[str]:
    """The models that the latest scoring said have drifted too far."""
    path = settings.scores / str(run.scored_by(settings)) / "drift.json"
    found = json.loads(path.read_text()) if path.is_file() else {}
    return {name for name, drift in found.items() if drift["retrain"]}
