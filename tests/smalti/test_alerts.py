"""Alerts: kept, shown and posted, one line each, without personal data or secrets."""

import json
import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr, ValidationError
from typer.testing import CliRunner

from smalti import alerts
from smalti.cli import app
from warehouse import dbt, ledger
from warehouse.errors import SmaltiError
from warehouse.settings import Settings

SECRET = "hook-0f3a"


@pytest.fixture
def webhook() -> Iterator[Callable[..., Any]]:
    """A server on this machine that answers with the codes given, then 200, and keeps what it was sent."""

    @contextmanager
    def serve(*codes: int) -> Iterator[tuple[str, list[dict[str, str]]]]:
        answers, got = list(codes), list[dict[str, str]]()

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                got.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                self.send_response(answers.pop(0) if answers else 200)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        server = HTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/{SECRET}", got
        finally:
            server.shutdown()
            server.server_close()

    return serve


def fail(settings: Settings, message: str = "orders.csv: the file is cut off") -> None:
    """A load that failed, and the alert on it."""
    with pytest.raises(SmaltiError), ledger.stage(settings.ledger, "r1", "load_raw", "orders"):
        raise SmaltiError(message)
    alerts.of_stages(settings, ledger.stages(settings.ledger))


def posting(settings: Settings, url: str) -> Settings:
    """The same settings with this webhook."""
    return settings.model_copy(update={"alert_url": SecretStr(url)})


def test_a_failure_is_kept_with_its_source_and_reason(settings: Settings):
    fail(settings)
    (alert,) = alerts.latest(settings, 10)
    assert {name: alert[name] for name in ("kind", "run_id", "stage", "part", "message")} == {
        "kind": "failed",
        "run_id": "r1",
        "stage": "load_raw",
        "part": "orders",
        "message": "orders.csv: the file is cut off",
    }
    assert (settings.logs / "alerts.jsonl").stat().st_mode & 0o777 == 0o600


def test_what_went_well_or_waits_or_is_skipped_is_no_alert(settings: Settings):
    for status in ("ok", "none", "waiting", "skipped", "running"):
        with ledger.stage(settings.ledger, "r1", status) as row:
            row.status = status
    alerts.of_stages(settings, ledger.stages(settings.ledger))
    assert alerts.latest(settings, 10) == []


def test_files_that_could_not_be_loaded_are_an_alert(settings: Settings):
    for status in ("problem", "refused"):
        with ledger.stage(settings.ledger, "r1", "load_raw", status) as row:
            row.status, row.message = status, "a.csv: the header is another\nb.csv: is empty"
    alerts.of_stages(settings, ledger.stages(settings.ledger))
    found = [(alert["kind"], alert["message"]) for alert in alerts.latest(settings, 10)]
    assert found == [("refused", "a.csv: the header is another"), ("problem", "a.csv: the header is another")]


def test_an_error_that_is_not_ours_is_told_by_its_class_alone(settings: Settings):
    with pytest.raises(ValueError, match="someone"), ledger.stage(settings.ledger, "r1", "publish"):
        raise ValueError("someone@example.com")
    alerts.of_stages(settings, ledger.stages(settings.ledger))
    assert alerts.latest(settings, 1)[0]["message"] == "ValueError"
    assert "someone" not in (settings.logs / "alerts.jsonl").read_text()


def test_the_name_of_the_home_is_not_told(settings: Settings):
    fail(settings, f"dbt failed: customers; see {settings.logs / 'dbt.log'}")
    assert alerts.latest(settings, 1)[0]["message"] == "dbt failed: customers; see SMALTI_HOME/logs/dbt.log"


def test_an_alert_is_posted_as_one_line_and_its_parts(settings: Settings, webhook: Callable[..., Any]):
    with webhook() as (url, got):
        fail(posting(settings, url))
    assert [post["text"] for post in got] == ["failed: load_raw orders of r1: orders.csv: the file is cut off"]
    assert (got[0]["stage"], got[0]["part"]) == ("load_raw", "orders")


