"""What each column of a table is: class, purpose and days, as the dbt project says; a table's hold for its columns."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from warehouse import durable
from warehouse.publish import SCHEMAS

CLASSES = ("none", "indirect", "direct")
_KEYS = ("pii", "purpose", "retention_days")
_PUBLISHED_SOURCES, _PUBLISHED_SEEDS = ("scores", "published"), ("activations", "destinations")


@dataclass(frozen=True)
class Tag:
    """Class, purpose and days of a column."""

    pii: str
    purpose: str
    retention_days: int


@dataclass(frozen=True)
class Table:
    """A table that is published: what one row is, the tag that its columns have, and those of columns that differ."""

    name: str
    description: str
    tag: Tag | None
    columns: Mapping[str, Tag | None]

    def of(self, column: str) -> Tag | None:
        """The tag of a column, described or not; None where anything of it is missing."""
        return self.columns.get(column, self.tag)


def published(project: Mapping[str, Any]) -> dict[str, Table]:
    """The tables of a published version by `schema.name`, from dbt's manifest."""
    found = {
        f"{node['schema']}.{node['name']}": node
        for node in project["nodes"].values()
        if node["resource_type"] == "model" and node["schema"] in SCHEMAS
    }
    found |= {
        f"{node['schema']}.{node['name']}": node
        for node in project["sources"].values()
        if node["source_name"] in _PUBLISHED_SOURCES
    }
    found |= {
        f"profiles.{node['name']}": node
        for node in project["nodes"].values()
        if node["resource_type"] == "seed" and node["name"] in _PUBLISHED_SEEDS
    }
    return {name: _table(name, node) for name, node in sorted(found.items())}


def _table(name: str, node: Mapping[str, Any]) -> Table:
    meta = _meta(node)
    columns = {column: _tag(meta | _meta(described)) for column, described in node["columns"].items()}
    return Table(name, " ".join(node["description"].split()), _tag(meta), columns)


def _meta(node: Mapping[str, Any]) -> dict[str, Any]:
    return dict(node.get("meta") or {}) | dict(node.get("config", {}).get("meta") or {})


def _tag(meta: Mapping[str, Any]) -> Tag | None:
    if any(meta.get(key) is None for key in _KEYS):
        return None
    return Tag(*(meta[key] for key in _KEYS))


def problems(tables: Mapping[str, Table]) -> Iterator[str]:
    """One line per column that is untagged or wrongly tagged, or that no published table may have."""
    for name, table in tables.items():
        for column in ("*", *table.columns):
            tag = table.tag if column == "*" else table.of(column)
            if problem := _problem(tag):
                yield f"{name}.{column}: {problem} · config.meta of the table or the column"


def kept_otherwise(tables: Mapping[str, Table]) -> Iterator[str]:
    """One line per column of decisions that states other days than those after which they are left out."""
    for name, table in tables.items():
        if not (kept := durable.KEPT.get(name.split(".")[1])):
            continue
        for column in ("*", *table.columns):
            tag = table.tag if column == "*" else table.of(column)
            if tag and tag.retention_days != kept.days:
                told = f"retention_days {tag.retention_days} · allowed: {kept.days}, after which it goes"
                yield f"{name}.{column}: {told} (warehouse/durable.py)"


def _problem(tag: Tag | None) -> str | None:
    if tag is None:
        return f"not tagged · allowed: {', '.join(_KEYS)}"
    if tag.pii not in CLASSES:
        return f"class {tag.pii!r} · allowed: {', '.join(CLASSES)}"
    if tag.pii == "direct":
        return "a direct identifier in a published table · allowed: none, indirect"
    if not isinstance(tag.retention_days, int) or tag.retention_days <= 0:
        return "retention_days · allowed: a number of days above 0"
    return None
