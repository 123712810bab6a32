"""Who would be sent what: dbt's own model of activation, rendered over memberships that are not published yet."""

from pathlib import Path

import duckdb
import yaml
from jinja2 import StrictUndefined
from jinja2.sandbox import ImmutableSandboxedEnvironment

from warehouse.dbt import PROJECT
from warehouse.sql import literal

_MODEL = PROJECT / "models" / "activation" / "activated_memberships.sql"
_MACROS = PROJECT / "macros" / "holdout.sql"
_SEEDS = ("activations", "destinations", "holdouts")
_CATALOG = PROJECT / "models" / "memberships" / "catalog.sql"
_ACTIVATED = "create or replace temp table {name}_activated as select * from ({sql}) where is_sendable"
_AUDIENCE = """
create or replace temp table {name}_audience as
select destination, customer_id, list(segment_id order by segment_id) as segment_ids
from {name}_activated
where has_consent and arm = 'treated'
group by destination, customer_id
"""


def build(connection: duckdb.DuckDBPyConnection, name: str, project: Path, floor: int) -> None:
    """Create `<name>_activated` and `<name>_audience` from `<name>_memberships` and the seeds of that dbt project.

    `<name>_segment_definitions` says what rolls up to what.

    The lots are those of dbt: the session must hold the namespace (`pseudonyms.bind`).
    """
    for seed in _SEEDS:
        path = literal(project / "seeds" / f"{seed}.csv")
        connection.execute(
            f"create or replace temp table {name}_{seed} as from read_csv({path}, header = true, all_varchar = true)"
        )
    connection.execute(f"alter table {name}_destinations alter holdout_share type double")
    connection.execute(f"alter table {name}_holdouts alter holdout_share type double")
    own = {"memberships", "segment_definitions", "catalog", *_SEEDS}
    catalog = _environment().from_string(_CATALOG.read_text())
    control = f"(select {floor} as segment_floor)"
    sql = catalog.render(ref=lambda model: _relation(name, model, own), source=lambda *_: control)
    connection.execute(f"create or replace temp table {name}_catalog as {sql}")
    share = yaml.safe_load((project / "dbt_project.yml").read_text())["vars"]["global_control_share"]
    sql = (
        _environment()
        .from_string(_MACROS.read_text() + _MODEL.read_text())
        .render(
            ref=lambda model: _relation(name, model, own),
            var=lambda _: share,
        )
    )
    connection.execute(_ACTIVATED.format(name=name, sql=sql))
    connection.execute(_AUDIENCE.format(name=name))


def _relation(name: str, model: str, own: set[str]) -> str:
    schema = "segments" if model == "segment_checks" else "profiles"
    return f"{name}_{model}" if model in own else f"published.{schema}.{model}"


def _environment() -> ImmutableSandboxedEnvironment:
    # what it renders is SQL, not HTML: nothing is escaped
    return ImmutableSandboxedEnvironment(undefined=StrictUndefined, autoescape=False)
