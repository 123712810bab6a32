"""Which table rests on which: read from dbt's artifacts, for the models that its last call built."""

import json
from datetime import datetime
from pathlib import Path
from typing import Any

from warehouse.lineage import Dataset, Flow, Part

# what dbt reads through a view of the same name lies elsewhere: there it is named
_FOLDERS = ("raw", "scores", "durable", "ledger")


def built(target: Path, since: datetime) -> list[Part]:
    """The models and seeds that dbt built or failed to build since then (UTC, aware), each with what it rests on."""
    results = _read(target / "run_results.json")
    if not results or datetime.fromisoformat(results["metadata"]["generated_at"]) < since:
        return []
    manifest = _read(target / "manifest.json")
    nodes = manifest["nodes"] | manifest["sources"]
    ran = [result for result in results["results"] if result["unique_id"].startswith(("model.", "seed."))]
    return [_part(nodes, result) for result in ran if result["timing"]]


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


def _read(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
    return found
