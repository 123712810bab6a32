"""A simulated shop in a home of its own, beside what the oracle says of the same files."""

import hashlib
import hmac
import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.pipeline.home import KEY, Home, Rows
from tests.pipeline.oracle import Answer
from tests.pipeline.oracle_files import Id, csv_rows, identifier
from tests.pipeline.state import State

FLOOR = 100
LAST_OF_THE_FIRST = "2026-08-26"
_PUBLISHED_AS = {
    "user": "user_id",
    "email": "email",
    "loyalty": "loyalty_number",
    "phone": "phone",
    "device": "device_id",
    "browser": "anonymous_id",
}


@dataclass(frozen=True)
class Shop:
    """A simulated shop after its first nightly run, and what the oracle says of the same files."""

    home: Home
    data: Path
    summary: dict[str, Any]
    state: State
    answer: Answer
    columns: dict[str, set[str]]
    runs: Rows

    def query(self, sql: str) -> Rows:
        """Rows of the version that the first run published."""
        return self.home.query(sql, self.state.version)

    def people(self) -> dict[str, int]:
        """Published customer → the oracle's person, by every identifier that both know."""
        place = {
            (_PUBLISHED_AS[kind], pseudonym((kind, value))): number
            for number, person in enumerate(self.answer.people)
            for kind, value in person.identifiers
        }
        rows = self.query("select identifier_type, identifier_hash, customer_id from profiles.identifiers")
        assert {row[:2] for row in rows} == set(place), "an identifier is known to one side only"
        pairs = {(customer, place[kind, value]) for kind, value, customer in rows}
        found = dict(pairs)
        assert len(pairs) == len(found) == len(self.answer.people), "people were joined or split differently"
        return found


def pseudonym(identifier: Id) -> str:
    """The published hash of an identifier, by the standard library's HMAC."""
    kind, value = identifier
    message = f"user_id:crm:{value}" if kind == "user" else f"{_PUBLISHED_AS[kind]}:{value}"
    return hmac.new(bytes.fromhex(KEY), message.encode(), hashlib.sha256).hexdigest()


def simulate(home: Home, data: Path, customers: int, days: int, end: str = "2026-08-31") -> None:
    """Write the exports of a shop."""
    size = ("--customers", str(customers), "--days", str(days), "--seed", "7", "--end", end)
    ended = home.smalti("simulate", *size, "--out", data)
    assert ended.returncode == 0, ended.stderr


def two_deliveries(home: Home, folder: Path, customers: int = 800, days: int = 30) -> None:
    """Write `second-run`, the exports of a shop, and `first-run`, what there was of them some days before."""
    second, first = folder / "second-run", folder / "first-run"
    simulate(home, second, customers, days)
    for path in sorted(second.rglob("*_*.*")):
        aside = first / path.parent.name
        aside.mkdir(parents=True, exist_ok=True)
        if path.parent.name == "crm" or path.name.startswith("products"):
            # the last column says when a row was written
            header, *rows = path.read_text().splitlines(keepends=True)
            known = [row for row in rows if row.rsplit(",", 1)[1][:10] <= LAST_OF_THE_FIRST]
            (aside / path.name.replace("2026-08-31", LAST_OF_THE_FIRST)).write_text("".join([header, *known]))
        elif path.name.split("_")[-1][:10] <= LAST_OF_THE_FIRST:
            shutil.copy(path, aside / path.name)


def canaries(shop: Shop) -> list[str]:
    """Twenty-odd each of e-mails of contacts, phones as written and as digits, and e-mails of orders."""
    rows = [row for row in csv_rows(shop.data, "contacts_*.csv") if str(row["contact_id"]).startswith("C")]
    orders = list(csv_rows(shop.data, "orders_*.csv"))
    step, found = len(rows) // 20, set()
    for row in [*rows[::step], *orders[:: len(orders) // 20]]:
        if email := identifier("email", row["email"]):
            found.add(email[1])
    for row in rows[1::step]:
        digits = re.sub(r"\D", "", row["phone"] or "")[-9:]
        if len(digits) == 9:
            found |= {str(row["phone"]).strip(), digits}
    return sorted(found)
