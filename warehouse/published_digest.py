"""The digest of a version from that of the one before, by the people who changed: as they were, and as they are."""

import hashlib

import duckdb

from warehouse import digest
from warehouse.published_tables import Kept
from warehouse.settings import Settings
from warehouse.sql import literal

_TABLES = ("profiles.customers", "profiles.identifiers")
_MOST_CHANGED = 0.5  # beyond that it is cheaper to take everybody


def write(connection: duckdb.DuckDBPyConnection, settings: Settings, kept: Kept) -> str:
    """Keep the sums in the attached `version` and return the digest."""
    definition = hashlib.sha256(digest.query(connection, "working").encode()).hexdigest()
    total = _followed(connection, settings, kept, definition) or digest.sums(connection, "working")
    connection.execute(
        "create table version.ops.digest_sums (definition varchar, people bigint, lower hugeint, upper hugeint)"
    )
    values = [definition, total.people, total.lower, total.upper]
    connection.execute("insert into version.ops.digest_sums values (?, ?, ?, ?)", values)
    return digest.told(total)


def _followed(
    connection: duckdb.DuckDBPyConnection, settings: Settings, kept: Kept, definition: str
) -> digest.Sums | None:
    """The sums of the last version, changed as people did; none where that is not known, or is no saving."""
    changed = [kept[name] for name in _TABLES if name in kept and kept[name].knows_changed]
    if len(changed) < len(_TABLES):
        return None
    some = " union ".join(f"select customer_id from changed_{name.replace('.', '_')}" for name in _TABLES)
    connection.execute(f"create or replace temp table changed_people as {some}")
    connection.execute(f"attach {literal(settings.current.resolve())} as before (read_only)")
    try:
        sums = connection.execute(
            "select * exclude (definition) from before.ops.digest_sums where definition = ?", [definition]
        )
        found = [digest.Sums(*row) for row in sums.fetchall()]
        [(people,)] = connection.execute("select count(*) from changed_people").fetchall()
        if not found or people > _MOST_CHANGED * found[0].people:
            return None
        if people == 0:
            return found[0]
        gone = digest.sums(connection, "before", "changed_people")
        return found[0].without(gone) + digest.sums(connection, "working", "changed_people")
    finally:
        connection.execute("detach before")
