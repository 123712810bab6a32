"""A first look at the folder that a run was given: is there anything that a source knows."""

from pathlib import Path

from ingestion import source
from reverse_etl import destination
from warehouse import manifest
from warehouse.errors import NothingToDo, SmaltiError
from warehouse.settings import Settings

_OTHER_STEPS = {"weekly": 11, "nightly": 11, "hourly": 8}
_SHOWN = 5


def steps(dag: str) -> int:
    """How many steps a run of this DAG has."""
    return len(source.names()) + _OTHER_STEPS[dag] + len(destination.names())


def look(settings: Settings, data: Path | None) -> list[str]:
    """Notes on the folder: what no source knows, or that it is empty.

    Raises:
        SmaltiError: the folder is missing.
        NothingToDo: it holds no export, and there is nothing from earlier runs to go on with.
    """
    folder = data or settings.drop
    if data and not folder.is_dir():
        raise SmaltiError(f"no folder {folder}; --data names a folder with exports")
    if data is None:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    claimed = [file for name in source.names() for file in source.files(source.load_source(name), folder)]
    if not claimed:
        known = ", ".join(source.names())
        message = f"no export in {folder}; files are known by their names, for the sources {known} (docs/sources.md)"
        if data or not any(manifest.read(path.parent) for path in settings.raw.glob("*/manifest.jsonl")):
            raise NothingToDo(message)
        return [f"{message}; going on with what was loaded before"]
    unknown = source.unmatched(folder)
    notes = [f"{file}: no source knows a file of this name; it is left alone" for file in unknown[:_SHOWN]]
    return notes + ([f"and {len(unknown) - _SHOWN} more such files"] if len(unknown) > _SHOWN else [])
