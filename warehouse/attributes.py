"""Which attributes of a person may be told to a destination, and for which purposes, as their columns' tags say."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

Line = tuple[int, Mapping[str, str]]
_CUSTOMERS, _SOURCES = "models/profiles/customers.yml", "models/_sources.yml"
_CONTENT = "content_"  # and the channel: what `activation.content` chose
_PARTS = ("", "_strategy", "_block", "_offer", "_message")
# table and column of scores, and what it is told as
_OF_SCORES = (
    ("propensity", "tier", "purchase_tier"),
    ("recommendations", "product_id", "recommended_products"),
    ("affinities", "category", "next_category"),
)
_SEED = "destination_attributes.csv"


def tellable(project: Path) -> dict[str, tuple[str, ...]]:
    """Purposes by attribute: columns of `customers` and of scores whose tag has `told_for`.

    A direct identifier is none, whatever its tag says.
    """
    [customers] = _read(project / _CUSTOMERS)["models"]
    scores = next(one for one in _read(project / _SOURCES)["sources"] if one["name"] == "scores")
    tables = {one["name"]: one for one in scores["tables"]}
    found = dict(_told(customers))
    for table, column, attribute in _OF_SCORES:
        uses = dict(_told(tables[table]))
        found |= {attribute: uses[column]} if column in uses else {}
    return dict(sorted(found.items()))


def problems(lines: Sequence[Line], destinations: Sequence[Line], project: Path) -> Iterator[str]:
    """One line for each thing wrong with the seed: file and line, what, what is allowed."""
    if not lines:
        return
    known, declared = tellable(project) | _content(destinations), _declared(destinations)
    stands: dict[tuple[str, str], str] = {}
    for at, row in lines:
        attribute, purpose, destination = row["attribute"], row["purpose"], row["destination"]
        first = stands.setdefault((destination, row["name"]), attribute)
        if attribute not in known:
            yield f"{_SEED}:{at}: {attribute!r} may not be told; allowed: {', '.join(known)}"
        elif purpose not in known[attribute]:
            yield f"{_SEED}:{at}: {attribute} is not told for {purpose}; allowed: {', '.join(known[attribute])}"
        elif purpose not in declared.get(destination, set()):
            allowed = ", ".join(sorted(declared.get(destination, set()))) or "nothing"
            yield f"{_SEED}:{at}: {destination!r} is not for {purpose}; destinations.csv allows: {allowed}"
        elif first != attribute:
            yield f"{_SEED}:{at}: {row['name']} is {first} above; allowed: one attribute a name and destination"


def _content(destinations: Sequence[Line]) -> dict[str, tuple[str, ...]]:
    """What is chosen for a person on each channel, for the purposes that it is used for."""
    found: dict[str, set[str]] = {}
    for _, row in destinations:
        found.setdefault(_CONTENT + row["channel"], set()).add(row["purpose"])
    return {name + part: tuple(sorted(uses)) for name, uses in sorted(found.items()) for part in _PARTS}


def _declared(destinations: Sequence[Line]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for _, row in destinations:
        found.setdefault(row["destination"], set()).add(row["purpose"])
    return found


def _told(table: Mapping[str, Any]) -> Iterator[tuple[str, tuple[str, ...]]]:
    held = table.get("config", {}).get("meta", {})
    for column in table["columns"]:
        meta = held | column.get("config", {}).get("meta", {})
        if meta.get("told_for") and meta.get("pii") != "direct":
            yield column["name"], tuple(meta["told_for"])


def _read(path: Path) -> Any:
    return yaml.safe_load(path.read_text())
