"""Clusters on CDNOW beside their reference: K-Means on recency, frequency and money, by the rule of our own models.

The 23,570 customers of the master file, as of 1998-06-30: days since the last purchase, purchases (days with one), and
what they came to. The number of groups is chosen by `models_ml.number` alone; agreement is measured on all customers,
not on the sample that the rule judges by. Nothing is fitted to these figures, and they are read once.
"""

import json
from collections.abc import Iterator
from datetime import date
from functools import partial
from pathlib import Path

import duckdb
import numpy as np
import polars as pl
from sklearn.metrics import adjusted_rand_score, silhouette_samples
from threadpoolctl import threadpool_limits

from benchmarks import lines
from benchmarks.lines import Line
from models_ml import clusters, grouping, space, stability
from models_ml.clusters import PARAMETERS
from models_ml.features import Matrix

MASTER = "cdnow/CDNOW_master.txt.zst"
END, EARLIER = date(1998, 6, 30), date(1998, 3, 31)
NAMES = ("orders_count", "recency_days", "spend_total_amount")
_PURCHASES = """
select line[1] as customer_id, strptime(line[2], '%Y%m%d')::date as ordered_at, sum(line[4]::double) as amount
from (
    select regexp_split_to_array(trim(column0), '\\s+') as line
    from read_csv($path, header = false, sep = '|', columns = {'column0': 'varchar'})
)
where line[1] similar to '[0-9]+'  -- the first line names the columns
group by all
"""
_RFM = """
select
    customer_id, count(*) as orders_count, $until - max(ordered_at) as recency_days,
    sum(amount) as spend_total_amount
from purchases where ordered_at <= $until group by customer_id order by orders_count, recency_days, spend_total_amount
"""
_DRAWS, _SHOWN, _RESAMPLED = 20, 10_000, 200
# what was measured before, of five groups, with the goals; three months apart it was .50 to .78, by which features
_KNOWN, _SILHOUETTE, _BY = 5, 0.420, "K-Means, k=5"
_BOOTSTRAP, _HALVES, _AGREED = (0.987, 0.95), (0.952, 0.90), (0.78, "at best")


def measure(data: Path) -> list[Line]:
    """The lines of clusters; `not measured` where the data is not there.

    Args:
        data: the folder of data sets.
    """
    if not (data / MASTER).exists():
        return [Line("clusters cdnow master", None, None, "", "", None, None, "not measured", f"no {MASTER}")]
    with threadpool_limits(1):
        return list(_lines(*(_rfm(data / MASTER, until) for until in (END, EARLIER))))


def _lines(now: pl.DataFrame, earlier: pl.DataFrame) -> Iterator[Line]:
    placed = space.coordinates(now, space.fit(now, NAMES))
    metrics = json.loads(clusters.fit(now, NAMES)["card.json"])["metrics"]
    chosen = int(metrics["clusters"])
    why = str(metrics.get("why", ""))
    yield Line("clusters number by the rule", chosen, _KNOWN, "silhouette", "", chosen, chosen, "no goal", why)
    for k in dict.fromkeys((chosen or _KNOWN, _KNOWN)):
        yield _silhouette(placed, k)
        yield from _stable(placed, k)
        yield _agreement(now, earlier, k)
    yield _kept(now, earlier)


def _silhouette(placed: Matrix, k: int) -> Line:
    """Of a sample of all: the distances of everybody to everybody would be half a billion."""
    sample = placed[clusters.chosen(len(placed), _SHOWN, PARAMETERS.seed)]
    members = grouping.nearest(sample, grouping.kmeans(placed, k, PARAMETERS.starts, PARAMETERS.seed))
    values = silhouette_samples(sample, members)
    mean, error = float(values.mean()), 1.96 * float(values.std()) / len(values) ** 0.5
    return Line(f"clusters k={k} silhouette", mean, _SILHOUETTE, _BY, "", mean - error, mean + error, "no goal")


def _stable(placed: Matrix, k: int) -> Iterator[Line]:
    find = partial(grouping.find, "kmeans", PARAMETERS.starts, PARAMETERS.seed)
    rng = np.random.default_rng(PARAMETERS.seed)
    again = stability.bootstrap(placed, find, find(placed, [k]), _DRAWS, rng)[k]
    halves = stability.split_half(placed, find, [k], _DRAWS, rng)[k]
    for name, draws, (reference, goal) in (("bootstrap", again, _BOOTSTRAP), ("split-half", halves, _HALVES)):
        mean, (low, high) = float(np.mean(draws)), np.quantile(draws, (0.025, 0.975)).tolist()
        verdict: lines.Verdict = "met" if mean >= goal else "missed"
        yield Line(f"clusters k={k} {name} ari", mean, reference, _BY, f"≥ {goal}", low, high, verdict)


def _agreement(now: pl.DataFrame, earlier: pl.DataFrame, k: int) -> Line:
    """Groups drawn anew three months later, of the same customers."""
    then, today = (_members(frame, k) for frame in (earlier, now))
    both = then.join(today, on="customer_id", suffix="_now").select("cluster", "cluster_now").to_numpy()
    found = float(adjusted_rand_score(*both.T))
    rng = np.random.default_rng(PARAMETERS.seed)
    drawn = [adjusted_rand_score(*both[rng.integers(0, len(both), len(both))].T) for _ in range(_RESAMPLED)]
    low, high = np.quantile(drawn, (0.025, 0.975)).tolist()
    return Line(f"clusters k={k} three months apart ari", found, *_AGREED, "", low, high, "no goal")


def _kept(now: pl.DataFrame, earlier: pl.DataFrame) -> Line:
    """The share of customers who keep their number in three months, beside numbers given anew by size."""
    former = clusters.fit(earlier, NAMES)
    then = clusters.assign(former, earlier, "earlier")
    shares = []
    for files in (clusters.fit(now, NAMES, former, "earlier"), clusters.fit(now, NAMES)):
        both = then.join(clusters.assign(files, now, "now"), on="customer_id", suffix="_now")
        shares.append(float((both["cluster"] == both["cluster_now"]).to_numpy().mean()) if both.height else 0.0)
    error = 1.96 * (shares[0] * (1 - shares[0]) / now.height) ** 0.5
    bounds = shares[0] - error, shares[0] + error
    return Line("clusters keep their number three months", shares[0], shares[1], "given anew", "", *bounds, "no goal")


def _members(frame: pl.DataFrame, k: int) -> pl.DataFrame:
    placed = space.coordinates(frame, space.fit(frame, NAMES))
    groups = grouping.kmeans(placed, k, PARAMETERS.starts, PARAMETERS.seed)
    return frame.select("customer_id").with_columns(cluster=pl.Series(grouping.nearest(placed, groups)))


def _rfm(path: Path, until: date) -> pl.DataFrame:
    with duckdb.connect() as connection:
        connection.execute(f"create table purchases as {_PURCHASES}", {"path": str(path)})
        return connection.execute(_RFM, {"until": until}).pl()
