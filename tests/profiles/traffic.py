"""Events under the people who made them, and the models of anomalies over these: what is found, without a pipeline."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import duckdb
import jinja2
import polars as pl
from markupsafe import Markup

from warehouse.settings import CHECKOUT

_DBT = CHECKOUT / "dbt_project"
_EVENTS = {
    **dict.fromkeys(("customer_id", "user_id", "device_id", "anonymous_id", "event_type"), pl.String),
    "occurred_at": pl.Datetime("us"),
    "is_bot": pl.Boolean,
}
_ORDERS = {
    "customer_id": pl.String,
    "ordered_at": pl.Datetime("us"),
    "revenue_amount": pl.Decimal(18, 2),
    "is_revenue": pl.Boolean,
}


@dataclass(frozen=True)
class Traffic:
    """Events and orders, each with its true person."""

    connection: duckdb.DuckDBPyConnection = field(default_factory=duckdb.connect)

    def __post_init__(self) -> None:
        """Bind the rules as they stand, and nothing yet that anybody did."""
        seed = _DBT / "seeds" / "anomaly_rules.csv"
        self.connection.execute(f"set TimeZone = 'UTC'; create table anomaly_rules as from read_csv('{seed}')")
        self.events(pl.DataFrame(schema=_EVENTS))
        self.orders(pl.DataFrame(schema=_ORDERS))

    def events(self, rows: Any) -> None:  # noqa: ARG002 (DuckDB reads it by its name)
        """Take these for all events; a frame or a relation."""
        self.connection.execute(
            "create or replace table touched_events as select *, hash(user_id) as user_number,"
            " hash(coalesce(device_id, anonymous_id)) as device_number from rows"
        )

    def orders(self, rows: Any) -> None:  # noqa: ARG002 (as above)
        """Take these for all orders."""
        self.connection.execute("create or replace table customer_orders as select * from rows")

    def found(self, as_of: datetime) -> pl.DataFrame:
        """The anomalies at a moment."""
        for model in ("event_anomalies", "anomalies"):
            self.connection.execute(f"create or replace table {model} as {rendered(model, as_of)}")
        return self.connection.execute("from anomalies order by all").pl()

    def who(self, as_of: datetime, *kinds: str) -> set[str]:
        """People with an anomaly of one of these kinds, of any without."""
        rows = self.found(as_of)
        return set(rows.filter(pl.col("kind").is_in(kinds) if kinds else pl.lit(value=True))["customer_id"])


def rendered(model: str, as_of: datetime | None = None) -> str:
    """The SQL of a model over tables of the names that it refers to."""
    text = (_DBT / "models" / "profiles" / f"{model}.sql").read_text()
    moment = Markup("timestamp '{}'").format(str(as_of))
    words = {"ref": str, "as_of": lambda: moment, "config": lambda **_: ""}
    return str(jinja2.Environment(autoescape=True).from_string(text).render(words))
