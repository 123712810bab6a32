"""The groups of customers on the page: who they are, where they lie, whether they are distinct, who moved."""

import json
from collections import Counter
from typing import Any

from plotly.graph_objects import Figure

from reports import charts, dots, moves
from reports.material import Material, Row
from reports.section import Part

_THERE = "select 1 from information_schema.tables where table_schema = 'scores' and table_name = 'cluster_migrations'"
_MOVED = """
select
    from_persona, into_persona, sum(people)::bigint as people, any_value(from_version) as from_version
from scores.cluster_migrations
group by 1, 2 order by 1, 2"""
_NONE_NOW = "no groups any more"
_NOT_KEPT = "The model that made these groups is no longer kept."


def parts(run: Material, model: Row) -> tuple[Part, ...]:
    """The parts about groups; `model` is what the run of these scores says of them."""
    held = {name: _held(run, model, name) for name in ("personas", "picture", "curves")}
    return (
        _groups(run),
        _personas(held["personas"]),
        _picture(run, held["picture"], held["personas"]),
        _numbers(held["curves"]),
        _moves(run),
    )


def _held(run: Material, model: Row, name: str) -> Any:
    path = run.settings.models / "clusters" / str(model.get("version")) / f"{name}.json"
    return json.loads(path.read_text()) if path.is_file() else None


def _groups(run: Material) -> Part:
    found = run.query("select persona, count(*) as people from scores.clusters group by 1 order by 2 desc, 1")
    rows = tuple((row["persona"], run.floor.words(row["people"])) for row in found)
    values = [run.floor.told(row["people"]) for row in found]
    series = {"people": (charts.BLUE, values, [row[1] for row in rows])}
    figure = charts.bars([row[0] for row in rows], series, "people")
    words = "Customers who behave alike, named by what sets them apart." if rows else "No groups were found."
    return Part("groups", "Which groups are there?", words, ("group", "people"), rows, figure if rows else None)


def _personas(found: list[dict[str, Any]] | None) -> Part:
    title = "What sets them apart?"
    if not found:
        return Part("personas", title, _NOT_KEPT if found is None else "No groups were found.")
    rows = tuple((str(one["cluster"]), one["persona"], one["sentence"]) for one in found)
    words = "The strongest difference from everybody else first; a number stays with a group from model to model."
    return Part("personas", title, words, ("number", "group", "what sets it apart"), rows)


def _picture(run: Material, picture: dict[str, Any] | None, personas: list[dict[str, Any]] | None) -> Part:
    title, named = "Where do they lie?", {one["cluster"]: one["persona"] for one in personas or []}
    drawn = [one for one in (picture or {}).get("groups", []) if one["dots"]]
    if picture is None or not drawn or picture["people_a_dot"] < run.floor.people:
        return Part("picture", title, "There is no picture: no group is large enough to draw, or none was kept.")
    labels = [_axis(axis) for axis in picture["axes"]]
    rows = tuple((named[one["cluster"]], str(len(one["dots"])), *map(str, _middle(one["dots"]))) for one in drawn)
    words = (
        f"Each dot is the middle of {picture['people_a_dot']:,} people or more of one group, on the two axes along "
        "which customers differ most (principal components); nobody has a dot of their own."
    )
    points = {named[one["cluster"]]: [(x, y) for x, y in one["dots"]] for one in drawn}
    columns = ("group", "dots", "middle, across", "middle, up")
    return Part("picture", title, words, columns, rows, dots.scatter(points, (labels[0], labels[-1])), "full")


def _axis(axis: dict[str, Any]) -> str:
    signs = ", ".join(f"{'more' if load > 0 else 'less'} {name}" for name, load in axis["features"].items())
    return f"→ {signs} ({axis['share']:.0%} of all differences)"


def _middle(found: list[list[float]]) -> tuple[float, float]:
    across, up = (round(sum(column) / len(column), 1) for column in zip(*found, strict=True))
    return across, up


def _numbers(curves: dict[str, Any] | None) -> Part:
    found, title = (curves or {}).get("numbers", []), "Are the groups distinct?"
    if not found:
        return Part("silhouette", title, "No number of groups was tried.")
    names = ("silhouette", "cloud_silhouette", "davies_bouldin", "bootstrap_ari", "split_half_ari")
    rows = tuple((one["number"], *(one[name] for name in names), "; ".join(one["misses"]) or "-") for one in found)
    words = (
        "Silhouette by number of groups (1 is far apart, 0 is one cloud), beside that of a cloud without groups; the "
        "Davies-Bouldin index (less is better); and how far groups stay the same when drawn again from other people "
        "(1 is the same). What keeps a number from being taken stands last; of the others ranks decide."
    )
    columns = ("groups", "silhouette", "of a cloud", "Davies-Bouldin", "bootstrap", "split half", "why not")
    series = {"silhouette": (charts.BLUE, [row[1] for row in rows], [f"{row[1]:.2f}" for row in rows])}
    figure = charts.bars([str(row[0]) for row in rows], series, "silhouette")
    return Part("silhouette", title, words, columns, rows, figure)


def _moves(run: Material) -> Part:
    title, found = "Who moved since the model before?", run.query(_MOVED) if run.query(_THERE) else []
    if not found:
        return Part("migrations", title, "There is no model before this one to compare with.")
    people = Counter({(row["from_persona"], row["into_persona"] or _NONE_NOW): row["people"] for row in found})
    starts, places = (list(dict.fromkeys(names)) for names in zip(*people, strict=True))
    rows = tuple((one, *(run.floor.words(people[one, to]) for to in places)) for one in starts)
    words = (
        f"People of the training by their group in the model before ({found[0]['from_version']}) and in this one. "
        f"What fewer than {run.floor.people:,} did is not drawn."
    )
    figure: Figure | None = moves.flow(run, people, starts, places)
    return Part("migrations", title, words, ("from, to", *places), rows, figure, "beside")
