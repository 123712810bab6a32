"""Segments that an analyst broke: each stands still with the people it had, and all others go on.

They are found before dbt builds, by their files; while it builds, where the SQL of one fails on some rows; and after,
by whom they return (`segments.segment_checks`).
"""

import shutil
from collections.abc import Collection, Container, Sequence
from datetime import datetime

import duckdb

from segmentation import definition
from segmentation.definition import Definition
from segmentation.examine import Finding, examine, unreadable
from smalti import sidecars
from warehouse import dbt, ledger, overrides, run
from warehouse.errors import SmaltiError
from warehouse.examined import Examined, Still, still
from warehouse.settings import Settings
from warehouse.version import open_version, refuse_earlier

_QUERY = """with

spells_before as (

    select * from {{{{ ref('spells_before') }}}}

),

{name} as (

    select customer_id
    from spells_before
    where segment_id = '{name}' and left_at is null

)

select * from {name}
"""
_SIDECAR = """models:
  - name: {name}
    description: The people it had, while its own definition cannot be used. One row per customer.
    config: {{meta: {{owner: unknown, is_stand_in: true}}}}
    columns: [{{name: customer_id}}]
"""


def build(settings: Settings, folders: Sequence[str], *, data_tests: bool) -> tuple[int, list[Still]]:
    """Build segments and what follows them; how many models and tests succeeded, and which segments stand still.

    Raises:
        SmaltiError: something failed that is no segment's.
    """
    broken = _bind(settings, {})
    while True:
        _stand_in(settings, broken)
        try:
            built = dbt.build(settings, folders, data_tests=data_tests)
            break
        except dbt.BuildFailed as failed:
            new = {name: kind for name, kind in failed.segments.items() if name not in broken}
            if not new:
                raise
            broken |= {name: f"{name}.sql: fails on some rows ({kind})" for name, kind in new.items()}
        _bind(settings, broken)
    return built, run.standing_still(settings)


def prepare(settings: Settings) -> None:
    """Let dbt read the project: where the files of a segment cannot be read, others stand in for them."""
    wrong = sidecars.wrong(dbt.SEGMENTS)
    models = [path.stem for path in (dbt.PROJECT / "models").rglob("*.sql")]
    _stand_in(settings, wrong | unreadable(_sound(wrong), models))


def _sound(wrong: Container[str]) -> dict[str, Definition]:
    return {name: definition.read(name, dbt.SEGMENTS) for name in dbt.segment_names() if name not in wrong}


def _bind(settings: Settings, failed: dict[str, str]) -> dict[str, str]:
    wrong = sidecars.wrong(dbt.SEGMENTS) | failed
    metas, accepted = sidecars.metas(dbt.SEGMENTS), _accepted(settings)

    def look(connection: duckdb.DuckDBPyConnection) -> list[Examined]:
        found = examine(connection, _sound(wrong))
        wrong.update({name: one.problem for name, one in found.items() if one.problem})
        return [
            Examined(
                segment_id=name,
                problem=wrong.get(name),
                stands_alone=found.get(name, Finding()).stands_alone,
                tells_apart=found.get(name, Finding()).tells_apart,
                comes_and_goes=name in metas and metas[name].comes_and_goes,
                accepted_people=accepted.get(name),
            )
            for name in dbt.segment_names()
        ]

    run.examine_segments(settings, look)
    return wrong


def accept(settings: Settings, segment: str, reason: str, now: datetime) -> Still:
    """Let the next run take over as many people as the published version found (a tenth more at most).

    Raises:
        NothingPublished: there is no current version.
        SmaltiError: the segment does not stand still for its size; or there is no reason.
    """
    found = {one.segment_id: one for one in published(settings) if one.may_be_accepted}
    if segment not in found:
        known = ", ".join(found) or "none"
        raise SmaltiError(f"segment {segment!r} does not stand still for its size in this version; there are: {known}")
    detail = f"{settings.current.resolve().stem} {found[segment].people_found}"
    overrides.record(settings.ledger, "segment", segment, [detail], reason, now)
    return found[segment]


def published(settings: Settings) -> list[Still]:
    """The segments that stand still in the current version."""
    with open_version(settings) as (connection, version):
        refuse_earlier(connection, version)
        return still(connection, "published.")


def _accepted(settings: Settings) -> dict[str, int]:
    """How many people each segment may have that somebody accepted since the last version was published."""
    begun = [row["started_at"] for row in ledger.stages(settings.ledger, stage="publish") if row["status"] == "ok"]
    return {
        row["subject"]: int(row["detail"].split()[-1])
        for row in reversed(overrides.latest(settings.ledger, None))
        if row["kind"] == "segment" and row["decided_at"] >= max(begun, default="")
    }


def _stand_in(settings: Settings, broken: Collection[str]) -> None:
    """Make the project that dbt reads in this home: where something is broken, a copy in which others stand in."""
    copy = dbt.copy_of(settings)
    if copy.exists() or broken:
        dbt.forget(settings)
    shutil.rmtree(copy, ignore_errors=True)
    if not broken:
        return
    aside = copy.with_suffix(".tmp")
    shutil.rmtree(aside, ignore_errors=True)
    shutil.copytree(dbt.PROJECT, aside, ignore=shutil.ignore_patterns("target*", "logs"))
    for name in broken:
        query, sidecar = (aside / "models" / "segments" / f"{name}.{kind}" for kind in ("sql", "yml"))
        if query.exists():
            query.write_text(_QUERY.format(name=name))
            sidecar.write_text(_SIDECAR.format(name=name))
        else:
            sidecar.unlink()
    aside.replace(copy)
