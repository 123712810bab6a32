"""What a run writes: links as the graph names people, a card, and nothing of what they were made of."""

import hashlib
import json
import shutil
from dataclasses import replace
from pathlib import Path

import duckdb
import pytest
from pydantic import SecretStr

import linkage
from ingestion import source
from linkage import card, model, reuse, rules
from tests.linkage.conftest import AS_OF, Person, deliver, town
from warehouse import links
from warehouse.settings import CHECKOUT, Settings

CANARY = Person(
    "c1", "zebulon", "canaryname", "1961-02-03", "7 canarystreet", "Z99 9ZZ", "canarytown", None, "canary@example.org"
)
TWIN = Person("c2", "zebulon", "canaryname", "1961-02-03", "7 canarystreet", "Z99 9ZZ", "canarytown")
SECRETS = (b"canary", b"zebulon", b"Z99", b"z999zz", b"1961-02-03")


def read(settings: Settings, run_id: str | None) -> list[tuple[object, ...]]:
    return duckdb.sql(links.rows(settings, run_id)).fetchall()


def test_links_name_people_as_staging_does_and_say_since_when(settings: Settings, tmp_path: Path):
    deliver(settings, tmp_path / "drop", [*town(300), CANARY, TWIN])
    outcome = linkage.link(settings, "run-1", AS_OF)
    found = {(row[1], row[3]): row for row in read(settings, "run-1")}
    assert outcome.links == len(found) > 0
    row = found["crm:c1", "crm:c2"]
    assert (row[0], row[2], row[6].isoformat()) == ("user_id", "user_id", "2026-08-31T00:00:00")
    assert all(row[5] >= rules.THRESHOLD for row in found.values())
    assert all(left < right for left, right in found)


def test_the_same_input_gives_the_same_bytes(settings: Settings, tmp_path: Path):
    deliver(settings, tmp_path / "drop", [*town(300), CANARY, TWIN])
    sums = set()
    for run_id in ("run-1", "run-2", "run-1"):
        shutil.rmtree(settings.links, ignore_errors=True)  # or the links of the last run are taken
        linkage.link(settings, run_id, AS_OF)
        sums.add(hashlib.sha256(links.path(settings, run_id).read_bytes()).hexdigest())
    assert len(sums) == 1


