"""How far segments say the same: the share of each that another holds, those alike side by side."""

import numpy as np
from scipy.cluster import hierarchy
from scipy.spatial.distance import squareform

from reports import charts
from reports.material import Material
from reports.section import Part
from warehouse import overlaps
from warehouse.overlaps import Pair

_TITLE = "How far do segments overlap?"
_COLUMNS = ("segment", "other", "people in both", "of the segment", "of the other", "Jaccard's index")


def part(run: Material) -> Part:
    """A square of the segments that are counted; a pair with fewer than a floor of people in common is left open."""
    if run.connection is None:
        return Part("overlap", _TITLE, "Nothing is published yet.")
    pairs = overlaps.measured(run.connection, run.floor)
    names = sorted({name for pair in pairs for name in (pair.segment, pair.other)})
    if not names:
        return Part("overlap", _TITLE, f"No two segments are known to share {run.floor.people:,} people.")
    order = _side_by_side(names, pairs)
    shares = {(pair.segment, pair.other): pair.of_segment for pair in pairs}
    shares |= {(pair.other, pair.segment): pair.of_other for pair in pairs}
    people = {frozenset((pair.segment, pair.other)): f"{pair.shared:,}" for pair in pairs}
    words = [[people.get(frozenset((one, other)), "") for other in order] for one in order]
    figure = charts.grid(order, [[shares.get((one, other)) for other in order] for one in order], words)
    rows = tuple(
        (pair.segment, pair.other, f"{pair.shared:,}", f"{pair.of_segment:.0%}", f"{pair.of_other:.0%}", pair.jaccard)
        for pair in pairs
    )
    return Part("overlap", _TITLE, _words(run, names), _COLUMNS, rows, figure, "full")


def _words(run: Material, names: list[str]) -> str:
    alone = run.query("select count(*) as segments from segments.catalog where is_sendable")[0]["segments"] - len(names)
    rest = f" {alone} segments share so many with none, and are not shown." if alone else ""
    return (
        "How many in a hundred of the segment at the left are in the one above too; segments alike stand side by side. "
        f"Where fewer than {run.floor.people:,} are in both, nothing stands.{rest}"
    )


def _side_by_side(names: list[str], pairs: list[Pair]) -> list[str]:
    """Names as leaves of a tree of average links over 1 - Jaccard, in the order of Bar-Joseph et al. (2001)."""
    place = {name: at for at, name in enumerate(names)}
    apart = np.ones((len(names), len(names)))
    np.fill_diagonal(apart, 0.0)
    for pair in pairs:
        one, other = place[pair.segment], place[pair.other]
        apart[one, other] = apart[other, one] = 1 - pair.jaccard
    tree = hierarchy.linkage(squareform(apart), "average", optimal_ordering=True)
    return [names[leaf] for leaf in hierarchy.leaves_list(tree)]
