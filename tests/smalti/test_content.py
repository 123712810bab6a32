"""`smalti content` says who would be shown nothing, what is tried in which order, and why."""

import json
import shutil
from pathlib import Path

import duckdb
import pytest
from click.testing import Result
from typer.testing import CliRunner

from ingestion import identifiers
from smalti.cli import app
from warehouse import content, dbt
from warehouse import settings as configuration
from warehouse.settings import Settings

ANN = "ann@example.org"
PAYLOAD = {
    "stage": "browsing",
    "tokens": {"first_category": "mugs"},
    "variants": [
        {"row": "evening", "strategy": "personal", "block": "chosen", "offer": "free", "when": {"hours": [17, 23]}},
        {"row": "day", "strategy": "recent", "block": "seen", "message": "new", "when": {}},
    ],
}
VERSION = """
create schema profiles; create schema segments; create schema activation; create schema ops;
create table ops.control as select timestamp '2026-09-01' as as_of;
create table ops.sources as select 'shop' as source, true as is_simulated, 1 as rows_loaded;
create table profiles.customers as from (values ('ann'), ('bob'), ('cat')) as t(customer_id);
create table profiles.customers_history as
    select customer_id, timestamp '2026-01-01' as valid_from, null::timestamp as valid_to from profiles.customers;
create table profiles.merges as
    select timestamp '2026-01-01' as merged_at, 'x' as from_customer_id, 'y' as into_customer_id, 'merged' as evidence;
create table profiles.activations as from (values ('email'), ('web')) as t(channel);
create table profiles.identifiers as select 'email' as identifier_type, $email as identifier_hash,
    'ann' as customer_id, timestamp '2026-01-01' as first_seen_at;
create table activation.content as select 'files' as destination, 'web' as channel, 'ann' as customer_id,
    's1' as situation_id, 'browsing' as stage, $payload as payload;
create table activation.content_recipients as select destination, channel, customer_id, situation_id,
    ['high_engagement'] as segment_ids, null::varchar as region, 'mobile' as usual_device from activation.content;
create table activation.content_candidates as from (values
    ('s1', 'evening', null, 2, 1), ('s1', 'day', null, 1, 1), ('s1', 'always', 'outranked', 0, 9),
    ('s1', 'bought', 'stage', 1, 5), ('s2', 'gifts', 'not_yet_valid', 1, 5)
) as t(situation_id, row_id, passed_over_for, specificity, priority);
create table activation.activated_memberships as from (values
    ('files', 'web', 'ann', true, true, 'treated'), ('files', 'email', 'ann', true, true, 'control'),
    ('files', 'web', 'bob', true, false, 'treated'), ('files', 'email', 'bob', false, true, 'treated')
) as t(destination, channel, customer_id, is_sendable, has_consent, arm);
"""


@pytest.fixture(autouse=True)
def home(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.published.mkdir(parents=True)
    path = settings.published / "v.duckdb"
    with duckdb.connect(path) as connection:
        bound = {"email": identifiers.pseudonym(settings, "email", ANN), "payload": json.dumps(PAYLOAD)}
        for statement in VERSION.split(";\n"):
            names = {name: value for name, value in bound.items() if f"${name}" in statement}
            connection.execute(statement, names)
    settings.current.symlink_to(path)
    monkeypatch.setattr(configuration, "load", lambda: settings)


@pytest.fixture
def seeds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the seeds that the command reads."""
    project = tmp_path / "project"
    shutil.copytree(content.SEEDS, project / "seeds")
    for file in ("dbt_project.yml", "models/profiles/customers.yml", "models/_sources.yml"):
        (project / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(dbt.PROJECT / file, project / file)
    monkeypatch.setattr(content, "SEEDS", project / "seeds")
    return project / "seeds"


def smalti(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["content", *arguments], env={"COLUMNS": "160"})


def test_every_segment_that_is_sent_is_covered_at_every_stage() -> None:
    ended = smalti("check", "--json")
    assert ended.exit_code == 0
    found = json.loads(ended.stdout)
    assert found["problems"] == []
    lines = [line.split(",") for line in (content.SEEDS / "activations.csv").read_text().splitlines()[1:]]
    expected = {(line[0], line[1], line[3], stage) for line in lines for stage in content.STAGES}
    assert {(one["destination"], one["segment"], one["channel"], one["stage"]) for one in found["coverage"]} == expected
    assert all(one["row_id"] for one in found["coverage"])
    assert f"of {len(expected)} by a variant of their own" in smalti("check").stdout


def test_whoever_would_be_shown_nothing_is_named_and_the_code_is_one(seeds: Path) -> None:
    matrix = seeds / content.MATRIX
    matrix.write_text("".join(line for line in matrix.open() if not line.startswith("web_cart,")))
    ended = smalti("check")
    assert ended.exit_code == 1
    assert "trend_seekers has no content on web at cart_abandoned; allowed: a row without conditions" in ended.stderr
    told = json.loads(smalti("check", "--json").stdout)
    assert len(told["problems"]) == 8  # the segments that are sent on the web
    assert told["coverage"] == []


def test_a_matrix_is_listed_as_it_is_tried() -> None:
    found = json.loads(smalti("list", "--channel", "web", "--json").stdout)
    assert {row["channel"] for row in found} == {"web"}
    bought = [row["row_id"] for row in found if row["stage"] == "post_purchase"]
    assert bought == ["web_engaged_bought", "web_bought_far", "web_bought"]
    shown = smalti("list").stdout
    assert all(words in shown for words in ("Content, email", "Content, web", "regions", "Scotland", "hours 17 to"))


def test_a_channel_without_content_is_named_with_those_there_are() -> None:
    ended = smalti("list", "--channel", "pigeon")
    assert ended.exit_code == 1
    assert "no content for channel 'pigeon'; there is for: email, web" in ended.stderr
    assert (
        "nothing is sent on channel 'pigeon'; there are: email, web"
        in smalti("show", "ann", "--channel", "pigeon").stderr
    )


def test_a_person_is_told_what_they_are_shown_and_what_was_passed_over_for_what() -> None:
    found = json.loads(smalti("show", f"email:{ANN}", "--json").stdout)
    [one] = found["content"]
    assert (one["variants"], one["tokens"]) == (PAYLOAD["variants"], PAYLOAD["tokens"])
    assert (one["usual_device"], one["segment_ids"]) == ("mobile", ["high_engagement"])
    assert [tuple(row.values()) for row in one["passed_over"]] == [("bought", "stage"), ("always", "outranked")]
    assert found["withheld"] == [{"destination": "files", "channel": "email", "reason": "holdout"}]
    shown = smalti("show", f"email:{ANN}").stdout
    for words in ("hours 17 to 23", "{first_category} is mugs", "outranked", "in the control group", "simulated data"):
        assert words in shown
    assert ANN not in shown + json.dumps(found)


def test_a_channel_narrows_what_is_told() -> None:
    found = json.loads(smalti("show", "ann", "--channel", "email", "--json").stdout)
    assert found["content"] == []
    assert len(found["withheld"]) == 1


def test_whoever_is_shown_nothing_is_told_why() -> None:
    shown = smalti("show", "bob").stdout
    assert "files, web: shown nothing, no consent" in shown
    assert "files, email: shown nothing, the segment has too few active members" in shown
    assert "in no segment that is sent there" in smalti("show", "cat").stdout
    ended = smalti("show", "nobody")
    assert ended.exit_code == 1
    assert "no such person; allowed is a customer_id or TYPE:VALUE" in ended.stderr
