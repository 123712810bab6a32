"""A source made for one test: `things`, which takes every file whose name begins so."""

import re
from collections.abc import Callable
from typing import Any

import pytest

from ingestion.source import Source
from warehouse.contracts import Column, Contract

Declare = Callable[..., None]


def things(**fields: Any) -> Source:
    """The source with these fields in its contract."""
    columns = (Column(name="thing_id", type="integer", nullable=False), Column(name="words"))
    kept = {"source": "things", "description": "One row per thing.", "format": "csv", "columns": columns}
    kept |= {"key": ("_position",), "repeats": "load", "arrival": "load", "purpose": "tests", "retention_days": 1}
    return Source(Contract(**kept | fields), re.compile(r"(?s)things.*"))


def declaring(monkeypatch: pytest.MonkeyPatch) -> Declare:
    """Makes it the source that is loaded."""

    def declare(**fields: Any) -> None:
        source = things(**fields)
        monkeypatch.setattr("ingestion.load.load_source", lambda _: source)

    return declare
