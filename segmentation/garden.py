"""The garden: segments that nobody uses, nobody looks after, or that say what another says already."""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import duckdb

from segmentation import overlap
from segmentation.candidates import opened
from segmentation.telling import Teller
from warehouse import overlaps
from warehouse.overlaps import Pair
from warehouse.settings import Settings

_REDUNDANT, _CONTAINED = 0.8, 0.95
_TREND = timedelta(days=28)
_SEGMENTS = """
select catalog.segment_id, owner, review_by, is_sendable, members, active_members
from published.segments.catalog
order by segment_id
"""
_SENT = "select distinct segment from published.profiles.activations"
# sizes at past moments, from the spells: whoever had begun one and not ended it
_SIZES = """
select
    history.segment_id,
    count(*) filter (where started_at <= $then and (left_at is null or left_at > $then)) as before,
    min(started_at) <= $then as was_there
from published.segments.membership_history as history
group by history.segment_id
"""


@dataclass(frozen=True)
class Plot:
    """One segment in the garden: its size now and four weeks before (whole floors), and what is the matter with it.

    `proposal` is `keep`, `review`, `merge`, `roll_up` or `retire`, with the other segment where there is one.
    """

    segment: str
    owner: str
    members: int | None
    members_before: int | None
    is_sent: bool
    problems: tuple[str, ...]
    proposal: str
    into: str | None


def garden(settings: Settings) -> list[Plot]:
    """Every published segment, those with something the matter first.

    Raises:
        NothingPublished: there is no current version.
    """
    with opened(settings) as (connection, version):
        teller = Teller.of(settings, version)
        [(as_of,)] = connection.execute("select as_of from published.ops.control").fetchall()
        sent = {name for (name,) in connection.execute(_SENT).fetchall()}
        before = _before(connection, as_of - _TREND, teller)
        pairs = overlaps.measured(connection, teller.floor, overlap.SCHEMA)
        rows = connection.execute(_SEGMENTS).pl().to_dicts()
        plots = [_plot(row, sent, before, pairs, as_of.date(), teller) for row in rows]
    return sorted(plots, key=lambda plot: (plot.proposal == "keep", plot.segment))


def _before(connection: duckdb.DuckDBPyConnection, then: Any, teller: Teller) -> dict[str, int | None]:
    rows = connection.execute(_SIZES, {"then": then}).fetchall()
    return {segment: teller.told(before) for segment, before, was_there in rows if was_there}


def _plot(
    row: dict[str, Any],
    sent: set[str],
    before: dict[str, int | None],
    pairs: list[Pair],
    today: date,
    teller: Teller,
) -> Plot:
    name, is_sent = row["segment_id"], row["segment_id"] in sent
    twin, whole = _twin(name, pairs), _whole(name, pairs)
    problems = [
        *(["nobody active is in it"] if row["active_members"] == 0 else []),
        *(
            [f"fewer than {teller.floor.people} active members"]
            if 0 < row["active_members"] < teller.floor.people
            else []
        ),
        *(["sent nowhere"] if not is_sent else []),
        *([f"was to be reviewed by {row['review_by']}"] if row["review_by"] < today else []),
        *([f"holds much the same people as {twin}"] if twin else []),
        *([f"lies within {whole}"] if whole and not twin else []),
    ]
    proposal, into = _proposal(row, is_sent=is_sent, twin=twin, whole=whole, teller=teller, has_problems=bool(problems))
    members = teller.told(row["members"]) if row["is_sendable"] else None
    return Plot(name, row["owner"], members, before.get(name), is_sent, tuple(problems), proposal, into)


def _proposal(
    row: dict[str, Any], *, is_sent: bool, twin: str | None, whole: str | None, teller: Teller, has_problems: bool
) -> tuple[str, str | None]:
    if row["active_members"] == 0 and not is_sent:
        return "retire", None
    if twin:
        return "merge", twin
    if row["active_members"] < teller.floor.people and whole:
        return "roll_up", whole
    return ("review" if has_problems and not (is_sent and whole) else "keep"), None


def _twin(name: str, pairs: list[Pair]) -> str | None:
    """The segment with much the same people; of two the one that comes second is proposed to go into the first."""
    return next((pair.segment for pair in pairs if pair.other == name and pair.jaccard >= _REDUNDANT), None)


def _whole(name: str, pairs: list[Pair]) -> str | None:
    """The smallest of those that hold nearly all of it."""
    holding = [
        (pair.of_other, pair.segment) if pair.other == name else (pair.of_segment, pair.other)
        for pair in pairs
        if name in (pair.segment, pair.other)
    ]
    return next((other for share, other in sorted(holding, reverse=True) if share >= _CONTAINED), None)
