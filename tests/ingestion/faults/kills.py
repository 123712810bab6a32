"""Kill the load of a whole shop at random moments until it is done, again and again, and tell of each home as JSON.

`python -m tests.ingestion.faults.kills FOLDER SEED KILLS`. A moment is drawn uniformly from the time that the load
takes undisturbed; after each kill a reader looks at every source, after the last attempt all that is left is compared.
"""

import hashlib
import json
import os
import random
import signal
import sys
import time
from pathlib import Path
from typing import Any

from ingestion.source import files, load_source
from simulator.shop import simulate
from tests.ingestion.faults.apart import apart, begin, end, rehearse
from tests.ingestion.faults.situations import copy, run_load, seen, state

_CUSTOMERS, _DAYS, _EVENTS = 1_500, 2, 8.0
_SOURCES = ("crm_contacts", "shop_order_discounts", "shop_order_lines", "shop_orders", "web_events")


def fill(folder: Path) -> None:
    """A home with the exports of two days in its drop folder, those of fast and slow ways and of people."""
    simulate(_CUSTOMERS, _DAYS, 7, folder / "shop", events_per_customer=_EVENTS)
    drop = folder / "template" / "drop"
    drop.mkdir(parents=True)
    for path in (path for name in _SOURCES for path in files(load_source(name), folder / "shop")):
        path.rename(drop / path.name)


def digest(found: Any) -> str:
    """The same for the same."""
    return hashlib.sha256(json.dumps(found, default=str, sort_keys=True).encode()).hexdigest()


class Shop:
    """The exports, and what they come to when nothing is killed."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.home, self.told = folder, folder / "home", folder / "told"
        assert apart(lambda: fill(folder), self.told) == 0, self.told.read_text()
        copy(folder / "template", self.home)
        rehearse(self.load, self.told)
        self.seconds = min(self.timed() for _ in range(2))
        self.rows, self.whole = self.look(), self.look(whole=True)

    def timed(self) -> float:
        """The seconds of a load in a fresh home."""
        copy(self.folder / "template", self.home)
        began = time.monotonic()
        self.finish()
        return time.monotonic() - began

    def finish(self) -> None:
        """Load without a kill."""
        assert apart(self.load, self.told) == 0, self.told.read_text()

    def load(self) -> None:
        """All sources, one after the other."""
        for name in _SOURCES:
            run_load(self.home, name)

    def look(self, *, whole: bool = False) -> dict[str, str]:
        """By source, what a reader gets, or all that is left."""
        found = self.folder / "found.json"

        def digests() -> None:
            of = state if whole else seen
            found.write_text(json.dumps({name: digest(of(self.home, name)) for name in _SOURCES}))

        assert apart(digests, self.told) == 0, self.told.read_text()
        return dict(json.loads(found.read_text()))

    def kill(self, after: float) -> bool:
        """Load, and kill it after so many seconds; whether it was still going on."""
        child = begin(self.load, self.told)
        time.sleep(after)
        os.kill(child, signal.SIGKILL)
        code = end(child)
        assert code in (0, -signal.SIGKILL), self.told.read_text()
        return code != 0

    def round(self, chance: random.Random, most: int) -> dict[str, Any]:
        """One home, killed until it is done, or `most` times; the moments, and the sources that came out otherwise."""
        copy(self.folder / "template", self.home)
        nothing, moments, wrong = digest([]), list[float](), list[str]()
        while len(moments) < most and self.kill(after := chance.uniform(0, self.seconds)):
            moments.append(round(after, 3))
            seen_now = self.look().items()
            wrong += [f"{name} seen in part" for name, rows in seen_now if rows not in (self.rows[name], nothing)]
        if len(moments) == most:
            self.finish()
        wrong += [f"{name} differs" for name, found in self.look(whole=True).items() if found != self.whole[name]]
        return {"moments": moments, "wrong": wrong}


def main(folder: Path, seed: int, kills: int) -> None:
    """Print what is loaded, then a line for each home."""
    shop, chance = Shop(folder), random.Random(seed)
    drop = list((folder / "template" / "drop").iterdir())
    size = sum(path.stat().st_size for path in drop)
    print(json.dumps({"files": len(drop), "bytes": size, "sources": _SOURCES, "seconds": shop.seconds}), flush=True)
    while kills > 0:
        found = shop.round(chance, kills)
        kills -= len(found["moments"])
        print(json.dumps(found), flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
