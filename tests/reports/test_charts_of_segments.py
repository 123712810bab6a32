"""The charts of segments, over a version of a few tables: what they draw, and that nothing below the floor shows."""

from collections.abc import Callable

import duckdb
import pytest

from reports import growth, likeness, moves
from reports.material import Material
from reports.section import Part
from warehouse.floor import Floor
from warehouse.settings import Settings

SEGMENTS = """
create schema segments; create schema profiles; create schema ops;
create table ops.control as select timestamp '2026-09-01' as as_of;
create table segments.catalog (segment_id text, is_sendable boolean);
create table segments.memberships (segment_id text, customer_id text);
create table segments.membership_history (segment_id text, customer_id text, started_at timestamp, left_at timestamp);
create table segments.definitions_history (segment_id text, definition_version text, valid_from timestamp);
create table profiles.customers (customer_id text, state text, is_bot boolean);
create table profiles.customers_history
(customer_id text, state text, is_bot boolean, valid_from timestamp, valid_to timestamp);
"""
ORDER = ("browsing", "customer")
Run = Callable[..., Material]


@pytest.fixture
def run(settings: Settings):
    """A function that makes the material of a run from statements."""

    def made(*statements: str) -> Material:
        connection = duckdb.connect()
        for statement in (SEGMENTS, *statements):
            connection.execute(statement)
        return Material(settings, "r", (), None, connection, Floor(100))

    return made


def segment(name: str, people: str) -> str:
    """A segment that is counted, with these people out of a thousand."""
    return f"""
    insert into segments.catalog values ('{name}', true);
    insert into segments.memberships select '{name}', 'c' || n from range(1000) as people(n) where {people}"""


def spells(name: str, *sizes: tuple[int, int]) -> str:
    """So many people from one day of August to another; the segment is counted."""
    values = " union all ".join(
        f"select '{name}', 'c' || n, date '2026-08-01' + {first}, null from range({people}) as p(n)"
        for first, people in sizes
    )
    return f"insert into segments.catalog values ('{name}', true); insert into segments.membership_history {values}"


def drawn(part: Part, kind: str) -> list[dict[str, object]]:
    assert part.figure is not None
    return [trace for trace in part.figure.to_dict()["data"] if trace["type"] == kind]


def test_a_segment_s_line_has_a_gap_where_it_was_below_the_floor(run: Run):
    part = growth.part(run(spells("growing", (0, 99), (1, 1), (2, 150)), spells("large", (0, 500))))
    growing = next(trace for trace in drawn(part, "scatter") if "growing" in str(trace["hovertemplate"]))
    assert growing["y"] == [None, 100, 200, 200]
    assert [row[2] for row in part.rows if row[0] == "growing"] == ["< 100", "100", "200", "200"]


def test_a_new_definition_is_marked_and_the_first_is_none(run: Run):
    definitions = "insert into segments.definitions_history values "
    part = growth.part(
        run(
            spells("changed", (0, 200), (3, 10)),
            f"{definitions} ('changed', 'a', '2026-08-01'), ('changed', 'b', '2026-08-04')",
        )
    )
    assert part.figure is not None
    assert [line["x0"] for line in part.figure.to_dict()["layout"]["shapes"]] == ["2026-08-04T00:00:00"]
    assert [row[3] for row in part.rows] == ["", "new", ""]


def test_the_largest_comes_first_by_what_is_told_so_that_exact_sizes_do_not_order_it(run: Run):
    part = growth.part(run(spells("b", (0, 290)), spells("a", (0, 210)), spells("c", (0, 300))))
    assert list(dict.fromkeys(row[0] for row in part.rows)) == ["c", "a", "b"]


def test_a_segment_that_is_not_counted_is_in_no_chart(run: Run):
    hide = "update segments.catalog set is_sendable = false where segment_id = 'small'"
    tables = (
        spells("small", (0, 300)),
        spells("large", (0, 300)),
        segment("one", "n < 300"),
        segment("two", "n < 300"),
    )
    found = run(*tables, "insert into segments.memberships select 'small', 'c' || n from range(300) as p(n)", hide)
    assert {row[0] for row in growth.part(found).rows} == {"large", "one", "two"}
    assert [row[:2] for row in likeness.part(found).rows] == [("one", "two")]


def test_segments_alike_stand_side_by_side(run: Run):
    names = {"a": "n < 400", "m": "n >= 500", "x": "n < 390", "y": "n >= 510", "z": "n between 400 and 600"}
    part = likeness.part(run(*(segment(name, people) for name, people in names.items())))
    assert part.figure is not None
    [chart] = drawn(part, "heatmap")
    order = "".join(chart["y"])  # type: ignore[arg-type]
    assert {"ax", "my"} <= {"".join(sorted(order[at : at + 2])) for at in range(4)}


