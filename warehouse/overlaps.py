"""How much segments have in common: the share of each other that two hold, and what they hold together.

Reports and the garden tell it alike, and in whole floors only: no difference between two numbers told here is finer.
"""

from dataclasses import dataclass

import duckdb

from warehouse.floor import Floor

# only of segments that may be sent: of the others no number is told
_PAIRS = """
with

members as (

    select segment_id, customer_id
    from {schema}.memberships
    semi join (from {schema}.catalog where is_sendable) using (segment_id)

),

sizes as (

    select segment_id, count(*) as size from members group by segment_id

),

pairs as (

    select one.segment_id as segment, other.segment_id as other, count(*) as shared
    from members as one
    inner join members as other on one.customer_id = other.customer_id and one.segment_id < other.segment_id
    group by all

)

select pairs.segment, pairs.other, pairs.shared, sizes.size, other_sizes.size as other_size
from pairs
inner join sizes on pairs.segment = sizes.segment_id
inner join sizes as other_sizes on pairs.other = other_sizes.segment_id
"""


@dataclass(frozen=True)
class Pair:
    """Two segments: people in both (whole floors), Jaccard's index, and the share of each that the other holds.

    The shares are of numbers as told, between 0 and 1: Jaccard (1901) is those in both over those in either.
    """

    segment: str
    other: str
    shared: int
    jaccard: float
    of_segment: float
    of_other: float


def measured(connection: duckdb.DuckDBPyConnection, floor: Floor, schema: str = "segments") -> list[Pair]:
    """Pairs of segments in this schema with a floor of people in both, the most redundant first."""
    found = []
    for segment, other, *counts in connection.execute(_PAIRS.format(schema=schema)).fetchall():
        shared, size, other_size = map(floor.told, counts)
        if shared:
            ratios = shared / (size + other_size - shared), shared / size, shared / other_size
            found.append(Pair(segment, other, shared, *(round(min(1.0, ratio), 2) for ratio in ratios)))
    return sorted(found, key=lambda pair: (-pair.jaccard, pair.segment, pair.other))
