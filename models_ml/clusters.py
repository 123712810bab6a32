"""Groups of customers who behave alike: K-Means on scaled features, as many as silhouette favours.

It may also answer that there are none: a split drawn through one cloud would only look like knowledge.
"""

import json
from dataclasses import asdict, dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray
from sklearn.cluster import KMeans
from sklearn.metrics import euclidean_distances, silhouette_score
from threadpoolctl import threadpool_limits

from models_ml import artifacts, cards, personas, space
from models_ml.features import Matrix, matrix


@dataclass(frozen=True)
class Parameters:
    """What shapes a clustering besides its data; part of the version's name."""

    seed: int = 1
    n_init: int = 4
    fewest: int = 2
    most: int = 8
    least_silhouette: float = 0.15
    silhouette_sample: int = 5_000
    fit_sample: int = 100_000
    skewed_above: float = space.SKEWED_ABOVE


MODEL = "clusters"
AT_LEAST = 100
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
    return None if space.fit(frame, names).names else "no feature varies"


def fit(frame: pl.DataFrame, names: tuple[str, ...]) -> artifacts.Files:
    """Choose the number of clusters, fit, name; return the artifact's files. Same frame, same bytes.

    Where the best silhouette is too low the artifact says so and holds no centre.
    """
    fitted = space.fit(frame, names)
    # one thread: threads would add up distances in an order of their own, and the last digits would differ
    with threadpool_limits(1):
        placed = space.coordinates(frame, fitted)
        silhouettes = _silhouettes(_sample(placed, PARAMETERS.silhouette_sample))
        best = max(silhouettes, key=lambda k: (silhouettes[k], -k))
        found = silhouettes[best] >= PARAMETERS.least_silhouette
        centres = _kmeans(_sample(placed, PARAMETERS.fit_sample), best) if found else np.empty((0, len(fitted.names)))
    centres, groups = _ordered(placed, centres)
    described = _describe(frame, fitted, placed, groups, len(centres))
    metrics = {"silhouette": silhouettes[best], "clusters": len(centres), "silhouette_by_number": silhouettes}
    card = cards.clusters(frame.height, metrics, asdict(PARAMETERS), described)
    model = {"space": asdict(fitted), "centres": centres.tolist(), "personas": [d["persona"] for d in described]}
    return {
        "model.json": artifacts.dump(model),
        "card.json": artifacts.dump(card),
        "card.md": cards.markdown(card).encode(),
    }


def assign(files: artifacts.Files, frame: pl.DataFrame, version: str) -> pl.DataFrame:
    """Rows of `scores.clusters`: each customer's nearest centre; no rows where there is no structure."""
    model = json.loads(files["model.json"])
    centres = np.array(model["centres"], dtype=np.float64)
    if not len(centres):
        return pl.DataFrame(schema=SCHEMA)
    fitted = space.Space(**{name: tuple(values) for name, values in model["space"].items()})
    nearest = pl.Series("cluster", _nearest(space.coordinates(frame, fitted), centres), dtype=pl.Int32)
    named = pl.Series("persona", model["personas"], dtype=pl.String).gather(nearest)
    return (
        pl.DataFrame({"customer_id": frame["customer_id"], "cluster": nearest, "persona": named})
        .with_columns(model_version=pl.lit(version))
        .select(pl.col(n).cast(t) for n, t in SCHEMA.items())
    )


def _silhouettes(sample: Matrix) -> dict[int, float]:
    """Mean silhouette by number of clusters; the distances, the dear part, are computed once."""
    distances = euclidean_distances(sample)
    np.fill_diagonal(distances, 0.0)
    distinct = len(np.unique(sample, axis=0))
    numbers = range(PARAMETERS.fewest, min(PARAMETERS.most, distinct - 1) + 1)
    found = {0: 0.0} if not numbers else {}
    for k in numbers:
        groups = _nearest(sample, _kmeans(sample, k))
        found[k] = round(float(silhouette_score(distances, groups, metric="precomputed")), 4)
    return found


def _kmeans(sample: Matrix, k: int) -> Matrix:
    model = KMeans(k, n_init=PARAMETERS.n_init, random_state=PARAMETERS.seed)
    return np.asarray(model.fit(sample).cluster_centers_.round(9))


def _sample(placed: Matrix, size: int) -> Matrix:
    if len(placed) <= size:
        return placed
    chosen = np.random.default_rng(PARAMETERS.seed).choice(len(placed), size, replace=False)
    return np.asarray(placed[np.sort(chosen)])


def _nearest(placed: Matrix, centres: Matrix) -> NDArray[np.int64]:
    distances = np.stack([((placed - centre) ** 2).sum(axis=1) for centre in centres])
    return np.asarray(distances.argmin(axis=0), dtype=np.int64)


def _ordered(placed: Matrix, centres: Matrix) -> tuple[Matrix, NDArray[np.int64]]:
    """Number the clusters from the largest down, so that the same groups get the same numbers."""
    if not len(centres):
        return centres, np.zeros(0, dtype=np.int64)
    sizes = np.bincount(_nearest(placed, centres), minlength=len(centres))
    # a centre that only the sample had members for would be a group of nobody
    order = sorted(np.flatnonzero(sizes), key=lambda c: (-sizes[c], centres[c].tolist()))
    centres = centres[order]
    return centres, _nearest(placed, centres)


def _describe(
    frame: pl.DataFrame, fitted: space.Space, placed: Matrix, groups: NDArray[np.int64], count: int
) -> list[dict[str, object]]:
    if not count:
        return []
    absent = np.isnan(matrix(frame, fitted.names))
    z = np.stack([placed[groups == c].mean(axis=0) for c in range(count)])
    nulls = np.stack([absent[groups == c].mean(axis=0) for c in range(count)])
    words = personas.name(fitted.names, z, nulls)
    return [
        {
            "cluster": c,
            "persona": words[c],
            "share": round(float((groups == c).mean()), 4),
            "sets_apart": {fitted.names[f]: round(float(z[c, f]), 2) for f in np.argsort(-np.abs(z[c]))[:3]},
        }
        for c in range(count)
    ]
