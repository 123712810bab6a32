"""The race over few events: all engines give Smalti's answers, at the edges too, and one that does not is named."""

import json
import shutil
from collections.abc import Sequence
from pathlib import Path

import duckdb
import pytest

from benchmarks import events, results
from benchmarks.peers import __main__ as peers
from benchmarks.peers import postgres_server, subset, work
from benchmarks.peers.work import Measured
from tests.tools.install import NotInstalled, installed
from warehouse.sql import literal

pytestmark = pytest.mark.xdist_group("dbt")

ROWS = 20_000
SECOND = 1_000_000
MINUTE = 60 * SECOND
# who, its event's number, type, product, and microseconds after noon of the day before; what comes twice is a repeat
EDGES = (
    *(("gap_of_30_minutes", number, "search", "P1", 30 * MINUTE * number) for number in range(3)),
    *(("gap_a_microsecond_longer", number, "search", "P1", (30 * MINUTE + 1) * number) for number in range(3)),
    *(("at_ten_minutes", number, "product_view", f"P{number}", 150 * SECOND * number) for number in range(5)),
    *(
        ("after_ten_minutes", number, "product_view", f"P{number}", 150 * SECOND * number + number)
        for number in range(5)
    ),
    *(("four_products", number, "product_view", f"P{number % 4}", MINUTE * number) for number in range(8)),
    *(("thirty_days_ago", number, "product_view", f"P{number}", (number - 42_480) * MINUTE) for number in range(5)),
    *(("delivered_three_times", 0, "search", "P1", 0) for _ in range(3)),
)


def engines() -> list[str]:
    """Those that are installed; PostgreSQL is fetched by its make target, not by a test."""
    every = ["duckdb_naive", "polars_engine", "pandas_engine"]
    try:
        installed("postgresql"), installed("psycopg")
    except NotInstalled:
        return every
    return [*every, "postgres_engine"]


def _write(path: Path) -> None:
    values = ", ".join(str(edge) for edge in EDGES)
    edges = f"""
        select
            who || number as event_id, who as anonymous_id, null as user_id, kind as event_type,
            product as product_id, 'c1' as category, 1.00::decimal(18, 2) as price, 'https://shop.example/' as url,
            'desktop' as device, 'York' as city,
            {events.AS_OF} - interval 12 hour + to_microseconds(microseconds::bigint) as ts
        from (values {values}) as edges (who, number, kind, product, microseconds)
    """
    everything = f"select * from ({events.delivered(ROWS, days=subset.DAYS)}) union all {edges}"
    duckdb.sql(f"copy ({everything}) to {literal(path)} (format parquet)")


@pytest.fixture(scope="module")
def raced(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Measured]]:
    folder = tmp_path_factory.mktemp("race")
    _write(folder / "events.parquet")
    return folder, peers.race(folder / "events.parquet", ROWS, engines(), folder)


def _answers(raced: tuple[Path, Sequence[Measured]], name: str) -> list[tuple[object, ...]]:
    file = subset.path(raced[0] / "smalti_own" / "answers", name)
    return duckdb.sql(f"select * from {literal(file)} order by all").fetchall()


def test_every_engine_took_part_and_gave_the_same_answers(raced: tuple[Path, list[Measured]]) -> None:
    _, found = raced
    assert [one.engine for one in found] == ["scan", "smalti_own", *engines()]
    assert not [one.why_not for one in found if one.why_not]
    assert all(one.cpu > 0 and one.peak > 2**20 and one.versions for one in found)
    [answers] = {json.dumps(one.answers) for one in found if one.engine != "scan"}
    assert set(json.loads(answers)) == set(subset.ANSWERS)
    assert not [told for told in json.loads(answers).values() if told.startswith("0 ")]


def test_they_are_right_at_the_edges(raced: tuple[Path, list[Measured]]) -> None:
    sessions = [str(row[0]) for row in _answers(raced, "sessions")]
    assert (sessions.count("gap_of_30_minutes"), sessions.count("gap_a_microsecond_longer")) == (1, 3)
    assert [row[3] for row in _answers(raced, "sessions") if row[0] == "delivered_three_times"] == [1]
    edges = {str(edge[0]) for edge in EDGES}
    assert {row[0] for row in _answers(raced, "segment")} & edges == {"at_ten_minutes"}


