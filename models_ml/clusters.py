"""Groups of customers who behave alike, as many as one rule finds, under numbers and names that last.

It may also answer that there are none: a split drawn through one cloud would only look like knowledge.
"""

import json
from dataclasses import asdict, dataclass, field
from functools import partial

import numpy as np
import polars as pl
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from models_ml import artifacts, cards, grouping, matching, number, personas, picture, placement, space
from models_ml.features import Matrix, matrix
from models_ml.grouping import Groups, Members, Method
from models_ml.placement import Before, Model


@dataclass(frozen=True)
class Parameters:
    """What shapes a clustering besides its data; part of the version's name."""

    method: Method = "kmeans"
    seed: int = 1
    starts: int = 3
    fit_sample: int = 100_000
    judged_sample: int = 3_000
    skewed_above: float = space.SKEWED_ABOVE
    least_shared: float = round(matching.LEAST_SHARED, 4)
    rule: number.Rule = field(default_factory=number.Rule)


MODEL = "clusters"
AT_LEAST = 500
PARAMETERS = Parameters()
SCHEMA: dict[str, pl.DataType | type[pl.DataType]] = {
    "customer_id": pl.String,
    "cluster": pl.Int32,
    "persona": pl.String,
    "model_version": pl.String,
}


def lacking(frame: pl.DataFrame, names: tuple[str, ...]) -> str | None:
    """Why there is too little to group; None where there is enough."""
    if frame.height < AT_LEAST:
        return f"{frame.height} rows to group; at least {AT_LEAST} are needed"
    return None if space.fit(_sample(frame, PARAMETERS), names).names else "no feature varies"


def fit(
    frame: pl.DataFrame,
    names: tuple[str, ...],
    former: artifacts.Files | None = None,
    former_version: str | None = None,
    parameters: Parameters = PARAMETERS,
) -> artifacts.Files:
    """Choose the number of groups, fit, number, name; return the artifact's files. Same input, same bytes.

    Where the rule finds no number the artifact says so and holds no centre.

    Args:
        frame: one row a person, in an order that does not depend on what people are called.
        names: the features.
        former: the artifact whose numbers and names go on where its groups do.
        former_version: what that artifact is called.
        parameters: how to group.

    Raises:
        ValueError: a former artifact without its version, or a version without its artifact.
    """
    if (former is None) != (former_version is None):
        raise ValueError("a former artifact and what it is called come together")
    # one thread: threads would add up distances in an order of their own, and the last digits would differ
    with threadpool_limits(1):
        sample = _sample(frame, parameters)
        fitted = space.fit(sample, names)
        placed = space.coordinates(sample, fitted)
        measured, groups = _group(placed, parameters)
        groups, members = _largest_first(groups, placement.nearest(frame, fitted, groups))
        before = placement.before(former, frame)
        numbers = matching.number(groups.count, before.unused, before.alike, members)
        groups, members = groups.relabelled(numbers.of_place), grouping.relabelled(members, numbers.of_place)
        own = grouping.nearest(placed, groups)
        traits = personas.measure(fitted.names, placed, matrix(sample, fitted.names), own, numbers.given)
        reach = grouping.bounded(groups, placed).reach or ()
        model = Model(fitted, groups, reach, placement.named(traits, numbers, before), numbers.unused)
        drawn = picture.draw(placed, own, numbers.given, fitted.names)
    told = _told(model, traits, members)
    metrics, tried = number.metrics(measured, parameters.rule), number.as_json(measured, parameters.rule)
    moved = matching.moves(before.members, members, before.personas, model.personas)
    data = {"rows": frame.height, "sampled": sample.height, "judged": min(sample.height, parameters.judged_sample)}
    card = cards.clusters(data, metrics, tried, asdict(parameters), told, _history(former_version, before, numbers))
    return {
        "model.json": placement.dump(model),
        "card.json": artifacts.dump(card),
        "card.md": cards.markdown(card).encode(),
        "curves.json": artifacts.dump({"numbers": tried}),
        "migrations.json": artifacts.dump({"from_version": former_version, "moves": moved}),
        "personas.json": artifacts.dump(told),
        "picture.json": artifacts.dump(drawn),
    }


