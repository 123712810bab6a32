"""Whatever stands in a rule: it is told as an error with its place, or it is a text in the query and nothing more."""

import time
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml
from jinja2.sandbox import SandboxedEnvironment

from segmentation import compiled
from tests.segmentation.tables import database
from warehouse.errors import SmaltiError

PAYLOADS = [
    *("'", "''", '"', "`", "\\", "\\'", "\\''", "$$", "$tag$", "E'\\''", "\u2019", "\u02bc", "\uff07", "\u2032"),
    *("'; drop table canary; --", "'; drop table canary;", "' or 1 = 1 --", "' or '1' = '1", "') or true --"),
    *("'; copy canary to 'stolen.csv'; --", "'; attach 'stolen.duckdb' as stolen; --", "1; drop table canary"),
    *("--", "-- comment", "/*", "*/", "/* ' */", "#", "-- noqa", ";", "; select boom()", "x' union select 'ann"),
    *("{{ boom() }}", "{% do boom() %}", "{%- set x = boom() -%}", "{# hidden #}", "{{", "}}", "{%", "%}", "{#", "#}"),
    *("{", "}", "{ {", "{'{", "%", "{{ ref('canary') }}", "{{ threshold.__globals__ }}", "{{ ''.__class__.__mro__ }}"),
    *("x') }}{{ boom() }}{{ ref('x", "x') }} drop table canary --", "views') }}", "{% raw %}", "{% endraw %}"),
    *(
        "\n",
        "a\nb",
        "\r\n",
        "\t",
        "\x07",
        "a b",
        "\x85",
        "\u2028",
        "\u2029",
        "\u200b",
        "\u202e",
        "\ufeff",
        "é́",
        "日本",
        "🙂",
    ),
    *("!!python/object/apply:os.system [ls]", "&a", "*a", "<<", "null", "true", "~", "1e5", "0x10", "2026-01-01", ""),
    *("select", "customers", "measured", "where", "now()", "current_date", "as_of()", "../../etc/passwd", "a" * 10_000),
]
TEXTS = sorted({form for text in PAYLOADS for form in (text, f"North{text}", f"{text} North")})
RULES: dict[str, Any] = {
    "a value": lambda text: {"attribute": "region", "is": text},
    "one of several values": lambda text: {"attribute": "region", "in": ["decoy", text]},
    "an opposite": lambda text: {"not": {"not": {"attribute": "region", "is": text}}},
    "a value of events": lambda text: {"event": "any", "where": {"category": text}, "count": {"at_least": 1}},
    "a persona": lambda text: {"score": "clusters", "persona": text},
    "an attribute": lambda text: {"attribute": text, "is": "x"},
    "a threshold": lambda text: {"attribute": "orders_count", "at_least": text},
    "a number": lambda text: {"attribute": "orders_count", "between": [text, text]},
    "a moment": lambda text: {"attribute": "last_ordered_at", "after": f"{text} days ago"},
    "a window": lambda text: {"event": "any", "within": f"{text} days", "count": {"is": 1}},
    "a name": lambda text: {"event": "any", "as": text, "count": {"is": 1}},
    "an event": lambda text: {"event": text, "count": {"is": 1}},
    "an order": lambda text: {"order": text, "count": {"is": 1}},
    "a column": lambda text: {"order": "any", "where": {text: "x"}, "count": {"is": 1}},
    "a column to sum": lambda text: {"order": "any", "sum": {"of": text, "is": 1}},
    "a segment": lambda text: {"segment": text},
    "a score": lambda text: {"score": text, "tier": "high"},
    "a tier": lambda text: {"score": "purchase", "tier": text},
    "a key": lambda text: {"attribute": "region", text: "x"},
    "a kind": lambda text: {text: [{"attribute": "region", "is": "x"}]},
}
VALUES = list(RULES)[:5]
EXPECTED = {place: ["ann"] for place in VALUES} | {"a name": ["ann", "bob"]}


def write(folder: Path, rule: Any, thresholds: Any) -> None:
    """A sidecar as a program would write it: whatever the text, it arrives as that text."""
    meta = {"thresholds": thresholds, "rule": rule}
    text = yaml.safe_dump({"models": [{"name": "tested", "config": {"meta": meta}}]}, allow_unicode=False)
    (folder / "tested.yml").write_text(text)


def run(connection: duckdb.DuckDBPyConnection, sql: str, thresholds: Any) -> list[str]:
    """Render and execute; Jinja may call what a segment may call, and nothing may ask for other names."""
    called: list[str] = []
    words: dict[str, Any] = {
        "ref": {"customers": "customers", "customer_events": "customer_events"}.__getitem__,
        "source": lambda schema, name: {("scores", "clusters"): "clusters"}[schema, name],
        "as_of": lambda: "timestamp '2026-08-31'",
        "threshold": thresholds.__getitem__,
        "boom": lambda: called.append("boom"),
    }
    rendered = SandboxedEnvironment(autoescape=False).from_string(sql).render(words)
    assert len(duckdb.extract_statements(rendered)) == 1
    rows = connection.execute(rendered).fetchall()
    assert not called
    return sorted(name for (name,) in rows)


