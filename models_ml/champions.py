"""Which version of each model counts: the registry's aliases, read without MLflow.

MLflow takes six seconds of processor time to import and open, which a night that only scores need not pay. What is
read here are two of its tables; a test holds the answer against MLflow's own.
"""

import sqlite3
from contextlib import closing
from pathlib import Path

from models_ml import artifacts
from warehouse.errors import SmaltiError
from warehouse.settings import Settings

CHAMPION, CHALLENGER, FORMER = "champion", "challenger", "former"
_ALIASES = """
select a.name, v.source from registered_model_aliases as a
join model_versions as v on v.name = a.name and v.version = a.version and v.workspace = a.workspace
where a.alias = ?
"""


class Lost(SmaltiError):
    """What the registry names is not there."""


def path(settings: Settings) -> Path:
    """The registry: one SQLite file."""
    return settings.models / "registry.sqlite"


def named(settings: Settings, alias: str = CHAMPION) -> dict[str, str]:
    """Version by model of those with this alias; none where there is no registry yet.

    Raises:
        Lost: the file is no registry.
    """
    if not path(settings).exists():
        return {}
    try:
        with closing(sqlite3.connect(f"{path(settings).as_uri()}?mode=ro", uri=True)) as book:
            rows = book.execute(_ALIASES, (alias,)).fetchall()
    except sqlite3.DatabaseError as error:
        raise Lost(
            f"{path(settings).name} cannot be read as a registry of models ({error}); move it away, "
            "and the next training writes it again from the ledger"
        ) from None
    return {name: source.partition("/")[2] for name, source in rows}


def load(settings: Settings, model: str, version: str) -> artifacts.Files:
    """The files of a version, as they were signed.

    Raises:
        Lost: they are gone.
        artifacts.Tampered: they are not what was signed.
    """
    folder = settings.models / model / version
    if not folder.is_dir():
        raise Lost(
            f"{model}/{version} stands in the registry, its files are gone; "
            "restore them, or train again by `smalti run weekly`"
        )
    return artifacts.load(folder, settings.hmac_key.get_secret_value())
