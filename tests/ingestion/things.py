"""A source made for one test: `things`, which takes every file whose name begins so."""

import re
from collections.abc import Callable
from typing import Any

import pytest

from ingestion.source import Source
from warehouse.contracts import Column, Contract

Declare = Callable[..., None]


def declaring(monkeypatch: pytest.MonkeyPatch) -> Declare:
    """Makes it the source that is loaded, with this contract."""

    def declare(**fields: Any) -> None:
        columns = (Column(name="thing_id", type="integer", nullable=False), Column(name="words"))
        kept = {"source": "things", "description": "One row per thing.", "format": "csv", "columns": columns}
        kept |= {"key": ("_position",), "repeats": "load", "arrival": "load", "purpose": "tests", "retention_days": 1}
        source = Source(Contract(**kept | fields), re.compile(r"(?s)things.*"))
        monkeypatch.setattr("ingestion.load.load_source", lambda _: source)

    return declare
