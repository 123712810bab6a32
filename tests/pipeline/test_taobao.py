"""Two hours of Taobao, 58,732 users, at two moments: each segment is the oracle's, user by user."""

import hashlib
import hmac
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pytest

from tests.pipeline.home import KEY, Home
from tests.pipeline.oracle import NAMES, Answer, answer_of
from tests.pipeline.oracle_files import Event, Facts

ARCHIVE = Path(__file__).resolve().parents[3] / "shared/data/taobao_2h/UserBehavior.csv.zst"
MOMENTS = [datetime(2017, 11, 26, 2), datetime(2017, 11, 26, 3)]
AT = pytest.mark.parametrize("moment", MOMENTS, ids=["in_the_middle", "at_the_end"])
KINDS = {"pv": "product_view", "cart": "add_to_cart", "fav": "add_to_wishlist", "buy": "purchase"}


@dataclass(frozen=True)
class Traffic:
    """The members that were published at one moment, by user id, who is anomalous, and what the oracle says."""

    people: int
    members: dict[str, set[str]]
    anomalous: set[str]
    answer: Answer

    def wanted(self, segment: str) -> set[str]:
        """The oracle's members."""
        people = (self.answer.people[place] for place in self.answer.members[segment])
        return {user for person in people for _, user in person.identifiers}


@pytest.fixture(scope="session")
def taobao(tmp_path_factory: pytest.TempPathFactory) -> dict[datetime, Traffic]:
    """The file as it came, in a run for each moment."""
    if not ARCHIVE.exists():
        pytest.skip(f"needs the data set Taobao as {ARCHIVE}")
    folder = tmp_path_factory.mktemp("taobao")
    data = folder / "exports"
    data.mkdir()
    with pa.input_stream(str(ARCHIVE), compression="zstd") as stream:
        (data / "UserBehavior.csv").write_bytes(stream.read())
    home, events = Home(folder / "home"), list(_events(data / "UserBehavior.csv"))
    return {moment: _run(home, data, events, moment) for moment in MOMENTS}


def _events(path: Path) -> Iterator[Event]:
    """A whole row is an event, however often it stands there; the last is cut off, its moment has two digits."""
    for line in dict.fromkeys(path.read_text().splitlines()):
        user, item, category, kind, seconds = line.split(",")
        at = datetime(1970, 1, 1) + timedelta(seconds=int(seconds))
        if len(seconds) == 10:
            yield Event(KINDS[kind], at, ("user", user), None, None, item, category, is_bot=False)


def _run(home: Home, data: Path, events: list[Event], moment: datetime) -> Traffic:
    home.run("hourly", data, "--as-of", moment.isoformat())
    known = [event for event in events if event.at <= moment]
    answer = answer_of(Facts(moment, contacts=[], consents=[], orders=[], events=known))
    named = {_pseudonym(event.user[1]): event.user[1] for event in known if event.user}
    rows = home.query("select customer_id, identifier_hash from profiles.identifiers")
    users = {customer: named[value] for customer, value in rows}
    members: dict[str, set[str]] = defaultdict(set)
    for segment, customer in home.query("select segment_id, customer_id from segments.memberships"):
        members[segment].add(users[customer])
    odd = {users[customer] for (customer,) in home.query("select distinct customer_id from profiles.anomalies")}
    return Traffic(len(users), dict(members), odd, answer)


def _pseudonym(user: str) -> str:
    return hmac.new(bytes.fromhex(KEY), f"user_id:taobao:{user}".encode(), hashlib.sha256).hexdigest()


@AT
def test_every_user_is_a_person(taobao: dict[datetime, Traffic], moment: datetime) -> None:
    assert taobao[moment].people == len(taobao[moment].answer.people) > 30_000


@AT
@pytest.mark.parametrize("segment", NAMES)
def test_a_segment_has_exactly_the_oracles_members(
    taobao: dict[datetime, Traffic], moment: datetime, segment: str
) -> None:
    run = taobao[moment]
    wanted, found = run.wanted(segment) - run.anomalous, run.members.get(segment, set())
    assert (sorted(wanted - found), sorted(found - wanted)) == ([], [])


@pytest.mark.parametrize(
    "segment",
    ["browsers_no_purchase", "cart_abandoned", "category_enthusiast", "high_engagement", "new_visitors"],
)
def test_somebody_is_in_each_segment_that_two_hours_can_fill(taobao: dict[datetime, Traffic], segment: str) -> None:
    run = taobao[MOMENTS[-1]]
    assert run.wanted(segment) - run.anomalous
