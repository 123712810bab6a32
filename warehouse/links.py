"""Links between records without a common key: what linkage writes and the identity graph reads."""

from pathlib import Path

from warehouse.settings import Settings
from warehouse.sql import literal

COLUMNS = {
    "from_type": "varchar",
    "from_key": "varchar",
    "to_type": "varchar",
    "to_key": "varchar",
    "match_weight": "double",
    "match_probability": "double",
    "linked_at": "timestamp",
}


def path(settings: Settings, run_id: str) -> Path:
    """Where the links of a run stand."""
    return settings.links / run_id / "links.parquet"


def rows(settings: Settings, run_id: str | None) -> str:
    """SQL for the links of that run; zero rows with the same columns where there was none yet."""
    source = f"read_parquet({literal(path(settings, run_id))})" if run_id else f"({none()})"
    return f"select {', '.join(COLUMNS)} from {source}"


def none() -> str:
    """SQL for zero links."""
    return f"select {', '.join(f'cast(null as {type_}) as {name}' for name, type_ in COLUMNS.items())} where false"