@pytest.fixture
def connection() -> duckdb.DuckDBPyConnection:
    connection = database()
    connection.execute("create table canary as select 1 as alive")
    return connection


def fill(connection: duckdb.DuckDBPyConnection, text: str) -> None:
    """Ann is what the text says, in every table; bob is not."""
    for table in ("customers", "customer_events", "clusters"):
        connection.execute(f"delete from {table}")
    connection.execute("insert into customers (customer_id, region) values ('ann', ?), ('bob', 'other')", [text])
    connection.execute(
        "insert into customer_events (customer_id, category) values ('ann', ?), ('bob', 'other')", [text]
    )
    connection.execute("insert into clusters values ('ann', 1, ?), ('bob', 1, 'other')", [text])


def test_there_are_enough_hostile_texts() -> None:
    assert len(TEXTS) >= 200


@pytest.mark.parametrize("place", RULES)
def test_a_hostile_text_is_an_error_or_a_text(
    tmp_path: Path, connection: duckdb.DuckDBPyConnection, place: str
) -> None:
    harmless = 0
    for text in TEXTS:
        write(tmp_path, RULES[place](text), {"views": 2})
        try:
            sql = compiled.query("tested", tmp_path)
        except SmaltiError as error:
            told = str(error)
            assert all(line.startswith("tested.yml:") for line in told.splitlines()), told
            assert told.replace("\n", "").isprintable()
            assert len(told) < 3000
        else:
            harmless += 1
            fill(connection, text)
            if place in EXPECTED:
                assert run(connection, sql, {"views": 2}) == EXPECTED[place], sql
    assert connection.execute("from canary").fetchall() == [(1,)]
    assert not list(Path().glob("stolen*"))
    # of values most may stand; of names only those that there are
    assert harmless > len(TEXTS) // 2 if place in VALUES else harmless <= 3


def test_a_hostile_name_of_a_threshold_is_never_written(tmp_path: Path) -> None:
    for text in TEXTS:
        write(tmp_path, {"attribute": "orders_count", "at_least": text}, {text: 2})
        try:
            sql = compiled.query("tested", tmp_path)
        except SmaltiError:
            continue
        assert f"threshold('{text}')" in sql
        assert text.isidentifier()


BOMB = "&a [x, x, x, x, x, x, x, x]\n" + "\n".join(
    f"  {name}: &{name} [{', '.join([f'*{before}'] * 8)}]" for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.mark.parametrize(
    ("rule", "told"),
    [
        ("&a {all: [{not: *a}]}", "an anchor is used again"),
        ("{all: [&x {attribute: is_bot, is: true}, *x]}", "an anchor is used again"),
        (f"{{all: [x]}}\nbomb:\n  a: {BOMB}", "a condition is 'x'"),
        (f"\n  a: {BOMB}", "an anchor is used again"),
        ("{<<: {attribute: is_bot}, is: true}", "is of type 'merge'"),
        ("!!python/object/apply:os.system ['touch stolen']", "is of type 'os.system'"),
        ("!!binary aGk=", "is of type 'binary'"),
        ("{not: " * 40 + "{attribute: is_bot, is: true}" + "}" * 40, "is nested deeper than 24 levels"),
        ("{not: " * 4000 + "x" + "}" * 4000, "is nested deeper than anybody can read"),
        ("{all: [" + "{attribute: is_bot, is: true}, " * 101 + "]}", "List should have at most 100 items"),
        ("", "is nothing"),
        ("[]", "a condition is a list"),
        ("'\x00'", "is no YAML"),
        ("\udcff", "is no YAML"),
        ("{attribute: is_bot", "is no YAML"),
        ("*nowhere", "is no YAML: found undefined alias"),
    ],
    ids=range(16),
)
def test_hostile_yaml_is_an_error_with_its_place_and_soon(tmp_path: Path, rule: str, told: str) -> None:
    text = f"models:\n- config:\n    meta:\n      rule: {rule.replace(chr(10), chr(10) + ' ' * 6)}\n"
    (tmp_path / "tested.yml").write_bytes(text.encode(errors="surrogateescape"))
    began = time.monotonic()
    with pytest.raises(SmaltiError, match=told) as error:
        compiled.query("tested", tmp_path)
    assert str(error.value).startswith("tested.yml:")
    assert time.monotonic() - began < 5
    assert not Path("stolen").exists()
