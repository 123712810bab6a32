"""What was known of people at past moments: the same models, built on raw as it was then.

A model that learns from features must meet them as they stood when nobody knew the label: who was who, what had
arrived, which orders had come back. The features of a cut-off are therefore those that a run of that moment makes.
"""

import hashlib
import json
import shutil
from collections.abc import Container, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import duckdb

from warehouse import (
    arrivals,
    aside,
    compiled,
    contracts,
    cutoffs,
    dbt,
    ledger,
    manifest,
    past,
    pseudonyms,
    rebuild,
    run,
)
from warehouse.contracts import Contract
from warehouse.manifest import Line
from warehouse.settings import Settings
from warehouse.sql import literal


@dataclass(frozen=True)
class Made:
    """How many cut-offs were built, and how many had been before."""

    built: int
    kept: int


def backfill(settings: Settings, as_of: datetime) -> Made:
    """Have a folder for each closed cut-off before `as_of`, its files bound as `past.*`.

    One is built again only if something of its moment is known otherwise: rows, links, separations, models, key.
    """
    wanted = {_path(settings, moment): moment for moment in _closed(settings, as_of)}
    _remove(settings, wanted, as_of)
    missing = {path: moment for path, moment in wanted.items() if not path.exists()}
    if missing:
        settings.past.mkdir(parents=True, exist_ok=True)
        models = compiled.models(settings, past.LAST)
        for path, moment in missing.items():
            _build(settings, path, moment, models)
    with run.working(settings) as connection:
        past.bind(connection, settings)
    return Made(len(missing), len(wanted) - len(missing))


def _build(settings: Settings, path: Path, moment: datetime, models: list[compiled.Model]) -> None:
    known = partial(_known, settings, moment)
    with aside.home(settings, f"aside/{moment:%Y-%m-%d}", known, moment.isoformat()) as home:
        lines = [line for source in home.raw.iterdir() for line in manifest.read(source)]
        if any(line.rows_loaded for line in lines):
            _write(home, path, f"past-{moment:%Y-%m-%d}", moment, _links(settings, moment), models)
        else:
            _copy(duckdb.connect(), path, {model: past.nobody(model) for model in past.MODELS})


def _remove(settings: Settings, wanted: Container[Path], as_of: datetime) -> None:
    """What is too old, half written, or known otherwise now; what a later night will want stays."""
    for path in settings.past.glob("*"):
        moment = datetime.fromisoformat(path.name[:10])
        if path not in wanted and (moment < cutoffs.oldest(as_of) or path != _path(settings, moment)):
            shutil.rmtree(path) if path.is_dir() else path.unlink()


def _write(
    home: Settings, path: Path, run_id: str, moment: datetime, links: str | None, models: list[compiled.Model]
) -> None:
    run.open_run(home, run_id, moment, is_lookback=True)
    if links:
        run.accept_links(home, links)
    with run.working(home) as connection:
        pseudonyms.bind(connection, home)
        compiled.build(connection, models)
        ordered = {model: f"select * from features.{model} order by {order}" for model, order in past.MODELS.items()}
        _copy(connection, path, ordered)


def _copy(connection: duckdb.DuckDBPyConnection, path: Path, queries: Mapping[str, str]) -> None:
    """Write a file for each model; the folder appears whole."""
    temporary = path.with_suffix(".tmp")
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir()
    for model, query in queries.items():
        target = literal(temporary / f"{model}.parquet")
        connection.execute(f"copy ({query}) to {target} (format parquet, compression zstd)")
    temporary.rename(path)


def _closed(settings: Settings, as_of: datetime) -> list[datetime]:
    lines = (
        line for path in settings.raw.glob("*/manifest.jsonl") for line in manifest.live(manifest.read(path.parent))
    )
    first = min((line.first_event_at for line in lines if line.first_event_at), default=None)
    return cutoffs.closed(as_of, datetime.fromisoformat(first)) if first else []


def _path(settings: Settings, moment: datetime) -> Path:
    """Named by the moment and a digest of everything that decides what the file holds."""
    sources = sorted(path.parent.name for path in settings.raw.glob("*/contract.json"))
    rows = {
        source: _state(_known(settings, moment, source, manifest.read(settings.raw / source))) for source in sources
    }
    with ledger.connect(settings.ledger) as book:
        parted = sorted(tuple(row) for row in book.execute("select * from separations"))
    decides = {
        "rows": rows,
        "parted": [row for row in parted if row[-1] <= moment.isoformat()],
        "links": _links(settings, moment),
        "models": dbt.fingerprint() + "".join((past.FOLDER / f"{model}.sql").read_text() for model in past.MODELS),
        "key": pseudonyms.key_id(settings.hmac_key),
    }
    digest = hashlib.sha256(json.dumps(decides, sort_keys=True).encode()).hexdigest()
    return settings.past / f"{moment:%Y-%m-%d}-{digest[:16]}"


def _state(lines: list[Line]) -> list[Any]:
    return sorted([line.sha256, line.status, line.rows_expired] for line in lines)


def _known(settings: Settings, moment: datetime, source: str, lines: list[Line]) -> list[Line]:
    """The lines with rows that had arrived, or came first of all; a correction that came later is not made yet."""
    contract, first = contracts.read(settings.raw / source), arrivals.begun(lines)
    moment = max(moment, datetime.fromisoformat(first)) if first else moment
    later = {(line.batch, line.file) for line in lines if not _arrived(contract, line, moment)}
    return [
        line.model_copy(update={"status": "loaded", "superseded_by": None})
        if (line.superseded_by, line.file) in later
        else line
        for line in lines
        if _arrived(contract, line, moment)
    ]


def _arrived(contract: Contract, line: Line, moment: datetime) -> bool:
    first = line.first_event_at if contract.arrival == "event_time" else line.arrived_at
    return first is not None and datetime.fromisoformat(first) <= moment


def _links(settings: Settings, moment: datetime) -> str | None:
    """The run whose links counted then; what was linked later was not known."""
    before = [record for record in rebuild.records(settings) if record.as_of <= moment]
    return before[-1].links_run_id if before else None
