"""Delivery beside the nearest open tool for it, its rate, and what comparing millions of memberships costs.

`rival`: the same people from DuckDB into the same sink by `smalti sync run webhook` and by drt-core, in turns: all of
them, then a change, then all of them with a fifth of the calls faulty. `rate`: many people into a sink that does not
fail. `diff`: the steps of a plan where little changed. Walls depend on what else the machine does; ratios less so.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

import duckdb

from benchmarks import audience, rival, sink
from reverse_etl import guard, plan
from reverse_etl.accepted import accepted
from warehouse import ledger
from warehouse.settings import Settings
from warehouse.version import hand, open_version, tell

_BATCH, _SHARE = 1_000, 0.2
_CHANGED, _REMOVED = 300, 200
_KEYS = {"SMALTI_HMAC_KEY": "5a" * 32, "SMALTI_NAMESPACE": "0d4a0f6e-7c5d-4f8c-9a53-3c6d8f5f2b11"}
Figures = dict[str, float]
Run = Callable[[], None]


def ours(home: Path, url: str) -> Run:
    """The command that a person would type, in a process of its own."""
    environment = os.environ | _KEYS
    environment |= {"SMALTI_HOME": str(home), "SMALTI_ALLOW_LOOPBACK": "true"}
    environment |= {"SMALTI_WEBHOOK_URL": url, "SMALTI_WEBHOOK_SECRET": "5a" * 32}
    environment |= {"SMALTI_WEBHOOK_BATCH_RECORDS": str(_BATCH), "SMALTI_WEBHOOK_CONCURRENCY": "8"}
    environment |= {"SMALTI_WEBHOOK_CALLS_PER_SECOND": "100000"}
    command = [str(Path(sys.executable).with_name("smalti")), "sync", "run", "webhook"]
    return lambda: _call(command, environment, Path.cwd())


def theirs(drt: Path, folder: Path, *command: str) -> Run:
    """A command of drt in its project."""
    return lambda: _call([str(drt), *command], rival.environment(folder), folder)


def _call(command: list[str], environment: Mapping[str, str], folder: Path) -> None:
    done = subprocess.run(command, env=environment, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        print(f"  {' '.join(command[-3:])} ended with {done.returncode}: {(done.stdout + done.stderr)[-300:]}")


def measured(run: Run, to: sink.Sink, wanted: str) -> Figures:
    """What one run took, what it sent, and whether the sink then holds what is wanted."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    run()
    seconds, after = time.monotonic() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    told, standing, expected = to.told(), to.standing(), audience.expected(wanted)
    sending = told["last_at"] - told["first_at"]
    return {
        "seconds": seconds,
        "cpu": after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime,
        "members_per_second": told["acknowledged"] / seconds,
        "members_per_second_sending": told["acknowledged"] / sending if sending > 0 else 0.0,
        "calls": told["calls"],
        "sent": told["sent"],
        "effects": told["effects"],
        "wrong": sum(standing.get(one) != told for one, told in expected.items()),
        "not_removed": len(standing.keys() - expected.keys()),
    }


def our_steps(folder: Path, to: sink.Sink, people: int) -> dict[str, Figures]:
    """All, then the change, then all with faults."""
    everybody, then = audience.members(people), audience.members(people, changed=_CHANGED, removed=_REMOVED)
    found, home = {}, folder / "home"
    to.empty()
    audience.publish(home, "v1", everybody)
    found["first"] = measured(ours(home, to.url), to, everybody)
    audience.publish(home, "v2", then)
    found["change"] = measured(ours(home, to.url), to, then)
    to.empty(_SHARE)
    audience.publish(folder / "faulty", "v1", everybody)
    found["faults"] = measured(ours(folder / "faulty", to.url), to, everybody)
    return found


def their_steps(drt: Path, folder: Path, to: sink.Sink, people: int) -> dict[str, Figures]:
    """The same; and what is left in its dead-letter file sent by hand."""
    everybody, then = audience.members(people), audience.members(people, changed=_CHANGED, removed=_REMOVED)
    found, database = {}, folder / "members.duckdb"
    run, retry = theirs(drt, folder, "run"), theirs(drt, folder, "retry", "members")
    to.empty()
    rival.configure(folder, database, to.url, _BATCH)
    audience.table(database, everybody)
    found["first"] = measured(run, to, everybody)
    audience.table(database, then)
    found["change"] = measured(run, to, then)
    audience.table(database, everybody)
    to.empty(_SHARE)
    found["faults"] = measured(run, to, everybody)
    found["faults, then retry"] = measured(retry, to, everybody)
    return found


def beside(people: int, times: int) -> dict[str, Any]:
    """Both in turns, medians; the ratio of acknowledged members a second in the first sync."""
    runs: dict[str, list[dict[str, Figures]]] = {"smalti": [], "drt": []}
    with tempfile.TemporaryDirectory(prefix="smalti-bench-") as made, sink.started() as to:
        drt = rival.install(Path(made))
        for number in range(times):
            runs["smalti"].append(our_steps(_folder(made, f"smalti-{number}"), to, people))
            runs["drt"].append(their_steps(drt, _folder(made, f"drt-{number}"), to, people))
    found = {who: _medians(several) for who, several in runs.items()}
    for who, steps in found.items():
        for step, figures in steps.items():
            _show(f"{who}: {step}", figures)
    first = {who: found[who]["first"] for who in found}
    ratios = {name: first["smalti"][name] / first["drt"][name] for name in ("members_per_second", "cpu")}
    ratios["sending"] = _ratio(first, "members_per_second_sending")
    print(f"smalti to drt, first sync: {ratios['members_per_second']:.2f} x the members a second by the whole process, "
          f"{ratios['sending']:.2f} x while sending, {ratios['cpu']:.2f} x the CPU-seconds")  # fmt: skip
    return {"runs": runs, "medians": found, "ratios": ratios}


