"""Marked values, planted wherever personal data and secrets come in, are found nowhere but in the vault.

Looked through is all that runs leave, after a good run and a failed one: bytes, what is compressed in them, Parquet,
DuckDB, SQLite with Airflow's XCom and rendered templates, and what the terminal showed.
"""

import gzip
import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pytest

from tests.pipeline.home import KEY, NAMESPACE, Home
from tests.pipeline.shop import simulate

MAIL, OTHER = "canary.7c1f@example.com", "canary.8d2e@example.com"
PHONE, NAME, STREET = "7700900987", "zyxcanaria", "1 canaryfield road"
TOKEN = "tok-canary-51f2c3d4"
CANARIES = ("canary.7c1f", "canary.8d2e", PHONE, NAME, "canaryfield", TOKEN, KEY, NAMESPACE)
STAMP = "2026-08-01 10:00:00"


@dataclass(frozen=True)
class Left:
    """A home after a good run and one whose delivery failed; what the terminal showed of both."""

    home: Home
    data: Path
    shown: str
    failed: set[str]


def _append(path: Path, *lines: str) -> None:
    path.write_text(path.read_text().rstrip("\n") + "\n" + "\n".join(lines) + "\n")


def _plant(data: Path) -> None:
    """In good rows and rejected ones, a line that is no row, addresses and queries, bad files and a new column."""
    [contacts] = data.rglob("contacts_*.csv")
    person = f"{MAIL},07700 900987,{NAME.title()},{NAME.upper()},{STREET},B7 0DH,Leeds,North,GB,,"
    _append(
        contacts,
        f"CANARY1,{person}{STAMP},{STAMP}",
        f"CANARY2,{person}no time,{STAMP}",
        f'"{MAIL}"x,{NAME}',
    )
    orders = max(data.rglob("orders_*.csv"))
    _append(
        orders,
        f"CO1,,{OTHER},{STAMP},completed,web,GBP",
        f"CO2,,{OTHER},{STAMP},{OTHER},web,GBP",
        f"CO3,,{OTHER},no time {OTHER},completed,web,GBP",
    )
    clicks = [
        {"event_type": "page_view", "url": f"https://shop.example/?mail={MAIL}&other=canary.8d2e%40example.com"},
        {"event_type": "search", "search_query": f"order of {MAIL}"},
        {"event_type": "page_view", "occurred_at": f"{MAIL}"},
    ]
    base = {"occurred_at": "2026-08-30T10:00:00.000Z", "anonymous_id": "cookie", "platform": "web"}
    hour = data / "web" / "events_2026-08-31T23.jsonl.gz"
    lines = [json.dumps({"event_id": f"canary{n}", **base, **click}) for n, click in enumerate(clicks)]
    hour.write_bytes(gzip.compress(gzip.decompress(hour.read_bytes()) + "\n".join([*lines, MAIL, ""]).encode()))
    _plant_bad_files(data, contacts)