def test_there_are_people_of_two_devices_devices_that_only_buy_logged_in_and_equal_values(
    raced: tuple[Path, list[Measured]],
) -> None:
    file = literal(raced[0] / "events.parquet")
    [(unknown, both, repeats)] = duckdb.sql(
        f"""select
            count(*) filter (where user_id is null), count(distinct anonymous_id) filter (where user_id is not null),
            count(*) - count(distinct event_id)
        from {file}"""
    ).fetchall()
    assert unknown > ROWS / 3
    assert repeats > ROWS / 200
    people = _answers(raced, "people")
    assert len({person for _, person in people}) < len(people)
    assert both > sum(str(person).startswith("u") for _, person in people) * 0.9
    spent = [row[3] for row in _answers(raced, "rfm")]
    assert len(set(spent)) < len(spent)


@pytest.mark.parametrize(
    ("answer", "changed"),
    [
        (
            "people",
            "select device, if(device = (select min(device) from {file}), 'nobody', person) as person from {file}",
        ),
        ("sessions", "select * from {file} order by all limit -1 + (select count(*) from {file})"),
        ("sessions", "select * replace (ended_at + interval 1 microsecond as ended_at) from {file}"),
        ("sessions", "select * from {file} union all (select * from {file} limit 1)"),
        ("interests", "select * replace (score * (1 + 1e-7) as score) from {file}"),
        ("rfm", "select * replace (if(monetary = 5, 4, monetary) as monetary) from {file}"),
        ("segment", "select 'nobody' as person union all select person from {file}"),
        ("segment", "select null::varchar as person union all select person from {file}"),
    ],
)
def test_a_wrong_answer_is_named_with_its_engine(
    raced: tuple[Path, list[Measured]], tmp_path: Path, answer: str, changed: str
) -> None:
    folder, found = raced
    for engine in ("smalti_own", "duckdb_naive"):
        shutil.copytree(folder / engine / "answers", tmp_path / engine / "answers")
    some = [one for one in found if one.engine in ("scan", "smalti_own", "duckdb_naive")]
    peers.compare(tmp_path, some)
    file = subset.path(folder / "duckdb_naive" / "answers", answer)
    wrong = subset.path(tmp_path / "duckdb_naive" / "answers", answer)
    duckdb.sql(f"copy ({changed.format(file=literal(file))}) to {literal(wrong)} (format parquet)")
    with pytest.raises(peers.Different, match=f"DuckDB, naive SQL and Smalti give different answers: {answer}: "):
        peers.compare(tmp_path, some)


def test_an_engine_that_cannot_be_had_stands_in_the_table_with_the_reason(
    raced: tuple[Path, list[Measured]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(name: str) -> Path:
        raise NotInstalled(f"{name}: no network")

    monkeypatch.setattr(postgres_server, "_unpacked", missing)
    told = work.main("postgres_engine", raced[0] / "events.parquet", tmp_path)
    found = [*raced[1][:2], Measured("postgres_engine", ROWS, **told)]
    assert "| PostgreSQL | 20,000 | not measured: postgresql: no network |" in peers.table(found)
    peers.compare(raced[0], found)


def test_the_table_gives_each_cost_as_multiples_of_the_scan_and_of_smalti() -> None:
    found = [Measured("scan", 10, cpu=2), Measured("smalti_own", 10, cpu=10), Measured("pandas_engine", 10, cpu=25)]
    assert peers.table(found).splitlines()[-1] == "| pandas | 10 | 25.0 | 0.0 | 0.0 | 12.5 | 2.50 |"


def test_figures_of_a_day_are_kept_beside_those_before(tmp_path: Path) -> None:
    results.keep("peers", {"rows": 1}, tmp_path)
    file = results.keep("peers", {"rows": 2}, tmp_path)
    assert [run["rows"] for run in json.loads(file.read_text())] == [1, 2]