def _ratio(first: dict[str, Figures], name: str) -> float:
    return first["smalti"][name] / first["drt"][name]


def rate(people: int, times: int) -> dict[str, Any]:
    """That many into a sink that does not fail, each time from the beginning."""
    runs = []
    with tempfile.TemporaryDirectory(prefix="smalti-bench-") as made, sink.started() as to:
        for number in range(times):
            to.empty()
            home, everybody = Path(made) / f"home-{number}", audience.members(people)
            audience.publish(home, "v1", everybody)
            runs.append({"rate": measured(ours(home, to.url), to, everybody)})
    found = _medians(runs)
    _show(f"rate, {people:,} people", found["rate"])
    return {"runs": runs, "medians": found}


def diff(people: int, times: int) -> dict[str, Any]:
    """Each step of a plan over people with three segments each, of whom one in a hundred changed, in CPU-seconds."""
    wanted, before = audience.members(people, changed=people // 100, each=3), audience.members(people, each=3)
    with tempfile.TemporaryDirectory(prefix="smalti-bench-") as made:
        home = Path(made)
        audience.publish(home, "v1", wanted)
        settings = _settings(home)
        _accept(settings.ledger, before)
        runs = [_planned(settings) for _ in range(times)]
    found = {step: median(run[step] for run in runs) for step in runs[0]}
    print(f"diff, {3 * people:,} memberships: " + " · ".join(f"{step} {cpu:.2f}" for step, cpu in found.items())
          + f" · together {sum(found.values()):.2f} CPU-s")  # fmt: skip
    return {"runs": runs, "medians": found}


def _settings(home: Path) -> Settings:
    secrets = {name.removeprefix("SMALTI_").lower(): value for name, value in _KEYS.items()}
    return Settings(home=home, _env_file=None, **secrets)  # type: ignore[arg-type, call-arg]


def _planned(settings: Settings) -> Figures:
    found: Figures = {}
    with open_version(settings) as (connection, _):
        tell(connection, destination="webhook", everybody=False, previous="")
        connection.execute("create table suppressed (customer_id text)")
        connection.execute("create table dead_letters (customer_id text, segment_ids text[], attributes text)")
        with _cpu(found, "read the ledger"):
            hand(connection, settings, "accepted_rows", accepted(settings.ledger, "webhook"))
        with _cpu(found, "accepted"):
            connection.execute(plan._ACCEPTED)  # noqa: SLF001  # the statements themselves are measured
        with _cpu(found, "audience"):
            connection.execute(plan._AUDIENCE)  # noqa: SLF001
        with _cpu(found, "compare"):
            connection.execute(plan._CHANGES)  # noqa: SLF001
        with _cpu(found, "count"):
            connection.execute(plan._COUNTS).fetchall()  # noqa: SLF001
        with _cpu(found, "digest"):
            connection.execute(plan._DIGEST).fetchall()  # noqa: SLF001
        with _cpu(found, "guards"):
            plan._check(connection, "webhook")  # noqa: SLF001
            guard.numbers(connection, 0)
    return found


def _accept(path: Path, wanted: str) -> None:
    with ledger.connect(path) as book, duckdb.connect() as connection:
        rows = connection.execute(
            f"select 'webhook', customer_id, to_json(segment_ids)::text, '2026-09-01', 'p' from ({wanted}) order by 2"
        )
        while part := rows.fetchmany(100_000):
            book.executemany("insert into accepted values (?, ?, ?, ?, ?, null)", part)


@contextmanager
def _cpu(found: Figures, step: str) -> Iterator[None]:
    began = time.process_time()
    yield
    found[step] = time.process_time() - began


def _folder(made: str, name: str) -> Path:
    folder = Path(made) / name
    folder.mkdir()
    return folder


def _medians(runs: list[dict[str, Figures]]) -> dict[str, Figures]:
    """By step; a step that not every run had is left to those that had it."""
    steps = {step: [run[step] for run in runs if step in run] for one in runs for step in one}
    return {step: {name: median(one[name] for one in had) for name in had[0]} for step, had in steps.items()}


def _show(title: str, one: Figures) -> None:
    print(
        f"{title:40} {one['seconds']:6.1f} s {one['cpu']:6.2f} CPU-s · {one['members_per_second']:9,.0f} members/s "
        f"({one['members_per_second_sending']:,.0f} while sending) · {one['calls']:.0f} calls, {one['sent']:,.0f} "
        f"records, {one['effects']:,.0f} effects · {one['wrong']:,.0f} wrong, {one['not_removed']:.0f} not removed",
        flush=True,
    )


def main() -> None:
    """Print figures; `--out` keeps them, each run's too."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parts: dict[str, Callable[[int, int], dict[str, Any]]] = {"rival": beside, "rate": rate, "diff": diff}
    people = {"rival": 100_000, "rate": 1_000_000, "diff": 3_333_333}
    arguments.add_argument("--part", choices=parts, help="only this")
    arguments.add_argument("--people", type=int, help="instead of 100,000 (rival), 1,000,000 (rate), 3,333,333 (diff)")
    arguments.add_argument("--times", type=int, default=3, help="medians of so many runs")
    arguments.add_argument("--out", type=Path, help="JSON of all figures")
    given = arguments.parse_args()
    chosen = [given.part] if given.part else list(parts)
    found = {name: parts[name](given.people or people[name], given.times) for name in chosen}
    if given.out:
        given.out.write_text(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
