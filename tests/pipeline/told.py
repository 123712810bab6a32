"""What a run tells of itself: metrics as a StatsD server gets them, and lineage as a graph."""

import json
import socket
import threading
from collections import defaultdict
from pathlib import Path
from typing import Any


class Listener:
    """A StatsD server on this machine that keeps the names and values it gets."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._socket.getsockname()[1]}"
        self.values: dict[str, list[str]] = defaultdict(list)
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        while packet := self._socket.recv(65536):
            for line in packet.decode().splitlines():
                name, _, value = line.partition(":")
                self.values[name].append(value)


def events(home: Path, run_id: str) -> list[dict[str, Any]]:
    """The lineage events of a run: of its stages, and of their parts."""
    found = [json.loads(line) for line in (home / "logs" / "lineage.jsonl").read_text().splitlines()]
    tagged = [event for event in found if event["run"]["facets"].get("tags")]
    stages = {event["run"]["runId"] for event in tagged if _tag(event) == run_id}
    return [event for event in found if {event["run"]["runId"], _parent(event)} & stages]


def rests_on(found: list[dict[str, Any]], dataset: str) -> set[str]:
    """All that the dataset was made of, directly or not."""
    made_of: dict[str, set[str]] = defaultdict(set)
    for event in found:
        for output in event["outputs"]:
            made_of[output["name"]] |= {one["name"] for one in event["inputs"]}
    seen: set[str] = set()
    to_do = [dataset]
    while to_do:
        fresh = made_of[to_do.pop()] - seen
        seen |= fresh
        to_do += fresh
    return seen


def _tag(event: dict[str, Any]) -> str:
    return str(event["run"]["facets"]["tags"]["tags"][0]["value"])


def _parent(event: dict[str, Any]) -> str:
    return str(event["run"]["facets"]["parent"]["run"]["runId"])
