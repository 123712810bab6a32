"""Real runs and the pages that they wrote."""

import json
import re
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from tests.pipeline.home import KEY, NAMESPACE, Home
from tests.pipeline.shop import two_deliveries
from warehouse.settings import Settings

FLOOR = 20
NAME = "floor.person+canary@example.org"
BAD_ORDERS = "orders_2026-08-31.csv"


@dataclass(frozen=True)
class Pages:
    """The home, and the run ids of a first, a second and a failed run."""

    home: Home
    data: Path
    first: str
    second: str
    failed: str
    failed_code: int

    @property
    def settings(self) -> Settings:
        keys = {"hmac_key": SecretStr(KEY), "namespace": SecretStr(NAMESPACE)}
        return Settings(home=self.home.path, segment_floor=FLOOR, **keys)

    def path(self, run_id: str) -> Path:
        return self.home.path / "reports" / run_id / "index.html"


def write_pages(folder: Path) -> Pages:
    """A night, then an hour with three bad rows, then a run that fails: in a currency that the orders are not in."""
    home = Home(folder / "home", {"SMALTI_SEGMENT_FLOOR": str(FLOOR)})
    two_deliveries(home, folder)
    data = folder / "second-run"
    orders = data / "shop" / BAD_ORDERS
    lines = orders.read_text().splitlines(keepends=True)
    columns = lines[0].rstrip("\n").split(",")
    broken = [re.sub(r"^[^,]*", f"bad-{number}", line) for number, line in enumerate(lines[1:4])]
    place = columns.index("ordered_at")
    bad = [",".join(NAME if i == place else cell for i, cell in enumerate(line.split(","))) for line in broken]
    orders.write_text("".join([*lines, *bad]))
    first, second = home.nightly(folder / "first-run"), home.run("hourly", data)
    abroad = Home(home.path, {**home.more, "SMALTI_CURRENCY": "USD"})
    ended = abroad.smalti("run", "nightly", "--data", data)
    failed = home.ledger("select run_id from runs order by started_at desc limit 1")[0][0]
    return Pages(home, data, first["run_id"], second["run_id"], failed, ended.returncode)


class Read(HTMLParser):
    """What a page says: its text, the figures of each table by the part's name, the charts' JSON."""

    def __init__(self, text: str) -> None:
        """Read the page."""
        super().__init__()
        self.tables: dict[str, list[list[str]]] = {}
        self.charts: dict[str, dict[str, Any]] = {}
        self.text: list[str] = []
        self.scripts = 0
        self._part = self._script = ""
        self._within: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        if tag == "article":
            self._part = str(found["aria-labelledby"])[2:]
        if tag == "table":
            self.tables[self._part] = []
        if tag == "tr":
            self.tables[self._part].append([])
        if tag in ("th", "td"):
            self.tables[self._part][-1].append("")
        if tag == "script":
            self.scripts += 1
            self._script = str(found.get("data-chart", "-"))
        self._within.append(tag)

    def handle_endtag(self, tag: str) -> None:
        while self._within and self._within.pop() != tag:
            pass
        self._script = "" if tag == "script" else self._script

    def handle_data(self, data: str) -> None:
        if self._script.startswith("c-"):
            self.charts[self._script[2:]] = json.loads(data)
        elif not self._script and "style" not in self._within:
            self.text.append(data)
            if "tbody" in self._within and self._within[-1] in ("th", "td"):
                self.tables[self._part][-1][-1] += data

    def rows(self, part: str) -> list[list[str]]:
        """The rows of a part's table, without its head."""
        return self.tables[part][1:]
