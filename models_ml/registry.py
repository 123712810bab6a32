"""The registry of models: MLflow on one SQLite file, without a server and without the network.

Versions are tagged with what they are made of; hashes are of contents, so that a new signature changes none of them.
What counts is the alias `champion`, and it moves in one transaction; what it replaces is written before it moves.
"""

import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING

from models_ml import champions
from models_ml.champions import CHALLENGER, CHAMPION, FORMER
from warehouse import atomic, decisions
from warehouse.errors import SmaltiError
from warehouse.settings import Settings, let_library

if TYPE_CHECKING:
    from mlflow.entities.model_registry import ModelVersion
    from mlflow.tracking import MlflowClient

_VERSION, _REPLACES = "smalti.version", "smalti.replaces"


class Registry:
    """The registry, opened for writing. Each method may be repeated: it ends where it would have ended."""

    def __init__(self, settings: Settings) -> None:
        """Open it; where it is gone it is written again from the ledger's decisions."""
        self._settings = settings
        place = champions.path(settings)
        if not place.exists():
            aside = place.with_name(f".{place.name}.new")
            aside.unlink(missing_ok=True)
            place.parent.mkdir(parents=True, exist_ok=True)
            self._client = _client(aside)
            self._client.search_registered_models()  # makes the tables
            self._restore()
            atomic.sync(aside)
            aside.replace(place)
            atomic.sync(place.parent)
        self._client = _client(place)

    def register(self, model: str, version: str, tags: Mapping[str, str]) -> None:
        """Have the version, tagged with what it is made of, and call it the challenger until it is decided on."""
        known = self._find(model, version) or self._create(model, version, tags)
        self._client.set_registered_model_alias(model, CHALLENGER, str(known.version))

    def promote(self, model: str, version: str) -> None:
        """Let this version be the champion, and the one that it replaces the former."""
        new = self._wanted(model, version)
        old = self._aliased(model, CHAMPION)
        if old is not None and old.version != new.version:
            self._client.set_model_version_tag(model, str(new.version), _REPLACES, old.tags[_VERSION])
        self._client.set_registered_model_alias(model, CHAMPION, str(new.version))  # what counts
        self.settle(model)

    def settle(self, model: str) -> None:
        """Bring the aliases that follow from the champion in line with it, as after a kill."""
        champion = self._aliased(model, CHAMPION)
        if champion is None:
            return
        former = self._find(model, champion.tags.get(_REPLACES, ""))
        self._point(model, FORMER, former)
        challenger = self._aliased(model, CHALLENGER)
        if challenger is not None and challenger.version == champion.version:
            self._point(model, CHALLENGER, None)

    def former(self, model: str) -> str:
        """The version that the champion replaced.

        Raises:
            SmaltiError: there is none to go back to.
        """
        champion = self._aliased(model, CHAMPION)
        if champion is None or _REPLACES not in champion.tags:
            known = ", ".join(sorted(one.name for one in self._client.search_registered_models())) or "none"
            raise SmaltiError(f"{model!r} has no former champion to go back to; models in the registry: {known}")
        return champion.tags[_REPLACES]

    def _point(self, model: str, alias: str, version: "ModelVersion | None") -> None:
        if version is not None:
            self._client.set_registered_model_alias(model, alias, str(version.version))
        elif alias in self._client.get_registered_model(model).aliases:
            self._client.delete_registered_model_alias(model, alias)

    def _create(self, model: str, version: str, tags: Mapping[str, str]) -> "ModelVersion":
        if not self._client.search_registered_models(f"name = '{model}'"):
            self._client.create_registered_model(model)
        return self._client.create_model_version(
            model, source=f"{model}/{version}", tags={_VERSION: version, **dict(tags)}
        )

    def _wanted(self, model: str, version: str) -> "ModelVersion":
        found = self._find(model, version)
        if found is None:
            raise SmaltiError(f"no version {version!r} of {model!r} in the registry; `smalti models list` shows them")
        return found

    def _find(self, model: str, version: str) -> "ModelVersion | None":
        found = self._client.search_model_versions(f"name = '{model}'")
        return next((one for one in found if one.tags.get(_VERSION) == version), None)

    def _aliased(self, model: str, alias: str) -> "ModelVersion | None":
        found = self._client.search_registered_models(f"name = '{model}'")
        version = found[0].aliases.get(alias) if found else None
        return self._client.get_model_version(model, str(version)) if version else None

    def _restore(self) -> None:
        """Promote again whatever the ledger says was promoted and whose files are still there."""
        for one in decisions.read(self._settings.ledger):
            if one.is_promoted and one.challenger and (self._settings.models / one.model / one.challenger).is_dir():
                self.register(one.model, one.challenger, {})
                self.promote(one.model, one.challenger)


def _client(place: object) -> "MlflowClient":
    let_library("MLFLOW_DISABLE_TELEMETRY", "true")  # MLflow would tell its maker of each call
    from mlflow.tracking import MlflowClient  # seconds to import

    for name in ("mlflow", "alembic"):  # which say what tables they make
        logging.getLogger(name).setLevel(logging.WARNING)
    address = f"sqlite:///{place}"
    return MlflowClient(tracking_uri=address, registry_uri=address)
