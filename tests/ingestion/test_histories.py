"""Deliveries in any order, again, corrected, damaged, loads that die: raw is what plain Python says it is."""

import hashlib
import json
import os
import shutil
import tempfile
from contextlib import nullcontext
from pathlib import Path
from typing import Any, ClassVar
from unittest.mock import patch

import pytest
from hypothesis import HealthCheck, Phase, assume, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from pydantic import SecretStr

from ingestion import load as loading
from tests.ingestion.conftest import KEY, LOADED_AT, NAMESPACE, Desk
from tests.ingestion.history import Content, Oracle, Row
from tests.ingestion.ledgers import FATES
from warehouse.settings import Settings

VALUES = ("web", "ios", "store")
ROWS = st.builds(Row, st.integers(1, 3), st.sampled_from(VALUES), st.sampled_from([True] * 5 + [False]))
GOOD = st.builds(Content, st.lists(ROWS, max_size=4).map(tuple))
DAMAGED = st.builds(Content, mark=st.integers(1, 50))
DAYS = st.integers(1, 4)
STEPS, RUNS, LONG = 9, 15, 200


class Killed(BaseException):
    """What no code catches, as if the process were gone."""


class Histories(RuleBasedStateMachine):
    """Files are put into the drop folder by some rules and taken over by others; a rule never looks at raw."""

    source: ClassVar[str]
    key: ClassVar[str]
    value: ClassVar[str]

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="history-"))
        keys = {"hmac_key": SecretStr(KEY), "namespace": SecretStr(NAMESPACE)}
        self.desk = Desk(Settings(home=self.folder / "home", _env_file=None, **keys), self.folder, LOADED_AT)  # type: ignore[arg-type, call-arg]
        self.drop = self.desk.settings.drop
        self.drop.mkdir(parents=True)
        self.died = False  # what a dead load left lies there until the next
        self.waiting: dict[str, Content] = {}
        self.digests: dict[str, Content] = {}

    def teardown(self) -> None:
        shutil.rmtree(self.folder)

    def name(self, day: int) -> str:
        raise NotImplementedError

    def text(self, content: Content) -> str:
        raise NotImplementedError

    def put(self, day: int, content: Content) -> None:
        name = self.name(day)
        text = "\0" * (content.mark or 0) if content.is_damaged else self.text(content)
        (self.drop / name).write_text(text)
        os.utime(self.drop / name, (0, 0))  # nobody is writing it any more
        self.digests[hashlib.sha256(text.encode()).hexdigest()] = content
        self.waiting[name] = content

    def days(self) -> list[int]:
        """Days of which a file came."""
        return [day for day in range(1, 5) if any(file.name == self.name(day) for file in self.oracle.files)]

    def in_groups(self) -> Any:
        return patch.object(loading, "_GROUP_FILES", self.oracle.at_once)

    @initialize(at_once=st.sampled_from([1, 2_000]))
    def takes_so_many_files_at_once(self, at_once: int) -> None:
        self.oracle = Oracle(at_once)

    @rule(day=DAYS, content=GOOD)
    def deliver_or_correct(self, day: int, content: Content) -> None:
        self.put(day, content)

    @rule(data=st.data(), content=GOOD)
    def correct(self, data: st.DataObject, content: Content) -> None:
        self.put(data.draw(st.sampled_from(self.days() or [1])), content)
        self.load()

    @rule(data=st.data(), day=DAYS)
    def redeliver_under_any_name(self, data: st.DataObject, day: int) -> None:
        assume(self.oracle.files)
        self.put(day, data.draw(st.sampled_from(self.oracle.files)).content)

    @rule(data=st.data(), content=DAMAGED)
    def deliver_damaged(self, data: st.DataObject, content: Content) -> None:
        self.put(data.draw(st.sampled_from(self.days() or [1])), content)
        self.load()

    @rule(contents=st.dictionaries(DAYS, GOOD, min_size=1))
    def deliver_several_and_load(self, contents: dict[int, Content]) -> None:
        for day, content in contents.items():
            self.put(day, content)
        self.load()

    @rule()
    def forget_originals(self) -> None:
        shutil.rmtree(self.drop / "done", ignore_errors=True)
        self.oracle.kept.clear()

    @rule()
    def load_and_die(self) -> None:
        known = {file.content for file in self.oracle.files}
        new = any(content not in known for content in self.waiting.values())
        dies = pytest.raises(Killed) if new else nullcontext()
        with patch("ingestion.load.manifest.write", side_effect=Killed), self.in_groups(), dies:
            self.desk.load(self.source, self.drop)
        self.died = new
        if not new:
            self.oracle.load(self.waiting)
            self.waiting.clear()

    @rule()
    def load(self) -> None:
        with self.in_groups():
            outcome = self.desk.load(self.source, self.drop)
        self.died, wanted = False, self.oracle.load(self.waiting)
        self.waiting.clear()
        found = (outcome.files_new, outcome.files_known, outcome.files_quarantined, outcome.files_superseded)
        assert found == (wanted.new, wanted.known, wanted.quarantined, wanted.superseded)
        assert outcome.rows_loaded == wanted.loaded
        untold = {one.split(" · ")[1].split(", ")[1] for one in outcome.problems if one.startswith("duplicates not")}
        assert untold == wanted.untold
        assert {path.name for path in self.drop.iterdir()} <= {"done", "quarantine"}

    @invariant()
    def the_rows_that_count_are_the_oracle_s(self) -> None:
        if not self.desk.lines(self.source):
            return
        rows = self.desk.raw(self.source, f"_file, _position, {self.key}[2:]::integer, {self.value}")
        found = {(self.digests[file], *rest) for file, *rest in rows}
        assert found == self.oracle.rows()
        assert len(found) == len(rows)

    @invariant()
    def every_row_is_accounted_for(self) -> None:
        found: dict[tuple[Content, str], dict[str, int]] = {}
        for line in self.desk.lines(self.source):
            counts = {fate: int(getattr(line, f"rows_{fate}")) for fate in FATES}
            assert counts["in"] == sum(counts.values()) - counts["in"]
            before = found.setdefault((self.digests[line.sha256], line.status), dict.fromkeys(FATES, 0))
            found[self.digests[line.sha256], line.status] = {fate: before[fate] + counts[fate] for fate in FATES}
        statuses = {(file.content, file.status) for file in self.oracle.files}
        assert set(found) == statuses
        for number, file in enumerate(self.oracle.files):
            if file.status == "loaded":
                assert found[file.content, "loaded"] == self.oracle.counts(number)

    @invariant()
    def nothing_else_lies_in_raw(self) -> None:
        raw = self.desk.settings.raw / self.source
        files = {path.relative_to(raw).as_posix() for path in raw.rglob("*") if path.is_file()}
        named = {name for line in self.desk.lines(self.source) for name in line.names}
        if self.desk.lines(self.source):
            own = {"manifest.jsonl", "contract.json", "empty.parquet"}
            assert files - named == own or (self.died and files - named > own)


