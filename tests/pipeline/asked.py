"""What may be asked of a home's published version about segments, beside what stands in it."""

import random
from datetime import datetime

import duckdb
from pydantic import SecretStr

from segmentation import definition, why
from segmentation.candidates import evaluate, opened
from segmentation.render import Published
from tests.pipeline.home import KEY, NAMESPACE, Home
from warehouse.settings import Settings

_TRUTH = """
select customer_id from published.segments.membership_history
where segment_id = $segment and started_at <= $at and (left_at is null or left_at > $at)
"""


def settings_of(home: Home, floor: int) -> Settings:
    """The settings that the home's commands have."""
    keys = {"hmac_key": SecretStr(home.more.get("SMALTI_HMAC_KEY", KEY)), "namespace": SecretStr(NAMESPACE)}
    return Settings(home=home.path, segment_floor=floor, **keys)  # type: ignore[arg-type]


def differing(settings: Settings) -> list[str]:
    """Segments whose definition, evaluated over the published version, takes others than are published in it."""
    found = []
    with opened(settings) as (connection, _):
        published = Published.of(connection)
        for name, one in definition.read_all().items():
            evaluate(connection, one, published)
            other = connection.execute(
                "select count(*) from (select customer_id from candidates where is_member) as own full join"
                " (select customer_id from published.segments.memberships where segment_id = $name) as there"
                " using (customer_id) where own.customer_id is null or there.customer_id is null",
                {"name": name},
            ).fetchall()
            found += [name] if other != [(0,)] else []
    return found


def unexplained(settings: Settings, count: int, seed: int) -> tuple[list[tuple[str, str, datetime]], int]:
    """Of so many random triples of segment, person and moment those that `why` answers otherwise than the spells; and
    how many of all are members: half are drawn from them.
    """
    draw, wrong, members = random.Random(seed), [], 0
    with opened(settings) as (connection, _):
        people = _column(connection, "select customer_id from people order by all")
        segments = _column(connection, "select segment_id from published.segments.catalog order by all")
        moments = _column(connection, "select as_of from published.ops.moments order by all")
        for number in range(count):
            segment, at = draw.choice(segments), draw.choice(moments)
            there = set(_column(connection, _TRUTH, {"segment": segment, "at": at}))
            person = draw.choice(sorted(there) if number % 2 and there else people)
            members += person in there
            if why.explained(connection, segment, person, at).is_member != (person in there):
                wrong.append((segment, person, at))
    return wrong, members


def _column(connection: duckdb.DuckDBPyConnection, query: str, values: dict[str, object] | None = None) -> list[str]:
    return [row[0] for row in connection.execute(query, values or {}).fetchall()]