def test_where_no_record_changed_the_links_hold_and_nothing_is_compared(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    deliver(settings, tmp_path / "drop", [*town(100), CANARY, TWIN])
    linkage.link(settings, "run-1", AS_OF)
    with monkeypatch.context() as patched:
        patched.setattr(model, "score", lambda _: pytest.fail("compared again"))
        linkage.link(settings, "run-2", AS_OF.replace(day=2))
        linkage.link(settings, "run-3", AS_OF.replace(day=3))
    assert read(settings, "run-3") == read(settings, "run-1") != []
    assert json.loads((settings.links / "run-3" / "card.json").read_text())["links_of"] == "run-1"
    assert "run-1: its links hold" in (settings.links / "run-3" / "card.md").read_text()


@pytest.mark.parametrize("change", ["record", "key", "code"])
def test_what_decides_on_links_makes_them_anew(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: str
):
    deliver(settings, tmp_path / "drop", [*town(100), CANARY, TWIN])
    linkage.link(settings, "run-1", AS_OF)
    if change == "record":
        deliver(settings, tmp_path / "more", [replace(TWIN, key="c3", given_name="Zeb")])
    if change == "key":
        settings = settings.model_copy(update={"hmac_key": SecretStr("6b" * 32)})
    if change == "code":
        monkeypatch.setattr(reuse, "LIBRARIES", ("duckdb",))
    linkage.link(settings, "run-2", AS_OF)
    cards = [json.loads((settings.links / run_id / "card.json").read_text()) for run_id in ("run-1", "run-2")]
    assert cards[0]["fingerprint"] != cards[1]["fingerprint"]
    assert "links_of" not in cards[1]


@pytest.mark.parametrize("change", ["update records set surname = 'b'", "update known set arrived_at = '2026-01-02'"])
def test_a_changed_value_or_arrival_makes_links_anew_and_the_order_of_rows_does_not(settings: Settings, change: str):
    with duckdb.connect() as connection:
        connection.execute("create table records as from (values ('1', 'a'), ('2', 'a')) as rows (record_id, surname)")
        connection.execute("create table known as select record_id, date '2026-01-01' as arrived_at from records")
        first = reuse.fingerprint(connection, settings)
        connection.execute("create or replace table records as from records order by record_id desc")
        assert reuse.fingerprint(connection, settings) == first
        connection.execute(change)
        assert reuse.fingerprint(connection, settings) != first


def test_no_clear_value_leaves_memory(
    settings: Settings, tmp_path: Path, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
):
    caplog.set_level(1)
    deliver(settings, tmp_path / "drop", [*town(100), CANARY, TWIN])
    linkage.link(settings, "run-1", AS_OF)
    said = "".join((caplog.text, *capfd.readouterr())).encode()
    written = {path: path.read_bytes() for path in settings.links.rglob("*") if path.is_file()}
    assert {path.name for path in written} == {"links.parquet", "card.json", "card.md"}
    raw = duckdb.sql(f"from '{links.path(settings, 'run-1')}'").fetchall()
    for content in (said, str(raw).encode(), *written.values()):
        assert not [secret for secret in SECRETS if secret in content]


def test_an_error_tells_its_kind_and_no_value(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    deliver(settings, tmp_path / "drop", [CANARY, TWIN])

    def fail(connection: duckdb.DuckDBPyConnection) -> None:
        connection.execute("select cast(surname as integer) from records")

    monkeypatch.setattr(model, "score", fail)
    with pytest.raises(linkage.LinkageError) as caught:
        linkage.link(settings, "run-1", AS_OF)
    assert "ConversionException" in str(caught.value)
    assert "canary" not in str(caught.value)
    assert caught.value.__suppress_context__
    assert not (settings.links / "run-1").exists()


@pytest.mark.parametrize("home", ["empty", "one person", "switched off"])
def test_where_there_is_nothing_to_link_there_are_zero_links_and_a_reason(
    settings: Settings, tmp_path: Path, home: str
):
    people = {"empty": [], "one person": [CANARY], "switched off": [CANARY, TWIN]}[home]
    if people:
        deliver(settings, tmp_path / "drop", people)
    switched = settings.model_copy(update={"linkage": home != "switched off"})
    assert linkage.link(switched, "run-1", AS_OF).reason
    assert read(settings, "run-1") == []
    assert json.loads((settings.links / "run-1" / "card.json").read_text())["reason"]


def test_a_home_that_never_linked_has_zero_links_of_the_same_shape(settings: Settings):
    described = duckdb.sql(f"describe {links.rows(settings, None)}").fetchall()
    assert {row[0]: row[1].lower() for row in described} == links.COLUMNS


def test_rows_that_arrive_later_are_not_known(settings: Settings, tmp_path: Path):
    deliver(settings, tmp_path / "drop", [CANARY, TWIN])
    assert linkage.link(settings, "run-1", AS_OF.replace(month=8, day=30)).records == 0
    assert linkage.link(settings, "run-1", AS_OF).records == 2


def test_staging_names_people_by_the_prefix_that_the_contract_states():
    staging = "\n".join(path.read_text() for path in sorted((CHECKOUT / "dbt_project/models/staging").glob("*.sql")))
    people = [one.person for one in (source.load_source(name).contract for name in source.names()) if one.person]
    assert len(people) >= 6
    for person in people:
        assert f"'{person.prefix}:' || {person.column} as user_id" in staging


def test_the_card_tells_of_the_rules_that_were_measured():
    measured = json.loads(card.MEASURED.read_text())
    assert measured["rules"] == card.rules_version(), "rules changed: make bench-linkage measures them again"
    assert measured["data"]["febrl_4"]["pairs"]["f1"] >= 0.9985
    assert measured["data"]["febrl_3"]["pairs"]["f1"] >= 0.993
