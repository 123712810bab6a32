"""Whoever abandons a cart between two runs has one message due, told once, whatever is run again after that."""

import json
from datetime import datetime, timedelta
from typing import Any

import pytest
from pydantic import SecretStr

from reverse_etl.deliver import Delivered, deliver
from reverse_etl.plan import plan
from tests.pipeline.home import KEY, NAMESPACE, Home
from tests.pipeline.shop import two_deliveries
from warehouse.settings import Settings

pytestmark = pytest.mark.timeout(1500)
FLOOR = 20
# at the runs themselves the hour of these messages is long past: the shop is of a day that is over
NEXT_MORNING = timedelta(hours=8)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A shop after two hours, of which the second was some days later; models have no part in this."""
    folder = tmp_path_factory.mktemp("messages")
    home = Home(folder / "home", {"SMALTI_SEGMENT_FLOOR": str(FLOOR)})
    two_deliveries(home, folder, customers=500)
    home.run("hourly", folder / "first-run")
    home.run("hourly", folder / "second-run")
    return home


def settings(home: Home) -> Settings:
    keys = {"hmac_key": SecretStr(KEY), "namespace": SecretStr(NAMESPACE)}
    return Settings(_env_file=None, home=home.path, segment_floor=FLOOR, **keys)  # type: ignore[arg-type]


def as_of(home: Home) -> datetime:
    found: datetime = home.query("select as_of from ops.control")[0][0]
    return found


def send(home: Home, run_id: str) -> Delivered:
    return deliver(settings(home), "files", run_id, as_of(home) + NEXT_MORNING)


def put(home: Home) -> dict[str, dict[str, Any]]:
    paths = (home.path / "outbox" / "files" / "messages").glob("*")
    return {path.stem: json.loads(path.read_text()) for path in paths}


def test_who_entered_between_the_runs_is_told_once_and_nobody_else(home: Home) -> None:
    due = home.query(
        "select intent_id, intents.customer_id from activation.message_intents as intents"
        " join activation.audience as audience on intents.customer_id = audience.customer_id"
        " and list_contains(audience.segment_ids, 'cart_abandoned') where status = 'due'"
    )
    assert len(due) > 3
    assert put(home) == {}, "a message is told for a day, and this shop's day is over"
    assert plan(settings(home), "files", as_of(home) + NEXT_MORNING).messages == len(due)
    assert send(home, "morning").messages == len(due)
    assert {one: message["customer_id"] for one, message in put(home).items()} == dict(due)
    assert send(home, "later").messages_due == 0


def test_a_run_made_again_and_a_full_rebuild_tell_nobody_again(home: Home) -> None:
    send(home, "before")
    before, moment = put(home), as_of(home).isoformat()
    for more in ((), ("--full",)):
        home.run("hourly", home.path.parent / "second-run", "--as-of", moment, *more)
        assert home.query("select count(*) from activation.audience_changes")[0][0] == 0
        assert (send(home, "again").messages_due, put(home)) == (0, before)
