"""One desk for the ingestion tests: a fresh home, a folder of exports written by hand, and what readers then see."""

import csv
import gzip
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest

from ingestion.load import Outcome, load
from ingestion.source import load_source
from warehouse import manifest, raw
from warehouse.settings import Settings

KEY = "5a" * 32
NAMESPACE = "0d4a0f6e-7c5d-4f8c-9a53-3c6d8f5f2b11"
LOADED_AT = datetime(2026, 9, 1, tzinfo=UTC).replace(tzinfo=None)


@dataclass(frozen=True)
class Desk:
    settings: Settings
    exports: Path
    loaded_at: datetime = LOADED_AT

    def csv(self, name: str, source: str, rows: Sequence[Sequence[object]], extra: str = "") -> Path:
        path = self._place(name)
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow([column.in_file for column in load_source(source).contract.columns])
            writer.writerows(rows)
            file.write(extra)
        return path

    def jsonl(self, name: str, events: Sequence[object]) -> Path:
        path = self._place(name)
        text = "".join((event if isinstance(event, str) else json.dumps(event)) + "\n" for event in events)
        path.write_bytes(gzip.compress(text.encode(), mtime=0) if path.suffix == ".gz" else text.encode())
        return path

    def parquet(self, name: str, query: str) -> Path:
        path = self._place(name)
        duckdb.execute(f"copy ({query}) to '{path}' (format parquet)")
        return path

    def _place(self, name: str) -> Path:
        path = self.exports / name
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def load(self, source: str, folder: Path | None = None, run_id: str = "run-1") -> Outcome:
        return load(self.settings, source, folder or self.exports, run_id, self.loaded_at)

    def raw(self, source: str, what: str = "*", rest: str = "") -> list[Any]:
        folder = self.settings.raw / source
        counted = raw.rows(folder, manifest.read(folder))
        return duckdb.execute(f"select {what} from ({counted}) {rest}").fetchall()

    def lines(self, source: str) -> list[manifest.Line]:
        return manifest.read(self.settings.raw / source)

    def rejects(self, source: str) -> list[Any]:
        folder = self.settings.raw / source
        paths = sorted({str(folder / line.rejects) for line in self.lines(source) if line.rejects})
        query = "select file, position, reason, raw from read_parquet(?) order by file, position"
        return duckdb.execute(query, [paths]).fetchall() if paths else []

    def vault(self) -> list[Any]:
        with duckdb.connect(str(self.settings.vault), read_only=True) as connection:
            return connection.execute("select kind, hmac, value, source from identifiers order by all").fetchall()

    @staticmethod
    def event(number: int, **fields: object) -> dict[str, object]:
        kept = {"event_id": f"e{number}", "event_type": "page_view", "platform": "web"}
        return {**kept, "occurred_at": f"2026-08-01T10:{number % 60:02d}:00.000Z", **fields}

    @staticmethod
    def contact(number: int, **fields: str) -> list[str]:
        values = dict.fromkeys((column.name for column in load_source("crm_contacts").contract.columns), "")
        values |= {"contact_id": f"c{number}", "email": f"person{number}@example.com", "first_name": "Ann"}
        return list((values | dict.fromkeys(("created_at", "updated_at"), "2026-08-01 00:00:00") | fields).values())

    @staticmethod
    def order(number: int, **fields: str) -> list[str]:
        values = {"order_id": f"o{number}", "contact_id": "", "email": f"person{number}@example.com"}
        values |= {"ordered_at": "2026-08-01 10:00:00", "status": "completed", "channel": "web", "currency": "GBP"}
        return list((values | fields).values())

    @staticmethod
    def line(number: int, **fields: str) -> list[str]:
        values = {"order_id": f"o{number}", "line_number": "1", "product_id": "p1", "quantity": "2"}
        return list((values | {"unit_price_amount": "3.50"} | fields).values())


@pytest.fixture
def desk_at() -> Callable[[Path], Desk]:
    def make(folder: Path) -> Desk:
        (folder / "exports").mkdir(parents=True)
        home = folder / "home"
        return Desk(Settings(home=home, hmac_key=KEY, namespace=NAMESPACE, _env_file=None), folder / "exports")  # type: ignore[arg-type, call-arg]

    return make


@pytest.fixture
def desk(desk_at: Callable[[Path], Desk], tmp_path: Path) -> Desk:
    return desk_at(tmp_path)