def _plant_bad_files(data: Path, contacts: Path) -> None:
    """Headers, a cut archive and a renamed column with values."""
    (data / "orders_2026-08-30.csv").write_text(f"{MAIL},{TOKEN},{NAME}\n{PHONE},1,2\n")
    whole = gzip.compress(f"order_id,{TOKEN}\n{MAIL},{NAME}\n".encode() * 50)
    (data / "orders_2026-08-29.csv.gz").write_bytes(whole[: len(whole) // 2])
    header, *rows = contacts.read_text().splitlines()
    good = [row for row in rows if row.startswith("CANARY1,")]
    (data / "contacts_2026-08-30.csv").write_text(
        "\n".join([f"{header},second_address", *(f"{row},{OTHER} {STREET}" for row in good), ""])
    )


@pytest.fixture(scope="session")
def left(tmp_path_factory: pytest.TempPathFactory) -> Left:
    folder = tmp_path_factory.mktemp("canaries")
    # an alert is posted to this address after the failure; nobody answers there
    secrets = {"SMALTI_ALERT_URL": f"http://127.0.0.1:9/hook/{TOKEN}", "SMALTI_SEGMENT_FLOOR": "10"}
    home, data = Home(folder / "home", secrets), folder / "exports"
    simulate(home, data, customers=200, days=6)
    _plant(data)
    shown = [home.smalti("run", "nightly", "--data", data, "--json")]
    assert shown[0].returncode == 0, shown[0].stderr
    shown += [home.smalti(*command) for command in (["report"], ["docs"], ["sources", "rejects"], ["status"])]
    with closing(sqlite3.connect(home.path / "ledger.sqlite")) as book, book:
        book.execute("delete from accepted")  # so that everybody is sent again
    latest = home.latest
    latest.unlink()
    latest.mkdir()  # where a link belongs: the delivery fails
    (latest / "in the way").touch()
    _append(max(data.rglob("contacts_2026-08-31.csv")), f"CANARY3,{MAIL},,,,,,,,,,{STAMP},{STAMP}")
    ended = home.smalti("run", "hourly", "--data", data, "--full")
    failed = {stage for (stage,) in home.ledger("select stage from runs where status = 'failed'")}
    return Left(home, data, "".join(one.stdout + one.stderr for one in (*shown, ended)), failed)


def _texts(home: Path) -> Iterator[tuple[str, bytes]]:
    """What stands in each file of the home but the vault: its bytes, and what they hold once they are read."""
    for path in sorted(home.rglob("*")):
        if path.is_symlink() or not path.is_file() or path.name.startswith("vault.duckdb"):
            continue
        name = str(path.relative_to(home))
        yield name, path.read_bytes()
        if path.suffix == ".gz":
            yield name, gzip.decompress(path.read_bytes())
        elif path.suffix == ".parquet":
            yield name, repr(duckdb.execute("from read_parquet(?)", [str(path)]).fetchall()).encode()
        elif path.suffix == ".duckdb":
            yield from ((name, table) for table in _tables(path))
        elif path.suffix in (".db", ".sqlite"):
            with closing(sqlite3.connect(path)) as book:
                yield name, "\n".join(book.iterdump()).encode()


def _tables(path: Path) -> Iterator[bytes]:
    with duckdb.connect(str(path), read_only=True) as connection:
        names = connection.execute("select schema_name, table_name from duckdb_tables()").fetchall()
        for schema, table in names:
            yield repr(connection.execute(f'from "{schema}"."{table}"').fetchall()).encode()


def test_the_values_came_in_and_a_task_failed(left: Left) -> None:
    """Without this nothing found would say nothing."""
    with duckdb.connect(str(left.home.path / "vault.duckdb"), read_only=True) as vault:
        kept = " ".join(value for (value,) in vault.execute("select value from identifiers").fetchall())
        kept += " ".join(value for (value,) in vault.execute("select value from extras").fetchall())
    assert [one for one in (MAIL, OTHER, PHONE, NAME, STREET) if one not in kept] == []
    assert "deliver" in left.failed
    statuses = left.home.query("select source, status from ops.files where status = 'quarantined'")
    assert len(statuses) == 2
    rejected = left.home.query("select source, count(*) from ops.rejects group by all order by 1")
    assert {source: count for source, count in rejected if count > 1} == {
        "crm_contacts": 2,
        "shop_orders": 2,
        "web_events": 2,
    }


@pytest.mark.parametrize("canary", CANARIES)
def test_the_terminal_shows_no_canary(left: Left, canary: str) -> None:
    assert canary not in left.shown.lower()


def test_no_file_of_the_home_has_a_canary(left: Left) -> None:
    places = {"airflow.db", "manifest.json", "run_results.json", "index.html", "alerts.jsonl", "ledger.sqlite"}
    seen, found = set[str](), set[tuple[str, str]]()
    for name, text in _texts(left.home.path):
        seen.add(Path(name).name)
        lower = text.lower()
        found |= {(canary, name) for canary in CANARIES if canary.encode() in lower}
    assert found == set()
    assert places - seen == set(), f"not looked through: {places - seen}"


def test_a_search_finds_what_a_log_would_have_if_it_had_it(left: Left, tmp_path: Path) -> None:
    """The search itself can fail: each way of writing a canary down is found."""
    (tmp_path / "log.gz").write_bytes(gzip.compress(MAIL.encode()))
    duckdb.execute(f"copy (select '{MAIL}' as one) to '{tmp_path}/a.parquet' (format parquet, compression zstd)")
    with duckdb.connect(str(tmp_path / "b.duckdb")) as connection:
        connection.execute(f"create table one as select '{MAIL}' as value")
    with closing(sqlite3.connect(tmp_path / "c.db")) as book:
        book.execute(f"create table one as select '{MAIL}' as value")
        book.commit()
    assert {name for name, text in _texts(tmp_path) if MAIL.encode() in text} == {
        *("log.gz", "a.parquet", "b.duckdb", "c.db")
    }
