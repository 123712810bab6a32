"""Whether the last links still hold: of the same records, by the same code, they would be the same again.

Comparing costs seconds of a processor each night, and most nights of a small shop bring no new record.
"""

import hashlib
import hmac
import json
from importlib.metadata import version
from pathlib import Path

import duckdb

from warehouse.settings import Settings

LIBRARIES = ("splink", "nicknames", "duckdb")


def fingerprint(connection: duckdb.DuckDBPyConnection, settings: Settings) -> str:
    """Name `records` and `known`, and what judges them, under the key of the pseudonyms: clear values decide on it."""
    digest = hmac.new(settings.hmac_key.get_secret_value().encode(), digestmod=hashlib.sha256)
    for path in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(path.read_bytes())
    digest.update(" ".join(version(name) for name in LIBRARIES).encode())
    for table in ("records", "known"):
        rows = f"select md5(cast({table} as varchar)) as row_md5 from {table}"
        found = connection.execute(f"select md5(string_agg(row_md5, '' order by row_md5)) from ({rows})").fetchall()
        digest.update(str(found[0][0]).encode())
    return digest.hexdigest()[:32]


def before(settings: Settings, made_of: str | None) -> Path | None:
    """The newest folder of links, where it came of the same."""
    cards = sorted(settings.links.glob("[!.]*/card.json"), key=lambda path: path.stat().st_mtime)
    if made_of and cards and json.loads(cards[-1].read_text()).get("fingerprint") == made_of:
        return cards[-1].parent
    return None
