"""Snowplow's sample of a web tracker: visits, visitors and page views against the tables that its own model expects.

The sample names each visitor after the case that they stand for. docs/vendors.md explains the differences.
"""

import csv
import hashlib
import hmac
from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest

from tests.pipeline.home import KEY, Home
from tests.vendors import unpacked

Visit = tuple[datetime, datetime, int]
STITCHED = "user stitch"
# visits of Snowplow's 18 that are ours to the event
SAME = {
    "No edge cases": 1,
    "dupe: event_id different collector_tstamp": 1,
    "dupe: event_id same collector_tstamp": 1,
    "dupe: page_view_id different derived_tstamp": 1,
    "Unexpired session": 1,
    "NULL domain_userid": 1,
    "stray page ping": 1,
}
# of the others: how many Snowplow has, and how many we have
OTHER = {
    "No edge cases": (2, 2),  # a ping without its page: Snowplow lets it begin a heartbeat earlier
    "stray page ping": (1, 1),  # the same
    "long session": (1, 11),  # an event a day: Snowplow takes the tracker's session and cuts it after 3 days
    "Rotating domain_userid per session": (1, 3),  # a day between them
    "Multiple first sessions per user": (2, 1),  # within seconds
    "Multiple last sessions per user": (2, 1),
    "Unexpired session": (0, 1),  # eight months later under the same session id
    STITCHED: (2, 10),  # ten people at one browser: Snowplow keeps the browser's visits together
    "NULL domain_sessionid": (0, 1),
    "NULL page_view_id": (0, 1),
    "late arriving: device created/sent >3 days": (0, 1),
    "consent_accel": (0, 2),  # neither page view nor ping: 26 browsers of one logged-in user, on two days
}
MORE_PAGE_VIEWS = Counter(
    {
        "NULL page_view_id": 1,
        "late arriving: device created/sent >3 days": 1,
        "dupe: page_view_id different derived_tstamp": 1,
        "long session": 2,
        "Unexpired session": 1,
    }
)


@dataclass(frozen=True)
class Sample:
    """What came in, what Snowplow expects of it, and what was made of it here."""

    events: list[dict[str, str]]
    expected: dict[str, list[dict[str, str]]]
    summary: dict[str, Any]
    visits: dict[str, list[Visit]]
    identifiers: set[str]
    page_views: dict[str, datetime]


@pytest.fixture(scope="session")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Sample:
    """A nightly run on the sample's events alone."""
    files = unpacked("snowplow_web/snowplow_web_0.15.2", tmp_path_factory.mktemp("sample"))
    folder = tmp_path_factory.mktemp("snowplow")
    data = folder / "exports"
    data.mkdir()
    (data / "snowplow_web_events.csv").write_bytes((files / "source/snowplow_web_events.csv").read_bytes())
    home = Home(folder / "home")
    summary = home.nightly(data)
    events = _read(files / "source/snowplow_web_events.csv")
    expected = {
        "visits": _read(files / "expected/default/snowplow_web_sessions_expected.csv"),
        "visitors": _read(files / "expected/snowplow_web_users_expected.csv"),
        "page views": _read(files / "expected/snowplow_web_page_views_expected.csv"),
    }
    identifiers = {hashed for (hashed,) in home.query("select identifier_hash from profiles.identifiers")}
    return Sample(events, expected, summary, _visits(home, events), identifiers, _page_views(home))


