"""pandas: vectorised, reading only the columns that it needs; repeated text is categorical, money whole cents.

Its rolling windows count no distinct values but by a function of Python. So only views of groups in which five stand
within ten minutes come to that function.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from benchmarks.peers import subset
from benchmarks.peers.work import Work

_REPEATED = ["anonymous_id", "user_id", "event_type", "product_id", "category"]
_NEEDED = ["event_id", *_REPEATED, "price", "ts"]
_GAP, _WITHIN, _RECENT, _PRODUCTS = pd.Timedelta("30min"), pd.Timedelta("10min"), pd.Timedelta("30D"), 5


def _events(path: Path) -> pd.DataFrame:
    """Each event once, with its person."""
    table = pq.read_table(path, columns=_NEEDED, read_dictionary=_REPEATED)
    cents = pc.cast(pc.multiply(table["price"], pa.scalar(100)), pa.int64())
    table = table.drop_columns("price").append_column("cents", cents)
    events: pd.DataFrame = table.to_pandas(self_destruct=True)
    events = events.drop_duplicates("event_id").drop(columns="event_id")
    known = events[["anonymous_id", "user_id"]].dropna().drop_duplicates("anonymous_id").set_index("anonymous_id")
    devices = pd.Series(events["anonymous_id"].cat.categories)
    persons = devices.map(known["user_id"].astype(devices.dtype)).fillna(devices)
    codes, names = pd.factorize(persons)
    events["person"] = pd.Categorical.from_codes(codes[events["anonymous_id"].cat.codes], names)
    return events.drop(columns="user_id")


def _people(events: pd.DataFrame) -> pd.DataFrame:
    people = events[["anonymous_id", "person"]].drop_duplicates()
    return people.rename(columns={"anonymous_id": "device"})


def _sessions(events: pd.DataFrame) -> pd.DataFrame:
    """In one sorted frame a session starts where the person or, by more than the gap, the time is another."""
    ordered = events[["person", "ts"]].sort_values(["person", "ts"])
    person = ordered["person"].cat.codes
    is_start = (person != person.shift()) | (ordered["ts"].diff() > _GAP)
    times = ordered.groupby(is_start.cumsum().to_numpy(), sort=False)["ts"].agg(["max", "size"])
    sessions = ordered[is_start].rename(columns={"ts": "started_at"})
    return sessions.assign(ended_at=times["max"].to_numpy(), events_count=times["size"].to_numpy())


def _interests(events: pd.DataFrame) -> pd.DataFrame:
    known = subset.signals()
    signals = events.loc[events["event_type"].isin(list(known)), ["person", "category", "event_type", "ts"]]
    weight = signals["event_type"].map({name: one.weight for name, one in known.items()}).astype(float)
    half_life = signals["event_type"].map({name: one.half_life_days for name, one in known.items()}).astype(float)
    age = (pd.Timestamp(subset.AS_OF) - signals["ts"]).dt.total_seconds() / 86_400
    signals["score"] = weight * np.exp2(-age / half_life)
    return signals.groupby(["person", "category"], observed=True, sort=False)["score"].sum().reset_index()


def _rfm(events: pd.DataFrame) -> pd.DataFrame:
    purchases = events[events["event_type"] == "purchase"].groupby("person", observed=True, sort=False)
    orders = purchases.agg(orders_count=("ts", "size"), last_ordered_at=("ts", "max"), spend_cents=("cents", "sum"))
    by = {"recency": "last_ordered_at", "frequency": "orders_count", "monetary": "spend_cents"}
    quintiles = {name: np.ceil(5 * orders[column].rank(method="max", pct=True)) for name, column in by.items()}
    return orders.assign(**quintiles).reset_index()


def _segment(events: pd.DataFrame) -> pd.DataFrame:
    wanted = (events["event_type"] == "product_view") & events["category"].notna()
    wanted &= events["ts"] > pd.Timestamp(subset.AS_OF) - _RECENT
    views = events.loc[wanted, ["person", "category", "product_id", "ts"]].sort_values(["person", "category", "ts"])
    groups = views["person"].cat.codes.astype("int64") * len(views["category"].cat.categories)
    views["whose"] = groups + views["category"].cat.codes
    crowded = views["ts"] - views["ts"].shift(_PRODUCTS - 1) <= _WITHIN
    crowded &= views["whose"] == views["whose"].shift(_PRODUCTS - 1)
    views = views[views["whose"].isin(views.loc[crowded, "whose"].unique())]
    views["product"] = views["product_id"].cat.codes.astype(float)
    rolled = views.set_index("ts").groupby("whose", sort=False)["product"].rolling(_WITHIN, closed="both")
    most = rolled.apply(lambda products: len(np.unique(products)), raw=True).groupby("whose").max()
    found = most.index[most >= _PRODUCTS]
    return views.loc[views["whose"].isin(found), ["person"]].drop_duplicates()


_QUERIES = {"people": _people, "sessions": _sessions, "interests": _interests, "rfm": _rfm, "segment": _segment}


@contextmanager
def ready(path: Path, folder: Path) -> Iterator[Work]:  # noqa: ARG001  # it spills nothing
    """The events are one frame; each answer is computed from it."""
    made: dict[str, pd.DataFrame] = {}

    def compute(name: str, of: Callable[[pd.DataFrame], pd.DataFrame]) -> None:
        made[name] = of(made["events"])

    steps: dict[str, Callable[[], None]] = {"events": lambda: made.update(events=_events(path))}
    steps |= {name: partial(compute, name, of) for name, of in _QUERIES.items()}

    def keep(answers: Path) -> None:
        for name in subset.ANSWERS:
            made[name].to_parquet(subset.path(answers, name), index=False)

    yield Work({"pandas": pd.__version__, "pyarrow": pa.__version__}, steps, keep)
