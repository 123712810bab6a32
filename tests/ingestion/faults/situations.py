"""What a load under faults finds: files loaded before, files in the drop folder, and the state that it must come to."""

import gzip
import hashlib
import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from ingestion.load import load
from ingestion.source import load_source
from tests.ingestion.conftest import KEY, LOADED_AT, NAMESPACE, Desk
from warehouse.settings import Settings

Files = dict[str, str]
_LINES = "order_id,line_number,product_id,quantity,unit_price_amount"


@dataclass(frozen=True)
class Situation:
    """A source, what was loaded of it `before`, and what is to be loaded `now`; texts by file name."""

    source: str
    before: Files
    now: Files


def _table(source: str, rows: Sequence[Sequence[str]], more: str = "") -> str:
    """The rows as the source's CSV; with a column that its contract has not, where `more` is its name."""
    names = [column.in_file for column in load_source(source).contract.columns] + [more] * bool(more)
    return "".join(",".join([*row, *["new"] * bool(more)][: len(names)]) + "\n" for row in [names, *rows])


def _promised(files: Files, name: str) -> Files:
    """These files with a sidecar for the one of this name."""
    content = files[name].encode()
    promise = {"size": len(content), "sha256": hashlib.sha256(content).hexdigest(), "rows": content.count(b"\n") - 1}
    return files | {f"{name}.manifest.json": json.dumps(promise)}


def _lines() -> Situation:
    """The fast way: a correction gives a duplicate back; another duplicate, a reject, a new column, a bad header."""
    first = _table("shop_order_lines", [Desk.line(1), Desk.line(2), Desk.line(3)])
    second = _table("shop_order_lines", [Desk.line(3), Desk.line(4)])
    corrected = _table("shop_order_lines", [Desk.line(1, quantity="5"), Desk.line(2)])
    rows = [Desk.line(5), Desk.line(5), Desk.line(6, quantity="x"), Desk.line(4), Desk.line(7)]
    now = {
        "order_lines_2026-08-01.csv": corrected,
        "order_lines_2026-08-03.csv": _table("shop_order_lines", rows, "coupon"),
        "order_lines_2026-08-04.csv.gz": _table("shop_order_lines", [Desk.line(8)]),
        "order_lines_2026-08-05.csv": "order_id,quantity\no9,1\n",
    }
    return Situation(
        "shop_order_lines",
        {"order_lines_2026-08-01.csv": first, "order_lines_2026-08-02.csv": second},
        _promised(now, "order_lines_2026-08-03.csv"),
    )


def _orders() -> Situation:
    """The first load of a home: raw, vault and drop folders are made; clear identifiers, also in a new column."""
    rows = [Desk.order(1), Desk.order(2), Desk.order(2), Desk.order(3, status="x")]
    now = {
        "orders_2026-08-01.csv": _table("shop_orders", rows, "gift_note"),
        "orders_2026-08-02.csv.gz": _table("shop_orders", [Desk.order(1), Desk.order(4)]),
    }
    return Situation("shop_orders", {}, _promised(now, "orders_2026-08-01.csv"))


def _contacts() -> Situation:
    """A vault that has rows gains others; a full export is corrected."""
    first = _table("crm_contacts", [Desk.contact(1), Desk.contact(2)])
    now = {
        "contacts_2026-08-01.csv": _table("crm_contacts", [Desk.contact(1, phone="+442079460001"), Desk.contact(3)]),
        "contacts_2026-08-02.csv": _table("crm_contacts", [Desk.contact(2), Desk.contact(4, created_at="x")]),
    }
    return Situation("crm_contacts", {"contacts_2026-08-01.csv": first}, now)


SITUATIONS = {"order lines": _lines, "orders": _orders, "contacts": _contacts}


def settings(home: Path, **more: Any) -> Settings:
    """Settings for this home, with keys that are always the same."""
    return Settings(home=home, hmac_key=KEY, namespace=NAMESPACE, _env_file=None, **more)  # type: ignore[arg-type, call-arg]


def place(home: Path, files: Files) -> None:
    """Put files into the drop folder, those named so packed."""
    (home / "drop").mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        content = text.encode()
        (home / "drop" / name).write_bytes(gzip.compress(content, mtime=0) if name.endswith(".gz") else content)


def run_load(home: Path, source: str, **more: Any) -> None:
    """Load what lies in the drop folder; run and moment are always the same, so states can be compared whole."""
    config = settings(home, **more)
    load(config, source, config.drop, "run-1", LOADED_AT)


def make(folder: Path, situation: Situation) -> None:
    """A home that is about to make the load."""
    folder.mkdir()
    if situation.before:
        place(folder, situation.before)
        run_load(folder, situation.source)
    place(folder, situation.now)


def copy(home: Path, target: Path) -> Path:
    """The home again under another name, files with their times."""
    shutil.rmtree(target, ignore_errors=True)
    return Path(shutil.copytree(home, target, symlinks=True))


def seen(home: Path, source: str) -> list[Any]:
    """The rows that a reader gets by the manifest at this moment; none where nothing was ever loaded.

    Raises:
        AssertionError: one of them has a pseudonym that the vault does not know.
    """
    desk = Desk(settings(home), home)
    if not desk.lines(source) and not (desk.settings.raw / source / "empty.parquet").exists():
        return []
    rows = desk.raw(source, "*", "order by all")
    kinds = [column.in_raw for column in load_source(source).contract.columns if column.pii == "direct"]
    if rows and kinds:
        named = {hmac for row in desk.raw(source, ", ".join(kinds)) for hmac in row if hmac}
        assert named <= {row[1] for row in desk.vault()}, "rows are seen whose identifiers the vault has not"
    return rows


def state(home: Path, source: str) -> dict[str, Any]:
    """All that a load leaves: rows, manifest, rejects, vault, and each file and folder below the home."""
    desk = Desk(settings(home), home)
    paths = sorted(home.rglob("*"))
    found = {
        "rows": seen(home, source),
        "lines": [line.model_dump() for line in desk.lines(source)],
        "rejects": desk.rejects(source),
        "paths": [path.relative_to(home).as_posix() for path in paths],
        "drop": {str(p.relative_to(home)): _digest(p) for p in paths if p.is_file() and home / "drop" in p.parents},
        "vault": _vault(desk.settings.vault) if desk.settings.vault.exists() else None,
    }
    return dict(json.loads(json.dumps(found, default=str)))


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _vault(path: Path) -> dict[str, Any]:
    with duckdb.connect(str(path), read_only=True) as connection:
        tables = {
            name: connection.execute(f"select * from {name} order by all").fetchall()
            for name in ("identifiers", "extras")
        }
    return tables | {"mode": oct(path.stat().st_mode & 0o777)}
