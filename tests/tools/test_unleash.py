"""Unleash for real: the lists are the audience, and an application is answered by them, before and after a change."""

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from reverse_etl.options import Options
from tests.reverse_etl.conftest import Shop, shop_in
from tests.tools.conftest import Unleash
from tests.tools.crowd import CHANGED, LEFT, MANY, Crowd, crowd, later

pytestmark = [pytest.mark.tools, pytest.mark.timeout(300)]
SHARDS = 10
PROJECT = "/api/admin/projects/default/features"


@pytest.fixture
def admin(unleash: Unleash) -> httpx.Client:
    return httpx.Client(base_url=unleash.url, headers={"Authorization": unleash.admin}, timeout=30)


@pytest.fixture
def shop(unleash: Unleash, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Shop:
    """A shop whose destination is the server, configured as by its operator."""
    monkeypatch.setitem(Options.model_config, "env_file", None)
    stated = {"URL": unleash.url, "API_KEY": unleash.admin, "SHARDS": str(SHARDS), "KEY": "customer_id"}
    for option, value in stated.items():
        monkeypatch.setenv(f"SMALTI_UNLEASH_{option}", value)
    found = shop_in(tmp_path / "home")
    return replace(found, destination="unleash", settings=found.settings.model_copy(update={"allow_loopback": True}))


def test_ten_thousand_stand_in_the_lists_and_an_application_is_answered_by_them(
    shop: Shop, unleash: Unleash, admin: httpx.Client
) -> None:
    shop.publish("v1", crowd())
    assert shop.deliver().accepted == MANY
    assert standing(admin) == shop.accepted() == crowd()
    turn_on(admin, "win_back", "lapsed")
    stays, goes, changes, stranger = "p00500", f"p{MANY - 2:05}", "p00002", "p00501"
    assert eventually(lambda: [has(unleash, one) for one in (stays, goes, changes, stranger)], [True] * 3 + [False])
    shop.publish("v2", later())
    done = shop.deliver()
    assert (done.added, done.changed, done.removed, done.accepted) == (0, CHANGED, LEFT, CHANGED + LEFT)
    assert standing(admin) == shop.accepted() == later()
    assert eventually(lambda: [has(unleash, one) for one in (stays, goes, changes, stranger)], [True] + [False] * 3)


def standing(admin: httpx.Client) -> Crowd:
    """Customer id → segments, as the lists of the server have it."""
    people: dict[str, list[str]] = {}
    for segment in admin.get("/api/admin/segments").raise_for_status().json()["segments"]:
        segment_id = segment["name"].removeprefix("smalti-")[: -len("-00")]
        for value in segment["constraints"][0]["values"]:
            people.setdefault(value, []).append(segment_id)
    return {customer_id: sorted(segment_ids) for customer_id, segment_ids in people.items()}


def turn_on(admin: httpx.Client, flag: str, segment_id: str) -> None:
    """A flag that is on for the people of a segment, shard by shard."""
    admin.post(PROJECT, json={"name": flag, "type": "release"}).raise_for_status()
    environment = f"{PROJECT}/{flag}/environments/development"
    for segment in admin.get("/api/admin/segments").json()["segments"]:
        if segment["name"].startswith(f"smalti-{segment_id}-"):
            strategy = {"name": "default", "constraints": [], "segments": [segment["id"]]}
            admin.post(f"{environment}/strategies", json=strategy).raise_for_status()
    admin.post(f"{environment}/on").raise_for_status()


def has(unleash: Unleash, customer_id: str) -> bool:
    """Whether the flag is on for that person, as an application asks."""
    headers = {"Authorization": unleash.application}
    asked = httpx.get(f"{unleash.url}/api/frontend", params={"userId": customer_id}, headers=headers)
    return [toggle["name"] for toggle in asked.raise_for_status().json()["toggles"]] == ["win_back"]


def eventually(asked: Callable[[], Any], wanted: Any, seconds: float = 15) -> bool:
    """Whether it becomes so within that time: the server answers applications from a copy."""
    until = time.monotonic() + seconds
    while (found := asked()) != wanted and time.monotonic() < until:
        time.sleep(0.2)
    return bool(found == wanted)
