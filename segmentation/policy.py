"""What segments do to each other, exclusions and groups, applied to definitions that are not published yet.

Of segments that stay as they are, the published version knows who fulfils their rules: members and those kept out.
"""

import duckdb
from jinja2 import StrictUndefined
from jinja2.sandbox import ImmutableSandboxedEnvironment

from segmentation.definition import Definition
from warehouse.dbt import PROJECT

_MODEL = PROJECT / "models" / "memberships" / "kept_out.sql"
_STATED = """
create or replace temp table {side}_segment_definitions (
    segment_id varchar, group_name varchar, group_rank integer, excludes varchar[], parent varchar,
    owner varchar, tier varchar, purpose varchar, review_by date, definition_version varchar
)
"""
_RULE_HITS = """
select segment_id, customer_id from published.segments.memberships
union all
select segment_id, customer_id from published.segments.kept_out
"""
# of a group those compete who are excluded from nothing
_KEPT_OUT = f"""
delete from now_member
where
    customer_id in (select customer_id from ({_RULE_HITS}) where segment_id in (select unnest($excludes)))
    or customer_id in (
        select customer_id
        from (
            select segment_id, customer_id from published.segments.memberships
            union all
            select segment_id, customer_id from published.segments.kept_out where reason = 'outranked'
        ) as competing
        inner join published.segments.segment_definitions as others using (segment_id)
        where others.group_name = $group and others.group_rank < $rank and segment_id <> $name
    )
"""


def keep_out(connection: duckdb.DuckDBPyConnection, definition: Definition) -> None:
    """Remove from the table `now_member`, who fulfil the rule, whom published segments keep out."""
    policy = definition.policy
    values = {"group": policy.group, "rank": policy.rank, "excludes": list(policy.excludes), "name": definition.name}
    connection.execute(_KEPT_OUT, values)


def unchanged(connection: duckdb.DuckDBPyConnection, side: str, changed: list[str]) -> None:
    """Create `<side>_rule_hits` with whoever fulfils the rule of a segment that is not changed."""
    connection.execute(
        f"create or replace temp table {side}_rule_hits as"
        f" select * from ({_RULE_HITS}) where segment_id not in (select unnest($changed))",
        {"changed": changed},
    )


def apply(connection: duckdb.DuckDBPyConnection, side: str, definitions: dict[str, Definition]) -> None:
    """Create `<side>_segment_definitions`, and `<side>_memberships` from `<side>_rule_hits` by dbt's own model."""
    connection.execute(_STATED.format(side=side))
    for one in definitions.values():
        stated = [one.name, one.policy.group, one.policy.rank, list(one.policy.excludes), one.meta.get("parent")]
        columns = "(segment_id, group_name, group_rank, excludes, parent)"
        connection.execute(f"insert into {side}_segment_definitions {columns} values (?, ?, ?, ?, ?)", stated)
    sql = _environment().from_string(_MODEL.read_text()).render(ref=lambda model: f"{side}_{model}")
    connection.execute(
        f"create or replace temp table {side}_memberships as"
        f" from {side}_rule_hits anti join ({sql}) using (segment_id, customer_id)"
    )


def _environment() -> ImmutableSandboxedEnvironment:
    # what it renders is SQL, not HTML: nothing is escaped
    return ImmutableSandboxedEnvironment(undefined=StrictUndefined, autoescape=False)
