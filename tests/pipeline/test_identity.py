"""Who is who from run to run: what must never join, a merge, its undoing and its way back, on labelled people."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.pipeline.home import Home
from tests.pipeline.shop import pseudonym

SMALL = {"SMALTI_SEGMENT_FLOOR": "2"}
_CONTACTS = (
    "contact_id,email,phone,first_name,last_name,street,postcode,city,region,country,birth_date,created_at,updated_at"
)
_ORDERS = "order_id,contact_id,email,ordered_at,status,channel,currency"
# contact, e-mail, phone, first name, birth date
PEOPLE = (
    ("mother", "home@family.example", "07700900001", "Ann", "1970-01-01"),
    ("father", "home@family.example", "07700900002", "Bob", "1969-01-01"),
    ("before", "before@example.com", "07700900003", "Cid", ""),  # the phone number is another's now
    ("after", "after@example.com", "07700900003", "Dot", ""),
    ("typist", "test@test.com", "", "Eve", ""),
    ("clerk", "test@test.com", "", "Fay", ""),
    ("at_home", "gus@example.com", "", "Gus", ""),
    ("at_work", "gus@work.example", "", "Gus", ""),
    ("kiosk_1", "hal@example.com", "", "Hal", ""),
    ("kiosk_2", "ida@example.com", "", "Ida", ""),
)


@dataclass(frozen=True)
class Story:
    """One shop from day to day: who was who (contact, customer id), its merges, and what commands told."""

    home: Home
    people: dict[str, dict[str, str]]
    merges: list[tuple[str, str, str]]
    ids: tuple[str, str]
    told: dict[str, Any]

    def absorbed(self, day: str) -> str:
        """The id of the account that was absorbed."""
        contact = next(one for one, customer in self.people["before"].items() if customer == self.ids[0])
        return self.people[day][contact]


def _export(data: Path, day: str, orders: tuple[tuple[str, str, str], ...]) -> None:
    data.mkdir(exist_ok=True)
    lines = [
        f"{contact},{email},{phone},{first},X,,,,Kent,GB,{born},{day}T00:00:00Z,{day}T00:00:00Z"
        for contact, email, phone, first, born in PEOPLE
    ]
    if not list(data.glob("contacts_*")):
        (data / f"contacts_{day}.csv").write_text("\n".join([_CONTACTS, *lines]) + "\n")
    rows = [f"{order},{contact},{email},{day}T10:00:00Z,completed,web,GBP" for order, contact, email in orders]
    (data / f"orders_{day}.csv").write_text("\n".join([_ORDERS, *rows]) + "\n")
    kiosk = [
        {
            "event_id": f"{day}-{user}",
            "event_type": "page_view",
            "occurred_at": f"{day}T11:0{number}:00Z",
            "anonymous_id": None,
            "device_id": "kiosk",
            "user_id": user,
            "platform": "ios",
        }
        for number, user in enumerate(("kiosk_1", "kiosk_2", None))
    ]
    (data / f"events_{day}T11.jsonl").write_text("".join(json.dumps(row) + "\n" for row in kiosk))


def _told(home: Home, *command: str) -> Any:
    ended = home.smalti("identity", *command, "--json")
    assert ended.returncode == 0, ended.stderr
    return json.loads(ended.stdout)


def _people(home: Home) -> dict[str, str]:
    rows = home.query("select identifier_hash, customer_id from profiles.identifiers where identifier_type = 'user_id'")
    named = {pseudonym(("user", contact)): contact for contact, *_ in PEOPLE}
    return {named[value]: customer for value, customer in rows}


@pytest.fixture(scope="session")
def story(tmp_path_factory: pytest.TempPathFactory) -> Story:
    folder = tmp_path_factory.mktemp("identity")
    home, data = Home(folder / "home", SMALL), folder / "exports"
    people: dict[str, dict[str, str]] = {}
    told: dict[str, Any] = {}

    def run(name: str, day: str, *orders: tuple[str, str, str]) -> None:
        _export(data, day, orders)
        home.run("hourly", data)
        people[name] = _people(home)

    run("before", "2026-08-01")
    # somebody ordered at home under an address at work: the two accounts are one person's
    run("merged", "2026-08-02", ("o1", "at_home", "gus@work.example"))
    [ids] = home.query("select from_customer_id, into_customer_id from profiles.merges")
    told["joined"] = _told(home, "explain", "user_id:crm:at_home", "user_id:crm:at_work")
    told["same"] = _told(home, "simulate")
    told["stricter"] = _told(home, "simulate", "--set", "email.joins_limit=1")
    told["trial"] = _told(home, "unmerge", ids[0], "--reason", "two colleagues", "--dry-run")
    run("still", "2026-08-03")
    told["unmerged"] = _told(home, "unmerge", ids[0], "--reason", "two colleagues")
    run("parted", "2026-08-04")
    told["apart"] = _told(home, "explain", "email:gus@example.com", "user_id:crm:at_work")
    told["quality"] = _told(home, "quality")
    assert home.smalti("identity", "unmerge", ids[0], "--undo").returncode == 0
    run("back", "2026-08-05")
    merges = home.query("select from_customer_id, into_customer_id, evidence from profiles.merges order by merged_at")
    return Story(home, people, [tuple(row) for row in merges], ids, told)  # type: ignore[misc]


def test_family_addresses_kiosks_recycled_numbers_and_test_addresses_merge_nobody(story: Story) -> None:
    apart = [contact for contact, *_ in PEOPLE if not contact.startswith("at_")]
    for people in story.people.values():
        assert len({people[contact] for contact in apart}) == len(apart)


def test_an_order_under_the_other_account_s_address_merges_two(story: Story) -> None:
    assert len(set(story.people["before"].values())) == len(PEOPLE)
    assert story.people["merged"]["at_home"] == story.people["merged"]["at_work"] == story.ids[1]
    assert set(story.people["before"].values()) - set(story.people["merged"].values()) == {story.ids[0]}
    assert story.told["joined"]["is_joined"]
    assert len(story.told["joined"]["steps"]) == 2


def test_a_dry_run_decides_nothing(story: Story) -> None:
    assert story.told["trial"]["people_after"] == story.told["trial"]["people_before"] + 1
    assert not story.told["trial"]["is_decided"]
    assert story.people["still"] == story.people["merged"]


def test_an_unmerged_person_has_the_earlier_id_again(story: Story) -> None:
    assert story.people["parted"] == story.people["before"]
    assert not story.told["apart"]["is_joined"]
    assert [step["why_not"] for step in story.told["apart"]["steps"]] == ["disputed"]


def test_an_unmerge_taken_back_joins_them_again(story: Story) -> None:
    assert story.people["back"] == story.people["merged"]
    kinds = [(row[0], row[1], row[2].split(":")[0]) for row in story.merges]
    absorbed, absorbing = story.ids
    assert kinds == [
        (absorbed, absorbing, "merged"),
        (absorbing, absorbed, "split"),
        (absorbed, absorbing, "merged"),
    ]


def test_the_same_rules_simulate_to_no_change_and_stricter_ones_to_the_split(story: Story) -> None:
    same, stricter = story.told["same"], story.told["stricter"]
    assert (same["people_merged"], same["people_split"], same["identifiers_moved"], same["changes"]) == (0, 0, 0, [])
    # the merged person, and the address of the family: shared, it is nobody's any more
    people = {story.ids[1], story.people["merged"]["mother"], story.people["merged"]["father"]}
    split = {change["customer_ids"][0] for change in stricter["changes"]}
    assert stricter["people_split"] == len(split) == 2
    assert story.ids[1] in split < people


def test_quality_is_within_its_limits(story: Story) -> None:
    assert {row["measure"] for row in story.told["quality"]} >= {"conflicting_first_names", "merged_now"}
    assert all(row["is_within_limit"] for row in story.told["quality"])


@pytest.mark.parametrize(
    ("command", "told"),
    [
        (("explain", "gus@example.com", "user_id:crm:at_work"), "TYPE:VALUE"),
        (("explain", "email:nobody@example.com", "user_id:crm:at_work"), "no one's"),
        (("simulate", "--set", "fax.joins_limit=1"), "types: user_id, email"),
        (("simulate", "--set", "email.joins_limit=many"), "whole numbers"),
        (("unmerge", "unknown", "--reason", "x"), "no merge ended"),
        (("unmerge", "unknown"), "no reason"),
    ],
)
def test_what_cannot_be_answered_says_what_is_allowed(story: Story, command: tuple[str, ...], told: str) -> None:
    ended = story.home.smalti("identity", *command)
    assert ended.returncode == 1
    assert told in ended.stderr
    assert "@" not in ended.stderr
