"""Metrics over StatsD: one setting turns on Airflow's own and those of our stages."""

from typing import Any

import statsd

FIGURES = (
    *("seconds", "rows_in", "rows_loaded", "rows_rejected", "rows_duplicate", "rows_suppressed"),
    *("bytes_read", "bytes_written", "cpu_seconds", "peak_memory_mb"),
)


def of_airflow(server: str) -> dict[str, str]:
    """Airflow's own switch as variables for its processes; none where no server is named (`HOST:PORT`)."""
    if not server:
        return {}
    host, port = server.split(":")
    return {
        "AIRFLOW__METRICS__STATSD_ON": "True",
        "AIRFLOW__METRICS__STATSD_HOST": host,
        "AIRFLOW__METRICS__STATSD_PORT": port,
    }


def send(server: str, stage: dict[str, Any]) -> None:
    """Send a stage's row of the ledger: a gauge a figure, and a counter of how it ended.

    `smalti.<stage>[.<source>].<figure>` and `smalti.<stage>[.<source>].<status>`. One UDP packet, which nobody
    need receive; without a server nothing is sent.
    """
    if not server:
        return
    host, port = server.split(":")
    name = ".".join(part for part in (str(stage["stage"]), str(stage["source"])) if part)
    with statsd.StatsClient(host, int(port), prefix="smalti").pipeline() as packet:
        for figure in FIGURES:
            if stage[figure] is not None:
                packet.gauge(f"{name}.{figure}", stage[figure])
        packet.incr(f"{name}.{stage['status']}")
