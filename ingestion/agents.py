"""What a user agent says of itself: whether it is a bot, and what class of device it runs on.

Bots are those of the crawler-user-agents list and those that uap-core calls a spider: neither list has all.
A browser that names itself after another device, as an iPad that asks for desktop pages, is taken at its word.
"""

import re
from collections.abc import Sequence
from functools import cache

import ua_parser
import ua_parser_rs
from crawleruseragents import CRAWLER_USER_AGENTS_DATA

LONGEST = 512  # characters that are looked at: no browser says more
# patterns of the list that stand in the agents of phones too (WIRED/, ViewSonic, HTC Butterfly), as narrow as is meant
_NARROWED = {
    r"RED\/": r"\bRED\/",
    r"008\/": r"\b008\/",
    r"Butterfly": r"Butterfly\/",
    r"Sonic": r"\bSonic\/|RankSonic",
    r"speedy": r"speedy_?spider",
    r"AP3A\.240617\.008": r"AP3A\.240617\.008; wv\).* Instagram 406\.",
}
# names of systems in uap-core, from their beginning
_DESKTOP = re.compile(
    r"Windows|Mac OS|Linux|Ubuntu|Fedora|Debian|Red Hat|SUSE|Chrome OS|\w*BSD|Solaris|Arch|Gentoo|Mandriva|SerenityOS"
)
_MOBILE = re.compile(
    r"iOS|Android|Windows (Phone|Mobile|CE)|BlackBerry|Symbian|KaiOS|Firefox OS|Bada|Maemo|MeeGo|Nokia|HarmonyOS"
    r"|BREW|Brew MP|Sailfish|Tizen|VRE|webOS|WeTab|Kindle"
)
_TV = re.compile(r"\bTV\b|SMART-?TV|AppleTV|BRAVIA|\bAFT[A-Z]|Roku|HbbTV|Inettv|CrKey", re.IGNORECASE)
_TABLET = re.compile(
    r"iPad|Tablet|WeTab|Kindle|\bKF[A-Z]+ Build|Silk/|PlayBook|TouchPad|Nexus (7|9|10)\b|\bSM-[TPX]\d", re.IGNORECASE
)


def answers(agents: Sequence[str]) -> dict[str, Sequence[object]]:
    """`is_bot` and `device_class` (desktop, mobile, tablet, bot, other) of each agent."""
    bots = [is_bot(agent) for agent in agents]
    classes = ["bot" if bot else _device_class(agent) for agent, bot in zip(agents, bots, strict=True)]
    return {"is_bot": bots, "device_class": classes}


def is_bot(agent: str) -> bool:
    """Whether the agent is on either list."""
    device = ua_parser.parse_device(agent)
    return (device is not None and device.family == "Spider") or _crawlers().extract(agent) is not None


@cache
def _crawlers() -> ua_parser_rs.UserAgentExtractor:
    """The crawler list in ua-parser's engine, a hundred times faster than one pattern after the other."""
    patterns = [str(crawler["pattern"]) for crawler in CRAWLER_USER_AGENTS_DATA]
    return ua_parser_rs.UserAgentExtractor(
        (f"({_NARROWED.get(pattern, pattern)})", None, None, None, None, None) for pattern in patterns
    )


def _device_class(agent: str) -> str:
    if not (system := ua_parser.parse_os(agent)) or _TV.search(agent):
        return "other"
    name = f"{system.family} {system.major}"  # Windows CE is Windows, by its version CE
    if _MOBILE.match(name):
        is_page = system.family == "Android" and agent.startswith("Mozilla/") and "Mobile" not in agent
        return "tablet" if is_page or _TABLET.search(agent) else "mobile"
    return "desktop" if _DESKTOP.match(name) else "other"