def _read(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as stream:
        return list(csv.DictReader(stream))


def _label(name: str) -> str:
    return STITCHED if name.startswith(STITCHED) else name


def _visits(home: Home, events: list[dict[str, str]]) -> dict[str, list[Visit]]:
    """Ours by the sample's name of the visitor, who is known by it as a user id."""
    named = {_pseudonym("user_id", row["user_id"]): _label(row["user_id"]) for row in events}
    query = """
        select distinct on (session_id) identifier_hash, started_at, ended_at, events_count
        from profiles.sessions inner join profiles.identifiers using (customer_id)
        where identifier_type = 'user_id' order by session_id
    """
    found: dict[str, list[Visit]] = defaultdict(list)
    for hashed, *visit in home.query(query):
        found[named[hashed]].append((visit[0], visit[1], visit[2]))
    return dict(found)


def _page_views(home: Home) -> dict[str, datetime]:
    with duckdb.connect(home.path / "warehouse" / "working.duckdb", read_only=True) as connection:
        return dict(
            connection.execute(
                "select event_id, events.occurred_at from input.events as events"
                " inner join identity.event_log as log on hash(event_id) = event_hash"
                " where log.event_type = 'page_view'"
            ).fetchall()
        )


def _pseudonym(kind: str, value: str) -> str:
    return hmac.new(bytes.fromhex(KEY), f"{kind}:snowplow:{value}".encode(), hashlib.sha256).hexdigest()


def _wanted(sample: Sample) -> dict[str, Counter[Visit]]:
    found: dict[str, Counter[Visit]] = defaultdict(Counter)
    for row in sample.expected["visits"]:
        times = datetime.fromisoformat(row["start_tstamp"]), datetime.fromisoformat(row["end_tstamp"])
        found[_label(row["user_id"])][*times, int(row["total_events"])] += 1
    return found


def test_every_row_is_loaded_or_a_repeated_event(sample: Sample) -> None:
    [balance] = [row for row in sample.summary["sources"] if row["source"] == "snowplow_events"]
    once = {row["event_id"] for row in sample.events}
    assert (len(sample.events), len(once)) == (160, 157)
    assert (balance["rows_in"], balance["rows_loaded"]) == (len(sample.events), len(once))
    assert (balance["rows_rejected"], balance["rows_duplicate"]) == (0, len(sample.events) - len(once))


def test_every_page_view_that_snowplow_expects_is_ours_at_its_moment(sample: Sample) -> None:
    wanted = {
        f"snowplow:{row['event_id']}": datetime.fromisoformat(row["derived_tstamp"])
        for row in sample.expected["page views"]
    }
    assert len(wanted) == 43
    assert {event: at for event, at in sample.page_views.items() if event in wanted} == wanted


def test_page_views_that_snowplow_leaves_out_have_a_reason(sample: Sample) -> None:
    wanted = {f"snowplow:{row['event_id']}" for row in sample.expected["page views"]}
    who = {f"snowplow:{row['event_id']}": row["user_id"] for row in sample.events}
    assert Counter(who[event] for event in sample.page_views.keys() - wanted) == MORE_PAGE_VIEWS


def test_every_visitor_that_snowplow_expects_is_known_by_their_cookie(sample: Sample) -> None:
    wanted = {_pseudonym("anonymous_id", row["domain_userid"]) for row in sample.expected["visitors"]}
    assert len(wanted) == 11
    assert wanted <= sample.identifiers


@pytest.mark.parametrize("visitor", sorted({*SAME, *OTHER}))
def test_visits_are_snowplows_but_where_the_definitions_differ(sample: Sample, visitor: str) -> None:
    wanted, found = _wanted(sample)[visitor], Counter(sample.visits[visitor])
    same = wanted & found
    assert same.total() == SAME.get(visitor, 0)
    assert ((wanted - same).total(), (found - same).total()) == OTHER.get(visitor, (0, 0))


def test_a_ping_without_its_page_differs_by_the_heartbeat_alone(sample: Sample) -> None:
    for visitor in ("No edge cases", "stray page ping"):
        wanted, found = _wanted(sample)[visitor], Counter(sample.visits[visitor])
        theirs = {(end, events): start for start, end, events in wanted - found}
        ours = {(end, events): start for start, end, events in found - wanted}
        assert theirs.keys() == ours.keys()
        assert {(ours[key] - theirs[key]).seconds for key in ours} == {5}


def test_no_visitor_and_no_event_is_left_over(sample: Sample) -> None:
    assert sample.visits.keys() == {_label(row["user_id"]) for row in sample.events} == {*SAME, *OTHER}
    assert sum(events for visits in sample.visits.values() for _, _, events in visits) == 157
    assert sum(SAME.values()) + sum(theirs for theirs, _ in OTHER.values()) == 18