class FastWay(Histories):
    """Events of a shop, streamed."""

    source, key, value = "web_events", "event_id", "url"

    def name(self, day: int) -> str:
        return f"events_2026-08-01T1{day}.jsonl"  # of one day, so that they share Parquet

    def text(self, content: Content) -> str:
        events = [
            Desk.event(row.key, url=row.value, event_type="page_view" if row.good else "sleep") for row in content.rows
        ]
        return "".join(json.dumps(event) + "\n" for event in events) or "\n"


class SlowWay(Histories):
    """Orders with e-mail addresses, which go to the vault."""

    source, key, value = "shop_orders", "order_id", "channel"

    def name(self, day: int) -> str:
        return f"orders_2026-08-0{day}.csv"

    def text(self, content: Content) -> str:
        path = self.desk.csv("orders.csv", self.source, [self.order(row) for row in content.rows])
        text = path.read_text()
        path.unlink()
        return text

    @staticmethod
    def order(row: Row) -> list[str]:
        return Desk.order(row.key, channel=row.value, status="completed" if row.good else "lost")


def histories(machine: Any, runs: int, steps: int) -> None:
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=runs,
            stateful_step_count=steps,
            deadline=None,
            database=None,
            phases=(Phase.generate,),  # what fails is short enough, and shrinking it would take minutes
            report_multiple_bugs=False,
            suppress_health_check=list(HealthCheck),
        ),
    )


@pytest.mark.parametrize("machine", [FastWay, SlowWay])
def test_any_history_comes_to_what_plain_python_says(machine: Any) -> None:
    histories(machine, RUNS, STEPS)


@pytest.mark.slow
@pytest.mark.parametrize("machine", [FastWay, SlowWay])
def test_hundreds_of_long_histories_come_to_what_plain_python_says(machine: Any) -> None:
    histories(machine, LONG, 2 * STEPS)
