"""What each stage read and left: its datasets for the lineage, their digests for the ledger."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import duckdb

from warehouse import dbt_lineage, ledger, manifest, past
from warehouse.lineage import Dataset, Flow, Part
from warehouse.settings import Settings

# the decisions that a publication keeps, and the tables that they are
_KEPT = {
    "customer_ids": "identity.customer_ids",
    "merges": "profiles.merges",
    "membership_history": "segments.membership_history",
    "customers_history": "profiles.customers_history",
    "exposures": "activation.exposures",
    "message_intents": "activation.message_intents",
}
_EXPORTED = (
    *("customer_features", "training_examples", "category_features", "category_examples"),
    *("shoppers", "catalogue", "interactions", "co_occurrences"),
)


@dataclass(frozen=True)
class Account:
    """What a stage made of what; a hash where the stage reads or leaves files that one may want to know again."""

    flow: Flow = field(default_factory=Flow)
    parts: tuple[Part, ...] = ()
    input_hash: str | None = None
    output_hash: str | None = None


@dataclass(frozen=True)
class Stage:
    """The stage that an account is given of; it started then (UTC, aware)."""

    settings: Settings
    run_id: str
    name: str
    source: str
    started_at: datetime


def account(stage: Stage) -> Account:
    """What the stage, which has just ended, read and left; nothing for one that only marks the run."""
    accounts = {
        "load_raw": _loaded,
        "replay_raw": _loaded,
        "check_raw": _checked_raw,
        "backfill_features": _backfilled,
        "train_models": _trained,
        "score_customers": _scored,
        "check_scores": _checked_scores,
        "publish": _published,
        "deliver": _delivered,
    }
    found = _built if stage.name.startswith("build") else accounts.get(stage.name)
    return found(stage) if found else Account()


def _loaded(stage: Stage) -> Account:
    folder = stage.settings.raw / stage.source
    lines = [line for line in manifest.read(folder) if line.run_id == stage.run_id]
    if not lines:
        return Account()
    files = sorted({folder / name for line in lines for name in line.parquet})
    read = Dataset(
        f"exports/{stage.source}", sum(line.rows_in for line in lines), sum(line.bytes for line in lines), len(lines)
    )
    written = _files(f"raw/{stage.source}", files, sum(line.rows_loaded for line in lines))
    return Account(Flow((read,), (written,)), (), _of_lines(lines), of_files(files))


def _checked_raw(stage: Stage) -> Account:
    return Account(Flow(_raw(stage.settings), (Dataset("gates/raw"),)))


def _backfilled(stage: Stage) -> Account:
    files = {model: sorted(stage.settings.past.glob(f"*/{model}.parquet")) for model in past.MODELS}
    written = tuple(_files(f"past/{model}", found) for model, found in files.items())
    every = [one for found in files.values() for one in found]
    return Account(Flow(_raw(stage.settings), written), (), None, of_files(every))


def _raw(settings: Settings) -> tuple[Dataset, ...]:
    return tuple(Dataset(f"raw/{path.parent.name}") for path in sorted(settings.raw.glob("*/contract.json")))


def _built(stage: Stage) -> Account:
    """The models are parts; where features were handed over, that is the stage's own doing."""
    parts = dbt_lineage.built(stage.settings.home / "dbt", stage.started_at)
    sources = {one.name for part in parts for one in part.flow.inputs if one.name.startswith("raw/")}
    lines = [line for name in sorted(sources) for line in manifest.read(stage.settings.home / name)]
    files = _parquet(stage.settings.features / stage.run_id) if sources else []
    tables = [Dataset(dbt_lineage.table("features", name)) for name in _EXPORTED]
    flow = Flow(tuple(tables), (_files("features/customer_features", files),)) if files else Flow()
    return Account(flow, tuple(parts), _of_lines(lines), of_files(files))


