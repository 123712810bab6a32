"""A new segment: its two files, with an example that works and a unit test on each side of its edge.

The example is those who bought lately. As SQL it is what the rule comes to, so that one can go on from either.
"""

from datetime import date
from pathlib import Path

import yaml

from segmentation import compiled, generate
from segmentation.rule import GRAMMAR
from segmentation.vocabulary import vocabulary
from segmentation.wording import shown
from warehouse import atomic
from warehouse.dbt import PROJECT, SEGMENTS
from warehouse.errors import SmaltiError

_SIDECAR = """\
models:
  - name: {name}
    description: >
      Bought within the past 30 days on a completed order.
      One row per customer. Used for …
    config:
      meta:
        owner: {owner}
        tier: {tier}
        purpose: {purpose}
        review_by: {review_by}
        thresholds: {{window: 30}}
{rule}    columns:
      - name: customer_id

unit_tests:
  - name: in_{name}_thirty_days_ago_is_too_long
    model: {name}
    overrides: {{macros: {{as_of: "timestamp '2026-09-01'", threshold: 30}}}}
    given:
      - input: ref('customers')
        rows:
          - {{customer_id: just_in, last_ordered_at: 2026-08-02 00:00:01}}
          - {{customer_id: just_out, last_ordered_at: 2026-08-02 00:00:00}}
          - {{customer_id: never, last_ordered_at: null}}
    expect:
      rows: [{{customer_id: just_in}}]
"""
_RULE = "        rule: {attribute: last_ordered_at, after: window days ago}\n"


def begin(
    name: str, facts: dict[str, str], review_by: date, *, as_rule: bool, folder: Path = SEGMENTS
) -> tuple[Path, Path]:
    """Write a segment's sidecar and query and give both; `facts` are owner, purpose and tier.

    Raises:
        SmaltiError: the name cannot be a segment's, or is taken.
    """
    _refuse(name, folder)
    sidecar, query = folder / f"{name}.yml", folder / f"{name}.sql"
    text = _SIDECAR.format(name=name, review_by=review_by, rule=_RULE if as_rule else "", **facts)
    sql = generate.sql(name, GRAMMAR.validate_python(yaml.safe_load(_RULE)["rule"]), vocabulary(folder))
    for path, content in ((sidecar, text), (query, sql if as_rule else sql.split("\n", 1)[1])):
        with path.open("x") as file:
            file.write(content)
        atomic.sync(path)
    return sidecar, query


def _refuse(name: str, folder: Path) -> None:
    if told := compiled.unfit(name):
        raise SmaltiError(told)
    if name in vocabulary(folder).segments:
        raise SmaltiError(f"there is a segment {shown(name)} already; allowed is a name that is not taken")
    if name in _tables():
        raise SmaltiError(f"there is a table {shown(name)} already; allowed is a name that is not taken")


def _tables() -> set[str]:
    """Models and seeds: dbt has one namespace for all."""
    return {path.stem for folder in ("models", "seeds") for path in (PROJECT / folder).rglob("*.*")} | _sources()


def _sources() -> set[str]:
    described = yaml.safe_load((PROJECT / "models" / "_sources.yml").read_text())["sources"]
    return {table["name"] for source in described for table in source["tables"]}
