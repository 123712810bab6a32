"""The histories as files that a shop would export, by source, run and time of arrival; some come again, corrected."""

import csv
import io
import json
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import polars as pl

from ingestion.source import Source, load_source
from tests.incremental.histories import CORRECTED_IN, CORRECTIONS, DAY, HOUR, Row

_PREFIX = {
    "web_events": "events",
    "shop_orders": "orders",
    "shop_order_lines": "order_lines",
    "shop_order_discounts": "order_discounts",
    "shop_products": "products",
    "crm_contacts": "contacts",
    "crm_consents": "consents",
    "email_engagement": "email_engagement",
    "loyalty_members": "loyalty_members",
    "support_tickets": "tickets",
}
_AGENTS = {
    "bot": "Googlebot/2.1 (+http://www.google.com/bot.html)",
    "desktop": "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/120.0.0.0 Safari/537.36",
    "mobile": "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) AppleWebKit/605.1.15 Mobile/15E148",
    "tablet": "Mozilla/5.0 (iPad; CPU OS 17_0 like Mac OS X) AppleWebKit/605.1.15 Mobile/15E148",
}
_BORN = {"born": "1980-01-01", "born later": "1990-12-31"}


@dataclass
class Delivery:
    """What stands in the folder before each run: name → rows of the file, by source."""

    random: Random
    folders: dict[int, dict[tuple[str, str], list[Row]]] = field(default_factory=lambda: defaultdict(dict))

    def write(self, folder: Path, batches: Iterable[int]) -> None:
        """The files of these runs, those of a later one in the place of their namesakes."""
        for batch in batches:
            for (name, file), rows in self.folders[batch].items():
                (folder / name).mkdir(parents=True, exist_ok=True)
                (folder / name / file).write_text(_text(load_source(name), rows))

    def keys(self, batches: Iterable[int]) -> dict[str, set[tuple[Any, ...]]]:
        """The keys that are there after these runs, of the last of each file."""
        last = {at: rows for batch in batches for at, rows in self.folders[batch].items()}
        found: dict[str, set[tuple[Any, ...]]] = defaultdict(set)
        for (name, _), rows in last.items():
            key = load_source(name).contract.key
            found[name] |= {tuple(row[part] for part in key) for row in rows}
        return dict(found)


def delivered(exports: dict[str, pl.DataFrame], seed: int) -> Delivery:
    """Each row in a file of the hour or day when it became known; then repeats, and files that come again."""
    made = Delivery(Random(seed))
    for name, frame in exports.items():
        _lay(made, name, frame.to_dicts())
        if name in CORRECTIONS:
            _correct(made, name)
        _repeat(made, name)
    return made


def _lay(made: Delivery, name: str, rows: list[Row]) -> None:
    """Files of one name but of two runs would be corrections: the later one is known an hour or a day later."""
    unit, used = (HOUR if name == "web_events" else DAY), dict[str, int]()
    for row in sorted(rows, key=lambda row: (row["_batch"], row["_arrived_at"])):
        at = row["_arrived_at"]
        while used.setdefault(_file(name, at), row["_batch"]) != row["_batch"]:
            at += unit
        made.folders[row["_batch"]].setdefault((name, _file(name, at)), []).append(row)


def _file(name: str, at: datetime) -> str:
    stamp = f"{at - timedelta(microseconds=1):{'%Y-%m-%dT%H' if name == 'web_events' else '%Y-%m-%d'}}"
    return f"{_PREFIX[name]}_{stamp}.{load_source(name).contract.format}"


def _repeat(made: Delivery, name: str) -> None:
    """Now and then a file brings a row again that an earlier one had that nobody corrected."""
    seen: list[Row] = []
    files = [at for folder in made.folders.values() for at in folder]
    for batch in sorted(made.folders):
        for at, rows in made.folders[batch].items():
            if at[0] == name and files.count(at) == 1:
                fresh = list(rows)
                rows += [row for row in seen if made.random.random() < 0.02]
                seen += fresh


def _correct(made: Delivery, name: str) -> None:
    """Files of earlier runs come again, with rows that say something else, and without some."""
    earlier = {at: rows for batch in range(1, CORRECTED_IN) for at, rows in made.folders[batch].items()}
    for at, rows in earlier.items():
        if at[0] == name and made.random.random() < 0.2:
            kept = [row for row in rows if made.random.random() < 0.9] or rows[:1]
            again = [row | (CORRECTIONS[name] if made.random.random() < 0.5 else {}) for row in kept]
            made.folders[CORRECTED_IN][at] = again


def _text(source: Source, rows: list[Row]) -> str:
    columns = [column.name for column in source.contract.columns]
    lines = [{name: _value(name, row) for name in columns} for row in rows]
    if source.contract.format == "jsonl":
        return "".join(json.dumps(line) + "\n" for line in lines)
    text = io.StringIO()
    writer = csv.DictWriter(text, columns)
    writer.writeheader()
    writer.writerows(lines)
    return text.getvalue()


def _value(name: str, row: Row) -> object:
    """As the shop would write it: what stands as a hash in the histories is a name, an address or a number."""
    hashed = row.get(f"{name}_hmac")
    if name == "email" and hashed:
        return f"{hashed}@shop-mail.co.uk"
    if name == "phone" and hashed:
        history, number = hashed[1:].split("-p")
        return f"+4479111{int(history):04d}{number}"
    if name == "birth_date" and hashed:
        return _BORN[hashed]
    if name == "user_agent":
        return _AGENTS.get(row["user_agent_device_class"])
    value = hashed or row.get(name)
    return value.isoformat() if isinstance(value, datetime) else value
