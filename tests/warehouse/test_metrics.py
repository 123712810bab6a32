"""Our metrics over StatsD: what a listener on this machine receives."""

import socket
from collections.abc import Iterator
from typing import Any

import pytest

from warehouse import ledger, metrics
from warehouse.settings import Settings


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as found:
        found.bind(("127.0.0.1", 0))
        found.settimeout(5)
        yield found


def row(settings: Settings, source: str = "web_events") -> dict[str, Any]:
    """A stage's row as the ledger has it."""
    with ledger.stage(settings.ledger, "r1", "load_raw", source) as stage:
        stage.rows_in, stage.rows_loaded = 30, 28
    return ledger.stages(settings.ledger)[0]


def test_a_stage_is_a_gauge_a_figure_and_a_count_of_its_end(listener: socket.socket, settings: Settings):
    metrics.send(f"127.0.0.1:{listener.getsockname()[1]}", row(settings))
    lines = listener.recv(65536).decode().splitlines()
    assert {"smalti.load_raw.web_events.rows_in:30|g", "smalti.load_raw.web_events.rows_loaded:28|g"} <= set(lines)
    assert "smalti.load_raw.web_events.ok:1|c" in lines
    told = {line.split(":")[0].rsplit(".", 1)[1] for line in lines}
    assert {"seconds", "cpu_seconds", "peak_memory_mb", "bytes_read", "bytes_written"} <= told
    assert "rows_rejected" not in told, "nothing is told of what is not known"


def test_a_stage_without_a_source_has_a_shorter_name(listener: socket.socket, settings: Settings):
    metrics.send(f"127.0.0.1:{listener.getsockname()[1]}", row(settings, ""))
    assert b"smalti.load_raw.rows_in:30|g" in listener.recv(65536)


def test_without_a_server_nothing_is_sent_and_airflow_is_told_nothing(listener: socket.socket, settings: Settings):
    listener.settimeout(0.2)
    metrics.send(settings.statsd, row(settings))
    with pytest.raises(TimeoutError):
        listener.recv(65536)
    assert metrics.of_airflow(settings.statsd) == {}


def test_nobody_need_receive(settings: Settings):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as gone:
        gone.bind(("127.0.0.1", 0))
        port = gone.getsockname()[1]
    metrics.send(f"127.0.0.1:{port}", row(settings))