def _trained(stage: Stage) -> Account:
    read = _parquet(stage.settings.features / stage.run_id)
    return Account(Flow((_files("features/customer_features", read),), (Dataset("models"),)), (), of_files(read))


def _scored(stage: Stage) -> Account:
    read = _parquet(stage.settings.features / stage.run_id)
    written = _parquet(stage.settings.scores / stage.run_id)
    flow = Flow((_files("features/customer_features", read),), _each("scores", written))
    return Account(flow, (), of_files(read), of_files(written))


def _checked_scores(stage: Stage) -> Account:
    read = _parquet(stage.settings.scores / stage.run_id)
    return Account(Flow(_each("scores", read), (Dataset("gates/scores"),)), (), of_files(read))


def _published(stage: Stage) -> Account:
    """Each table is a part: it was taken from the working file's."""
    path = stage.settings.current.resolve()
    if not path.stem.endswith(stage.run_id):
        return Account()
    with duckdb.connect(path, read_only=True) as connection:
        tables = connection.execute(
            "select schema_name, table_name, estimated_size from duckdb_tables() where schema_name <> 'ops'"
            " union all select split_part(name, '.', 1), split_part(name, '.', 2), row_count from ops.table_files"
            " where not starts_with(name, 'durable.') order by all"
        ).fetchall()
    copied = [(f"published/{schema}.{name}", _origin(schema, name), rows) for schema, name, rows in tables]
    kept = [(f"durable/{name}", Dataset(f"warehouse/{table}"), None) for name, table in _KEPT.items()]
    times = (stage.started_at.isoformat(), datetime.now(UTC).isoformat())
    parts = [Part("TABLE", name, Flow((of,), (Dataset(name, rows),)), *times) for name, of, rows in [*copied, *kept]]
    return Account(parts=tuple(parts), output_hash=of_files([path]))


def _origin(schema: str, name: str) -> Dataset:
    is_seed = schema == "profiles" and name in ("activations", "destinations")
    return Dataset(dbt_lineage.table("seeds" if is_seed else schema, name))


def _delivered(stage: Stage) -> Account:
    """The plan's id is a digest of what was sent; without a plan nothing was."""
    with ledger.connect(stage.settings.ledger) as book:
        plan = book.execute(
            "select plan_id, added + changed + removed from plans"
            " where run_id = ? and destination = ? and status <> 'blocked'",
            (stage.run_id, stage.source),
        ).fetchone()
    tables = ("activation.audience", "activation.audience_changes", "segments.catalog")
    read = (*(Dataset(f"published/{table}") for table in tables), Dataset("ledger/accepted"))
    if plan is None:
        return Account(Flow(read))
    written = (Dataset(f"destinations/{stage.source}", plan[1]), Dataset("ledger/accepted"))
    version = [
        row["output_hash"] for row in ledger.stages(stage.settings.ledger, stage.run_id) if row["stage"] == "publish"
    ]
    return Account(Flow(read, written), (), str(version[0]) if version else None, plan[0])


def _parquet(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.parquet"))


def _files(name: str, files: list[Path], rows: int | None = None) -> Dataset:
    return Dataset(name, rows, sum(file.stat().st_size for file in files), len(files))


def _each(folder: str, files: list[Path]) -> tuple[Dataset, ...]:
    return tuple(_files(f"{folder}/{file.stem}", [file]) for file in files)


def of_files(files: list[Path]) -> str | None:
    """SHA-256 over names and contents, which of one file is not that of its bytes alone; None of no file."""
    return _digest(f"{file.name} {_sha256(file)}" for file in sorted(files))


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _of_lines(lines: list[manifest.Line]) -> str | None:
    """A digest of what was loaded: the contents of the files, whatever their names, order and runs."""
    return _digest(sorted(line.sha256 for line in lines))


def _digest(items: Iterable[str]) -> str | None:
    text = "\n".join(items)
    return hashlib.sha256(text.encode()).hexdigest() if text else None
