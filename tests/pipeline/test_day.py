"""A day of hourly runs and the night after it come to what the night alone would have come to."""

import shutil
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from tests.pipeline.home import Home, Rows
from tests.pipeline.oracle import SCORED
from tests.pipeline.shop import simulate

MORNING, EVENING = datetime(2026, 8, 31), datetime(2026, 9, 1)
SMALL = {"SMALTI_SEGMENT_FLOOR": "10"}
# a person may have been named at an hour by an identifier that is not their best one at night; scores rest on the ids
FIGURES = {
    "identifiers": "select customer_id, * exclude (customer_id) from profiles.identifiers",
    "sessions": "select customer_id, * exclude (customer_id, session_id) from profiles.sessions",
    "customers": "select customer_id, * exclude (customer_id) from profiles.customers",
    "memberships": f"select customer_id, segment_id from segments.memberships where segment_id not in {SCORED}",
    "audience": f"""
        select customer_id, destination, contact_id_crm, list_filter(segment_ids, lambda s: s not in {SCORED})
        from activation.audience""",
}
INTERESTS = "select customer_id, dimension, value, score from profiles.interests"
pytestmark = pytest.mark.timeout(3600)  # a night, 24 hours and two nights stand before the first of these


@dataclass(frozen=True)
class Day:
    """The home that ran every hour, and its twin that ran at night only."""

    hours: Home
    night: Home

    def names(self) -> dict[str, str]:
        """Customer id of the hours → that of the night, by identifier; each stands for one and the same person."""
        place = {row[:2]: row[2] for row in self.night.query(_IDENTIFIERS)}
        rows = self.hours.query(_IDENTIFIERS)
        assert {row[:2] for row in rows} == set(place)
        pairs = {(customer, place[kind, value]) for kind, value, customer in rows}
        assert len(pairs) == len({one for one, _ in pairs}) == len({other for _, other in pairs})
        return dict(pairs)


_IDENTIFIERS = "select identifier_type, identifier_hash, customer_id from profiles.identifiers"


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory) -> Day:
    folder = tmp_path_factory.mktemp("day")
    hours, night = Home(folder / "hours", SMALL), Home(folder / "night", SMALL)
    whole, known = folder / "all", folder / "known"
    simulate(hours, whole, customers=400, days=35)
    _deliver(whole, known, MORNING)
    _run(hours, "nightly", known, MORNING)
    shutil.copytree(hours.path, night.path, symlinks=True)
    for hour in range(1, 25):
        moment = MORNING + timedelta(hours=hour)
        _deliver(whole, known, moment)
        _run(hours, "hourly", known, moment)
    for home in (hours, night):
        _run(home, "nightly", whole, EVENING)
    return Day(hours, night)


def _deliver(whole: Path, known: Path, moment: datetime) -> None:
    """Put the files there that are known by this moment: an hour's events, a day's orders."""
    for path in sorted(whole.rglob("*_20*.*")):
        stamp = path.name.split("_")[-1].split(".")[0]
        length = timedelta(hours=1) if "T" in stamp else timedelta(days=1)
        if datetime.fromisoformat(stamp) + length <= moment:
            target = known / path.relative_to(whole)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, target)


def _run(home: Home, dag: str, data: Path, moment: datetime) -> None:
    ended = home.smalti("run", dag, "--data", data, "--as-of", moment.isoformat(), "--json")
    assert ended.returncode == 0, ended.stderr


def _renamed(rows: Rows, names: dict[str, str]) -> Rows:
    return sorted(((names[row[0]], *row[1:]) for row in rows), key=repr)


@pytest.mark.slow
@pytest.mark.parametrize("figure", FIGURES)
def test_a_day_of_hours_and_its_night_are_the_night_alone(day: Day, figure: str) -> None:
    hours, night = day.hours.query(FIGURES[figure]), day.night.query(FIGURES[figure])
    assert hours
    assert _renamed(hours, day.names()) == sorted(night, key=repr)


@pytest.mark.slow
def test_interests_after_a_day_of_hours_are_the_nights_to_a_billionth(day: Day) -> None:
    names = day.names()
    hours = {(names[row[0]], *row[1:3]): row[3] for row in day.hours.query(INTERESTS)}
    night = {row[:3]: row[3] for row in day.night.query(INTERESTS)}
    assert hours == pytest.approx(night, abs=1e-9)