def test_a_pair_with_fewer_than_a_floor_in_both_is_an_empty_cell(run: Run):
    part = likeness.part(run(segment("a", "n < 300"), segment("b", "n >= 201"), segment("c", "n >= 200")))
    [chart] = drawn(part, "heatmap")
    names = list(chart["y"])  # type: ignore[call-overload]
    share = {
        (one, other): row[at] for one, row in zip(names, chart["z"], strict=True) for at, other in enumerate(names)
    }  # type: ignore[call-overload]
    assert share["a", "b"] is share["b", "a"] is share["a", "a"] is None
    assert share["a", "c"] == pytest.approx(1 / 3, abs=0.01)
    assert share["c", "a"] == pytest.approx(1 / 8, abs=0.01)


def test_overlaps_are_of_numbers_as_told_so_that_shares_are_no_finer(run: Run):
    tables = segment("a", "n < 300"), segment("b", "n >= 200")
    fewer = "delete from segments.memberships where customer_id in ('c0', 'c1', 'c900')"
    more = "insert into segments.memberships select unnest(['a', 'b']), 'other' || n from range(99) as p(n)"
    assert likeness.part(run(*tables, more)).rows == likeness.part(run(*tables, more, fewer)).rows


def moved(since: str, before: str, now: str, people: int, at: int = 0) -> str:
    """So many who were one thing from that day on, and are another since yesterday."""
    who = f"'c' || n from range({at}, {at + people}) as p(n)"
    return f"""
    insert into profiles.customers select {who.replace("from", f", '{now}', false from", 1)};
    insert into profiles.customers_history
        select {who.replace("from", f", '{before}', false, timestamp '{since}', timestamp '2026-08-31' from", 1)};
    insert into profiles.customers_history
        select {who.replace("from", f", '{now}', false, timestamp '2026-08-31', null from", 1)}"""


def links(part: Part) -> dict[tuple[str, str], float]:
    """What the flow draws: from and to, with the width."""
    [chart] = drawn(part, "sankey")
    nodes, link = chart["node"]["label"], chart["link"]  # type: ignore[index]
    places = zip(link["source"], link["target"], link["value"], strict=True)  # type: ignore[index]
    return {(nodes[source], nodes[target]): value for source, target, value in places}  # type: ignore[index]


def test_moves_below_the_floor_are_neither_told_nor_drawn(run: Run):
    found = run(
        moved("2026-08-01", "browsing", "customer", 199),
        moved("2026-08-01", "customer", "browsing", 99, at=1000),
        moved("2026-08-01", "browsing", "browsing", 300, at=2000),
    )
    part = moves.part(found, "state", "?", ORDER)
    assert part.rows == (
        ("browsing", "300", "100"),
        ("customer", "< 100", "< 100"),
        ("not known then", "< 100", "< 100"),
    )
    assert links(part) == {("browsing", "browsing"): 300, ("browsing", "customer"): 100}


def test_moves_are_those_of_a_week_or_since_the_first_version(run: Run):
    week = [moved("2026-08-01", "browsing", "customer", 100), moved("2026-08-25", "customer", "customer", 100, at=1000)]
    part = moves.part(run(*week), "state", "?", ORDER)
    assert "25 August" in part.words
    assert links(part) == {("browsing", "customer"): 100, ("customer", "customer"): 100}
    later = moves.part(run(*week[:1], week[1].replace("2026-08-25", "2026-08-26")), "state", "?", ORDER)
    assert "1 August" in later.words
    assert ("not known then", "customer") in links(later)
    assert "29 August" in moves.part(run(moved("2026-08-29", "browsing", "customer", 100)), "state", "?", ORDER).words


def test_the_first_version_has_no_moves_and_no_lines(run: Run):
    first = "insert into profiles.customers_history values ('c', 'browsing', false, timestamp '2026-09-01', null)"
    found = run(first)
    assert not moves.part(found, "state", "?", ORDER).rows
    assert not growth.part(found).rows
    assert not likeness.part(found).rows


def test_bots_move_nowhere(run: Run):
    people = moved("2026-08-01", "browsing", "customer", 150)
    part = moves.part(run(people, "update profiles.customers set is_bot = true"), "state", "?", ORDER)
    assert {cell for row in part.rows for cell in row[1:]} == {"< 100"}
    assert part.figure is None


def test_only_the_version_of_then_counts(run: Run):
    earlier = """
    insert into profiles.customers_history
        select customer_id, 'customer', false, timestamp '2026-07-01', timestamp '2026-08-01' from profiles.customers"""
    part = moves.part(run(moved("2026-08-01", "browsing", "browsing", 100), earlier), "state", "?", ORDER)
    assert links(part) == {("browsing", "browsing"): 100}
