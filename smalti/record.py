"""The record of processing (GDPR, article 30), out of contracts, dbt's manifest and the activations: nothing anew."""

import csv
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from functools import cache
from typing import Any

from ingestion import source
from warehouse import dbt, tags
from warehouse.contracts import Column, Contract

_ACTIVATIONS = dbt.PROJECT / "seeds" / "activations.csv"
_SAFEGUARDS = {
    "direct": "replaced by HMAC-SHA256 under a secret key at loading; clear value in the vault only, mode 0600",
    "indirect": "under a pseudonymous id, on this machine, readable by whoever may read the home",
    "none": "of nobody",
}


@dataclass(frozen=True)
class Entry:
    """One processing of data: a source, or a published table.

    `columns` are names by class, `safeguards` follow from the classes, `recipients` are destinations with purpose.
    `kept_with` are the sources of people that a table is made of, with their days: its rows go as theirs do.
    """

    kind: str
    name: str
    description: str
    people: str
    columns: dict[str, list[str]]
    purposes: list[str]
    lawful_basis: str
    retention_days: list[int]
    kept_with: dict[str, int]
    recipients: list[str]
    safeguards: list[str]


def entries() -> list[Entry]:
    """All of them: sources first, then tables."""
    sources = [_of_source(source.load_source(name).contract) for name in source.names()]
    sent, project = _recipients(), dbt.project()
    made_of = _personal_sources(project)
    return sources + [_of_table(table, sent, made_of.get(name, {})) for name, table in tags.published(project).items()]


def _personal_sources(project: Mapping[str, Any]) -> dict[str, dict[str, int]]:
    """By `schema.name` of a model the sources of people that it is made of, over others or not, with their days."""
    nodes = project["nodes"] | project["sources"]
    contracts = {name: source.load_source(name).contract for name in source.names()}
    days = {
        node: contracts[found["name"]].retention_days
        for node, found in project["sources"].items()
        if found["source_name"] in ("raw", "arrivals") and any(map(_is_personal, contracts[found["name"]].columns))
    }

    @cache
    def above(node: str) -> frozenset[str]:
        parents = nodes[node].get("depends_on", {}).get("nodes", [])
        return frozenset({node}.union(*(above(parent) for parent in parents)))

    return {
        f"{nodes[node]['schema']}.{nodes[node]['name']}": {
            nodes[one]["name"]: days[one] for one in sorted(above(node) & days.keys())
        }
        for node in project["nodes"]
        if nodes[node]["resource_type"] == "model"
    }


def _recipients() -> dict[str, list[str]]:
    """Destinations by purpose, as activations name them."""
    with _ACTIVATIONS.open(newline="") as file:
        rows = list(csv.DictReader(file))
    named: dict[str, set[str]] = {}
    for row in rows:
        named.setdefault(row["purpose"], set()).add(f"{row['destination']} ({row['purpose']}, by {row['channel']})")
    return {purpose: sorted(found) for purpose, found in sorted(named.items())}


def _of_source(contract: Contract) -> Entry:
    columns = _by_class((column.in_file, column.pii) for column in contract.columns)
    return Entry(
        kind="source",
        name=contract.source,
        description=contract.description,
        people=_people(columns),
        columns=columns,
        purposes=sorted({column.purpose or contract.purpose for column in contract.columns}),
        lawful_basis=_basis(contract),
        retention_days=[contract.retention_days],
        kept_with={},
        recipients=[],
        safeguards=[_SAFEGUARDS[name] for name in columns],
    )


def _basis(contract: Contract) -> str:
    if contract.lawful_basis:
        purposes, channels = ", ".join(contract.lawful_basis.purposes), ", ".join(contract.lawful_basis.channels)
        return f"declared for {purposes} by {channels}; a refusal wins over it"
    if not any(_is_personal(column) for column in contract.columns):
        return "none needed"
    return "consent, by purpose and channel, for whatever is sent"


def _is_personal(column: Column) -> bool:
    return column.pii != "none"


def _of_table(table: tags.Table, sent: Mapping[str, list[str]], kept_with: dict[str, int]) -> Entry:
    found = [tag for tag in (table.tag, *table.columns.values()) if tag]
    others = [("other columns", table.tag.pii)] if table.tag else []
    columns = _by_class([*((name, tag.pii) for name, tag in table.columns.items() if tag), *others])
    is_sent = table.name.startswith("activation.") and "indirect" in columns
    return Entry(
        kind="table",
        name=table.name,
        description=table.description,
        people=_people(columns),
        columns=columns,
        purposes=sorted({tag.purpose for tag in found}),
        lawful_basis="that of its sources" if "indirect" in columns else "none needed",
        retention_days=sorted({tag.retention_days for tag in found}),
        kept_with=kept_with,
        recipients=sorted(one for some in sent.values() for one in some) if is_sent else [],
        safeguards=[_SAFEGUARDS[name] for name in columns],
    )


def _by_class(columns: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    pairs = list(columns)
    found = {name: [column for column, pii in pairs if pii == name] for name in reversed(tags.CLASSES)}
    return {name: some for name, some in found.items() if some}


def _people(columns: Mapping[str, Any]) -> str:
    if "direct" in columns:
        return "customers, by name or address"
    return "customers and visitors, by a pseudonym" if "indirect" in columns else "nobody"


def plain(found: Iterable[Entry]) -> list[dict[str, Any]]:
    """As plain values."""
    return [asdict(one) for one in found]


def markdown(found: Iterable[Entry]) -> str:
    """As a page for people."""
    return "\n".join(["# Record of processing", "", *(line for one in found for line in _section(one))])


def _told(days: Mapping[str, int]) -> str:
    """Sources by their days: the same ones together."""
    return "; ".join(
        f"{', '.join(name for name, found in days.items() if found == one)} ({one:,} days)"
        for one in sorted(set(days.values()))
    )


def _section(one: Entry) -> list[str]:
    days = ", ".join(f"{days:,}" for days in one.retention_days)
    facts = {
        "People": one.people,
        **{f"Columns, {name}": ", ".join(columns) for name, columns in one.columns.items()},
        "Purposes": ", ".join(one.purposes),
        "Lawful basis": one.lawful_basis,
        "Kept, days": days,
        **({"Goes with the rows of": _told(one.kept_with)} if one.kept_with else {}),
        "Recipients": "; ".join(one.recipients) or "none",
        "Safeguards": "; ".join(one.safeguards),
    }
    return [f"## {one.kind} {one.name}", "", one.description, "", *(f"- {k}: {v}" for k, v in facts.items()), ""]
