"""Before anything is published, too small a segment is sent as its parent, as it will be once it is."""

import shutil
from pathlib import Path

import duckdb

from segmentation import activation, policy
from segmentation.definition import Definition
from warehouse import dbt, pseudonyms
from warehouse.settings import Settings

FLOOR = 3
SEEDS = {
    "activations": "destination,segment,purpose,channel\ncms,large,mail,email\ncms,small,mail,email\n",
    "destinations": "destination,purpose,channel,holdout_share\ncms,mail,email,0\n",
    "holdouts": "destination,segment,holdout_share\n",
}


def _project(folder: Path) -> Path:
    (folder / "seeds").mkdir(parents=True)
    shutil.copy(dbt.PROJECT / "dbt_project.yml", folder)
    path = folder / "dbt_project.yml"
    path.write_text(path.read_text().replace("global_control_share: 0.01", "global_control_share: 0"))
    for name, text in SEEDS.items():
        (folder / "seeds" / f"{name}.csv").write_text(text)
    return folder


def _sent(settings: Settings, project: Path, small: dict[str, str]) -> dict[str, list[str]]:
    connection = duckdb.connect()
    pseudonyms.bind(connection, settings)
    connection.execute("""
        attach ':memory:' as published;
        create schema published.profiles; create schema published.segments;
        create table published.segments.segment_checks (segment_id varchar, problem varchar);
        create table published.profiles.customers as
            select 'c' || i as customer_id, true as is_active, false as is_anomalous from range(5) as t(i);
        create table published.profiles.customer_consents as
            select customer_id, 'mail' as purpose, 'email' as channel, customer_id <> 'c4' as is_granted
            from published.profiles.customers;
        create temp table people as from published.profiles.customers;
        create temp table after_rule_hits as
            select 'large' as segment_id, 'c' || i as customer_id from range(3) as t(i)
            union all select 'small', 'c' || i from range(3, 5) as t(i);
    """)
    definitions = {"large": Definition("large", ""), "small": Definition("small", "", small)}
    policy.apply(connection, "after", definitions)
    activation.build(connection, "after", project, FLOOR)
    return dict(connection.execute("select customer_id, segment_ids from after_audience").fetchall())


def test_too_small_a_segment_is_sent_as_its_parent(settings: Settings, tmp_path: Path) -> None:
    project = _project(tmp_path / "project")
    alone = {f"c{number}": ["large"] for number in range(3)}
    assert _sent(settings, project, {}) == alone
    assert _sent(settings, project, {"parent": "large"}) == alone | {"c3": ["large"]}