def test_a_webhook_that_fails_twice_is_asked_a_third_time(settings: Settings, webhook: Callable[..., Any]):
    with webhook(500, 503) as (url, got):
        fail(posting(settings, url))
    assert len(got) == 3
    assert [alert["kind"] for alert in alerts.latest(settings, 10)] == ["failed"]


def test_a_webhook_that_is_down_hurts_nobody_and_its_address_is_not_told(
    settings: Settings, webhook: Callable[..., Any], caplog: pytest.LogCaptureFixture
):
    caplog.set_level(logging.DEBUG)
    with webhook(*[500] * 9) as (url, got):
        fail(posting(settings, url))
    assert len(got) == 3
    assert [alert["kind"] for alert in alerts.latest(settings, 10)] == ["unposted", "failed"]
    assert SECRET not in (settings.logs / "alerts.jsonl").read_text() + caplog.text


@pytest.mark.parametrize("url", ["http://example.com/hook", "ftp://example.com", "http://localhost.example.com/"])
def test_an_address_that_others_could_read_on_the_way_is_refused(settings: Settings, url: str):
    with pytest.raises(ValidationError, match="must begin with https://"):
        Settings.model_validate(settings.model_dump() | {"alert_url": url})


def test_the_status_shows_alerts(settings: Settings, monkeypatch: pytest.MonkeyPatch):
    for name, value in settings.environment().items():
        monkeypatch.setenv(name, value)
    fail(settings)
    found = json.loads(CliRunner().invoke(app, ["status", "--json"]).stdout)
    assert [alert["part"] for alert in found["alerts"]] == ["orders"]
    assert (
        "failed: load_raw orders of r1: orders.csv: the file is cut off" in CliRunner().invoke(app, ["status"]).stdout
    )


def test_a_late_run_is_an_alert_that_says_where_it_stands(settings: Settings, monkeypatch: pytest.MonkeyPatch):
    for name, value in settings.environment().items():
        monkeypatch.setenv(name, value)
    with ledger.stage(settings.ledger, "scheduled__2026-09-01T04-00-00", "build_profiles"):
        pass
    alerts.late({"dag_run": {"dag_run_id": "scheduled__2026-09-01T04:00:00"}}, minutes=50)
    (alert,) = alerts.latest(settings, 10)
    assert (alert["kind"], alert["run_id"]) == ("late", "scheduled__2026-09-01T04-00-00")
    assert alert["message"] == "not ended after 50 minutes; last seen at: build_profiles"


def test_a_failed_model_or_test_of_a_segment_names_the_segment_and_its_owner(tmp_path: Path):
    model = {"name": "high_value", "fqn": ["smalti", "segments", "high_value"], "config": {"meta": {"owner": "crm"}}}
    test = {"name": "unique_high_value", "fqn": ["smalti"], "depends_on": {"nodes": ["model.smalti.high_value"]}}
    reader = {"name": "memberships", "fqn": ["smalti", "memberships"], "depends_on": test["depends_on"]}
    nodes = {"model.smalti.high_value": model, "test.smalti.unique_high_value.1a": test}
    nodes["model.smalti.memberships"] = reader
    (tmp_path / "manifest.json").write_text(json.dumps({"nodes": nodes}))
    failed = ["model.smalti.high_value", "test.smalti.unique_high_value.1a", "model.smalti.memberships"]
    results = [{"unique_id": name, "status": "fail"} for name in failed]
    (tmp_path / "run_results.json").write_text(json.dumps({"results": results}))
    with pytest.raises(SmaltiError) as error:
        dbt._succeeded(tmp_path / "run_results.json", 1, tmp_path / "log")
    told = str(error.value)
    assert "dbt failed: high_value (segment high_value, owner crm), unique_high_value (segment high_value," in told
    assert "owner crm), memberships;" in told
