"""What may be told of numbers of people, so that nobody is counted by subtraction.

The size of a set is told exactly only if no set told exactly before gives a number below the floor away with it: one
that holds it, or that it holds, and differs by fewer; or two that make it up and have fewer in common. Told before are
all people, the segments that may be sent, and what was previewed of the same version. Everything else is told in whole
floors.
"""

import hashlib
import shutil
from dataclasses import dataclass
from pathlib import Path

import duckdb

from warehouse.floor import Floor
from warehouse.settings import Settings
from warehouse.sql import literal

_MOST = 500  # previews of one version that are told exactly; after them whole floors are enough
_NESTED = 20  # sets within one; more are not looked through, and the number is told in whole floors
_KNOWN = """
create or replace temp table known as
select 'all people' as known_id, customer_id from people
union all
select 'segment ' || segment_id, customer_id
from published.segments.memberships
semi join (from published.segments.catalog where is_sendable) using (segment_id)
{earlier}
"""
_COMPARED = """
create or replace temp table compared as
select known.known_id, count(*) as size, count(own.customer_id) as shared
from known
left join {own} as own using (customer_id)
group by known.known_id
"""
# fewer than a floor lie between the two, and one holds the other
_BETWEEN = """
select count(*) from compared
where
    (shared = $size and size - shared between 1 and $floor - 1)
    or (shared = size and $size - shared between 1 and $floor - 1)
"""
# it is the other part of a whole that was told, and of the one part told
_OTHER_PART = """
select count(*)
from compared as whole
cross join compared as part
where
    whole.shared = $size
    and part.shared between 1 and $floor - 1
    and $size + part.size - part.shared = whole.size
"""
_WITHIN = "select known_id from compared where shared = size and size < $size"
# two within it that make it up: what they have in common is the sum of their sizes less its own
_MADE_UP = """
select count(*)
from (
    select one.known_id, other.known_id, count(*) as common
    from (from known where known_id in (select unnest($within))) as one
    inner join known as other
        on
            one.customer_id = other.customer_id
            and one.known_id < other.known_id
            and other.known_id in (select unnest($within))
    group by all
) as pairs (one_id, other_id, common)
inner join compared as one on one.known_id = pairs.one_id
inner join compared as other on other.known_id = pairs.other_id
where one.size + other.size - common = $size and common < $floor
"""


@dataclass(frozen=True)
class Teller:
    """Tells numbers of one published version."""

    folder: Path
    floor: Floor

    @classmethod
    def of(cls, settings: Settings, version: str) -> "Teller":
        """Remembers in a folder of the version; what was told of versions that are gone is forgotten."""
        root = settings.home / "previews"
        for other in root.glob("*"):
            if other.name != version:
                shutil.rmtree(other, ignore_errors=True)
        return cls(root / version, Floor(settings.segment_floor))

    def may_be_exact(self, connection: duckdb.DuckDBPyConnection, members: str) -> bool:
        """Whether the size of this temporary table of `customer_id` may be told exactly; if so it is remembered.

        The table holds nobody twice. A size below the floor never may.
        """
        [(size,)] = connection.execute(f"select count(*) from {members}").fetchall()
        earlier = sorted(self.folder.glob("*.parquet"))
        if size < self.floor.people or len(earlier) >= _MOST:
            return False
        listed = ", ".join(map(literal, earlier))
        union = f"union all select filename, customer_id from read_parquet([{listed}], filename = true)"
        connection.execute(_KNOWN.format(earlier=union if earlier else ""))
        connection.execute(_COMPARED.format(own=members))
        if self._gives_away(connection, size):
            return False
        self._remember(connection, members)
        return True

    def _gives_away(self, connection: duckdb.DuckDBPyConnection, size: int) -> bool:
        values = {"size": size, "floor": self.floor.people}
        if any(connection.execute(query, values).fetchall() != [(0,)] for query in (_BETWEEN, _OTHER_PART)):
            return True
        within = [known for (known,) in connection.execute(_WITHIN, {"size": size}).fetchall()]
        if len(within) > _NESTED:
            return True
        return connection.execute(_MADE_UP, values | {"within": within}).fetchall() != [(0,)]

    def _remember(self, connection: duckdb.DuckDBPyConnection, members: str) -> None:
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        query = f"select customer_id from {members} order by customer_id"
        rows = connection.execute(f"select sha256(string_agg(customer_id, ',')) from ({query})").fetchall()
        name = hashlib.sha256(str(rows[0][0]).encode()).hexdigest()[:16]
        path = self.folder / f"{name}.parquet"
        if not path.exists():
            temporary = path.with_suffix(".tmp")
            connection.execute(f"copy ({query}) to {literal(temporary)} (format parquet)")
            temporary.replace(path)

    def told(self, people: int) -> int | None:
        """The number in whole floors; None for fewer than one floor."""
        return self.floor.told(people) or None
