"""Who is who, in plain Python and step by step: what the identity models decide must be the same.

Written from docs/identity.md alone: dicts and loops, no SQL, and nothing of the pipeline is imported.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

Id = tuple[str, str]
KINDS = ("user", "email", "loyalty", "phone", "device", "browser")  # best first
_MOST_MET = {"email": 5, "loyalty": 1, "phone": 1, "device": 1, "browser": 1}
_MOST_HELD = {"user": 10, "email": 20}
_MOST_STEPS = 64


@dataclass(frozen=True)
class Account:
    """What an account says of its holder, None where it does not."""

    system: str
    first_name: str | None
    birth_date: str | None


@dataclass(frozen=True)
class Record:
    """Identifiers that stood together, and when."""

    at: datetime
    identifiers: tuple[Id, ...]


@dataclass(frozen=True)
class Link:
    """Two identifiers of one record, `better` the best of it, and when they first stood together."""

    better: Id
    other: Id
    at: datetime


@dataclass
class Graph:
    """All that identity is decided on; `rank` breaks ties between identifiers."""

    records: list[Record]
    accounts: dict[Id, Account]
    separations: list[tuple[Id, Id]]
    rank: Callable[[Id], str] = lambda one: one[1]
    windows: dict[str, timedelta] | None = None

    def people(self) -> list[set[Id]]:
        """The identifiers of each person."""
        first, more = self._links()
        found: list[set[Id]] = []
        for component in _connected(self._everybody(), [*first, *more]):
            if self._is_right(component):
                found.append(component)
            else:
                within = [link for link in first if link.other in component]
                found += self._settled(component, within, [link for link in more if link.other in component])
        return [group for group in found if any(kind != "phone" for kind, _ in group)]

    def _everybody(self) -> set[Id]:
        return {one for record in self.records for one in record.identifiers}

    def _met(self) -> dict[Id, list[Link]]:
        """The links of each identifier to better ones."""
        first: dict[tuple[Id, Id], datetime] = {}
        for record in self.records:
            better, *others = sorted(record.identifiers, key=lambda one: KINDS.index(one[0])) or [None]
            for other in others:
                pair = (better, other)
                first[pair] = min(first.get(pair, record.at), record.at)
        found: dict[Id, list[Link]] = defaultdict(list)
        for (better, other), at in first.items():
            found[other].append(Link(better, other, at))
        return found

    def _links(self) -> tuple[list[Link], list[Link]]:
        """The links that may join: of each identifier the first, and the others."""
        first, more = [], []
        for other, links in self._met().items():
            if self._is_shared(other, links):
                continue
            links.sort(key=lambda link: (KINDS.index(link.better[0]), link.at, self.rank(link.better)))
            first.append(links[0])
            if not self._is_contradicted(links):
                more += links[1:]
        return first, more

    def _is_shared(self, other: Id, links: list[Link]) -> bool:
        window = (self.windows or {}).get(other[0], timedelta(days=100_000))
        return any(
            sum(link.better[0] == last.better[0] and last.at - window <= link.at <= last.at for link in links)
            > _MOST_MET[other[0]]
            for last in links
        )

    def _is_contradicted(self, links: list[Link]) -> bool:
        known = [self.accounts[link.better] for link in links if link.better in self.accounts]
        names = {(one.system, one.first_name) for one in known if one.first_name}
        births = {one.birth_date for one in known if one.birth_date}
        return len(births) > 1 or any(n > 1 for n in Counter(system for system, _ in names).values())

    def _settled(self, component: set[Id], first: list[Link], more: list[Link]) -> list[set[Id]]:
        """The people of a component that cannot be one."""
        since = {one: min(r.at for r in self.records if one in r.identifiers) for one in component}
        order = sorted({link.other for link in more}, key=lambda one: (KINDS.index(one[0]), since[one], self.rank(one)))
        settled = {one: group for group in _connected(component, first) for one in group}
        for step in range(1, min(len(order), _MOST_STEPS) + 1):
            added = set(order if step == _MOST_STEPS else order[:step])
            for group in _connected(component, [*first, *(link for link in more if link.other in added)]):
                if self._is_right(group):
                    settled.update(dict.fromkeys(group, group))
        return list({id(group): group for group in settled.values()}.values())

    def _is_right(self, group: set[Id]) -> bool:
        held = Counter(kind for kind, _ in group)
        is_small = all(held[kind] <= most for kind, most in _MOST_HELD.items())
        return is_small and not any(one in group and other in group for one, other in self.separations)


def _connected(identifiers: Iterable[Id], links: Iterable[Link]) -> list[set[Id]]:
    groups = {one: {one} for one in identifiers}
    for link in links:
        one, other = sorted((groups[link.better], groups[link.other]), key=len)
        if one is not other:
            other |= one
            groups.update(dict.fromkeys(one, other))
    return list({id(group): group for group in groups.values()}.values())
