"""Which table rests on which: read from dbt's artifacts, for the models that its last call built, and from all."""

from datetime import datetime
from pathlib import Path
from typing import Any

from warehouse.dbt import artifact
from warehouse.lineage import Dataset, Flow, Part

# what dbt reads through a view of the same name lies elsewhere: there it is named
_FOLDERS = ("raw", "past", "scores", "durable", "ledger")
# read by dbt, written by Python from what these models handed over
_HANDED_OVER = {
    "propensity": ("customer_features",),
    "clusters": ("customer_features",),
    "affinities": ("category_features",),
    "recommendations": ("shoppers", "catalogue", "interactions", "co_occurrences"),
}


def built(target: Path, since: datetime) -> list[Part]:
    """The models and seeds that dbt built or failed to build since then (UTC, aware), each with what it rests on."""
    results = artifact(target / "run_results.json")
    if not results or datetime.fromisoformat(results["metadata"]["generated_at"]) < since:
        return []
    manifest = artifact(target / "manifest.json")
    nodes = manifest.get("nodes", {}) | manifest.get("sources", {})
    ran = [result for result in results["results"] if result["unique_id"].startswith(("model.", "seed."))]
    return [_part(nodes, result) for result in ran if result["timing"]]


def sources_of_segments(target: Path) -> dict[str, set[str]]:
    """The sources that each segment rests on, by its members or by their consents; empty where dbt left no manifest.

    Scores rest on what the features rest on. By tables: a segment rests on all that any column of `customers` does.
    """
    manifest = artifact(target / "manifest.json")
    nodes = manifest.get("nodes", {}) | manifest.get("sources", {})
    models = {node["name"]: key for key, node in nodes.items() if key.startswith("model.")}
    segments = [name for name, key in models.items() if nodes[key]["fqn"][1:2] == ["segments"]]
    return {name: _sources(nodes, models, [models[name], models["customer_consents"]]) for name in segments}


def _sources(nodes: dict[str, Any], models: dict[str, str], todo: list[str]) -> set[str]:
    seen = set[str]()
    while todo:
        key = todo.pop()
        if key in seen:
            continue
        seen.add(key)
        node = nodes[key]
        todo += node.get("depends_on", {}).get("nodes", [])
        if key.startswith("source.") and node["schema"] == "scores":
            todo += (models[name] for name in _HANDED_OVER[node["name"]])
    raw = (nodes[key] for key in seen if key.startswith("source."))
    return {node["name"] for node in raw if node["schema"] in ("raw", "arrivals")}


def table(schema: str, name: str) -> str:
    """The name of the dataset behind a table of the working file."""
    schema = "raw" if schema == "arrivals" else schema  # the part of raw that is new to a run
    return f"{schema}/{name}" if schema in _FOLDERS else f"warehouse/{schema}.{name}"


def _part(nodes: dict[str, Any], result: dict[str, Any]) -> Part:
    node = nodes[result["unique_id"]]
    parents = sorted({_name(nodes[parent]) for parent in node["depends_on"].get("nodes", [])})
    flow = Flow(tuple(map(Dataset, parents)), (Dataset(_name(node)),))
    times = [step[moment] for step in result["timing"] for moment in ("started_at", "completed_at")]
    return Part("MODEL", _name(node), flow, min(times), max(times), failed=result["status"] != "success")


def _name(node: dict[str, Any]) -> str:
    return table(node["schema"], node.get("identifier") or node["alias"])
