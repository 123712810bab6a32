"""Device classes held against every case of uap-core: what the parser answers, and what class follows from it."""

import re
from collections.abc import Callable
from typing import Any

import pytest
import ua_parser

from ingestion import agents
from tests.ingestion.test_known import uap_core

# by their names in uap-core, from the beginning: what people hold, carry, sit at, or have beside a room
SYSTEMS = {
    "desktop": r"Windows (?!Phone|Mobile|CE)|Mac OS|Linux|Ubuntu|Debian|Gentoo|Mandriva|Chrome OS|\w*BSD|Solaris"
    r"|SerenityOS|Red Hat",
    "mobile or tablet": r"Android |iOS|Windows (Phone|Mobile|CE)|BlackBerry OS|Symbian|Nokia|Bada|BREW|Brew|KaiOS"
    r"|Firefox OS|HarmonyOS|Maemo|MeeGo|Sailfish|VRE|webOS",
    "tablet": r"BlackBerry Tablet OS|Kindle|WeTab",
    "other": r"ATV|Chromecast|FireHbbTV|GoogleTV|LG|Panasonic|Philips|Roku|Samsung|Sony|Tizen|WatchOS|Web0S|WebTV|tvOS"
    r"|Other",
}
DEVICES = {
    "desktop": r"Mac$",
    "mobile": r"iPhone|iPod|Lumia|BlackBerry \d|Generic Smartphone|Nokia [CENX]\d",
    "tablet": r"iPad|Generic Tablet|Kindle|BlackBerry Playbook|HP TouchPad|WeTab",
    "other": r"HbbTV|Inettv|AppleTV|Roku|Chromecast|WebTV|GoogleTV|PlayStation|Nintendo",
}
# what says of itself that it is something else, as a phone that asks for desktop pages, is taken at its word;
# and one app on Android says that it is a page and not that it is mobile
DISGUISED = re.compile(r"X11|Safari/534.6 TouchPad|Puffin/|^UCWEB/|ownCloud-android")


def family(parse: Callable[[str], Any], agent: str) -> str:
    found = parse(agent)
    return found.family if found else "Other"


def device_class(agent: str) -> str:
    return str(agents.answers([agent])["device_class"][0])


@pytest.mark.parametrize(
    ("cases", "parse", "least"),
    [("test_os", ua_parser.parse_os, 480), ("test_device", ua_parser.parse_device, 16_000)],
)
def test_the_parser_answers_every_case_as_uap_core_does(cases: str, parse: Callable[[str], Any], least: int) -> None:
    every = uap_core(cases)
    assert len(every) > least
    assert [case for case in every if family(parse, case["user_agent_string"]) != case["family"]] == []


def test_every_system_of_uap_core_has_the_class_of_what_it_runs_on() -> None:
    wrong, seen = [], 0
    for case in uap_core("test_os"):
        name, agent = f"{case['family']} {case['major']}", case["user_agent_string"]
        [expected] = [what for what, pattern in SYSTEMS.items() if re.match(pattern, name)]
        found = device_class(agent)
        seen += found == expected
        if found not in expected and not agents.is_bot(agent):
            wrong.append((name, found, agent))
    assert seen > 150
    assert wrong == []


@pytest.mark.parametrize("expected", DEVICES)
def test_what_uap_core_knows_to_be_of_one_class_is(expected: str) -> None:
    cases = [case for case in uap_core("test_device") if re.match(DEVICES[expected], case["family"])]
    known = [case["user_agent_string"] for case in cases if ua_parser.parse_os(case["user_agent_string"])]
    agents_ = [agent for agent in known if not DISGUISED.search(agent) and not agents.is_bot(agent)]
    assert len(agents_) >= {"desktop": 4, "mobile": 300, "tablet": 50, "other": 80}[expected]
    assert [agent for agent in agents_ if device_class(agent) != expected] == []


def test_what_names_no_system_has_no_class_but_other() -> None:
    nameless = [case["user_agent_string"] for case in uap_core("test_device")]
    found = {device_class(agent) for agent in nameless if not ua_parser.parse_os(agent) and not agents.is_bot(agent)}
    assert found == {"other"}