def assign(files: artifacts.Files, frame: pl.DataFrame, version: str) -> pl.DataFrame:
    """Rows of `scores.clusters`: the group of each customer; no rows where there is no structure."""
    model = placement.read(files)
    if not model.groups.count:
        return pl.DataFrame(schema=SCHEMA)
    group = pl.Series("cluster", placement.nearest(frame, model.space, model.groups), dtype=pl.Int32)
    named = model.personas | {grouping.NONE: matching.NOBODYS}
    return pl.DataFrame({"customer_id": frame["customer_id"], "cluster": group}).select(
        pl.col("customer_id").cast(pl.String),
        pl.col("cluster"),
        pl.col("cluster").replace_strict(named, return_dtype=pl.String).alias("persona"),
        pl.lit(version).alias("model_version"),
    )


def former_version(files: artifacts.Files) -> str | None:
    """What the model was called that an artifact goes on from; None where it was the first."""
    version = json.loads(files.get("migrations.json", b"{}")).get("from_version")
    return None if version is None else str(version)


def migrations(files: artifacts.Files, version: str) -> pl.DataFrame:
    """Rows of `scores.cluster_migrations`: from the groups of the model before into those of this one, `version`."""
    moved = json.loads(files.get("migrations.json", b"{}")).get("moves", [])  # earlier releases wrote none
    return matching.frame(moved, (former_version(files), version))


def _group(placed: Matrix, parameters: Parameters) -> tuple[list[number.Figures], Groups]:
    """The figures of each number of groups tried, and the groups of the one that the rule takes."""
    method, starts, seed = parameters.method, parameters.starts, parameters.seed
    judged = placed[chosen(len(placed), parameters.judged_sample, seed)]
    measured = number.measure(judged, partial(grouping.find, method, starts, seed), parameters.rule, seed)
    taken = number.choose(measured, parameters.rule)
    if taken is None:
        return measured, Groups(np.empty((0, placed.shape[1])), ())
    if method == "kmeans":  # of all that were sampled; the others cost too much
        return measured, grouping.kmeans(placed.astype(np.float32), taken.number, starts, seed)
    return measured, grouping.find(method, starts, seed, judged, [taken.number])[taken.number]


def _sample(frame: pl.DataFrame, parameters: Parameters) -> pl.DataFrame:
    return frame[chosen(frame.height, parameters.fit_sample, parameters.seed)]


def chosen(rows: int, size: int, seed: int) -> NDArray[np.int64]:
    """Which rows are sampled, in their order; all where there are no more."""
    if rows <= size:
        return np.arange(rows)
    return np.sort(np.random.default_rng(seed).choice(rows, size, replace=False))


def _largest_first(groups: Groups, members: Members) -> tuple[Groups, Members]:
    """Groups from the largest down, so that the same groups get the same numbers; one of nobody is left out."""
    sizes = np.bincount(members[members != grouping.NONE], minlength=groups.count)
    order = sorted(np.flatnonzero(sizes).tolist(), key=lambda one: -sizes[one])
    places = {one: place for place, one in enumerate(order)}
    return groups.relabelled(places), grouping.relabelled(members, places)


def _told(model: Model, traits: personas.Traits, members: Members) -> list[dict[str, object]]:
    """What is told of each group: number, name, sentence, share, what sets it apart; of a small one no figure."""
    told = []
    for row, (one, persona) in enumerate(model.personas.items()):
        people = int((members == one).sum())
        figures = {"share": round(people / len(members), 4), "sets_apart": personas.strongest(traits, row)}
        said = {"cluster": one, "persona": persona, "sentence": personas.sentence(traits, row, people)}
        told.append(said | (figures if people >= personas.FLOOR else {"share": None, "sets_apart": {}}))
    return told


def _history(version: str | None, before: Before, numbers: matching.Numbers) -> dict[str, object]:
    """What became of the former model's groups, by number."""
    return {
        "version": version or "none",
        "goes on": sorted(numbers.carried),
        "new": sorted(set(numbers.given) - numbers.carried),
        "ended": sorted(set(before.personas) - numbers.carried),
        **({"note": before.why} if before.why else {}),
    }
