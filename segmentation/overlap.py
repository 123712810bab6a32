"""Which segments say much the same, of the version that is published."""

from segmentation.candidates import opened
from warehouse import overlaps
from warehouse.floor import Floor
from warehouse.overlaps import Pair
from warehouse.settings import Settings

SCHEMA = "published.segments"


def pairs(settings: Settings) -> list[Pair]:
    """Pairs of published segments with a floor of people in both, the most redundant first.

    Raises:
        NothingPublished: there is no current version.
    """
    with opened(settings) as (connection, _):
        return overlaps.measured(connection, Floor(settings.segment_floor), SCHEMA)
