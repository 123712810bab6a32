"""What was made of what: OpenLineage events, one a line of `logs/lineage.jsonl`.

A stage is a run of a job that tells when it starts and how it ends; what it made of what stands at its end. Its parts
(a dbt model, a published table) are runs of their own with the stage as parent, so that no dataset seems to rest on
more than it does. Datasets are named relative to `SMALTI_HOME` and told with counts only.
"""

import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from importlib.metadata import version
from pathlib import Path

from openlineage.client import event_v2 as ol
from openlineage.client import facet_v2 as facets
from openlineage.client.generated.base import RunFacet
from openlineage.client.transport.file import FileConfig, FileTransport
from openlineage.client.uuid import generate_new_uuid

NAMESPACE = "smalti"
_PRODUCER = f"urn:smalti:{version('smalti')}"


@dataclass(frozen=True)
class Dataset:
    """A dataset by its name, with what is known of its size: rows, bytes, files."""

    name: str
    rows: int | None = None
    bytes: int | None = None
    files: int | None = None


@dataclass(frozen=True)
class Flow:
    """What was made of what."""

    inputs: tuple[Dataset, ...] = ()
    outputs: tuple[Dataset, ...] = ()


@dataclass(frozen=True)
class Part:
    """A part of a stage: what kind of thing (`MODEL`, `TABLE`), its name, its flow, when (ISO 8601), how it ended."""

    kind: str
    name: str
    flow: Flow
    started_at: str
    ended_at: str
    failed: bool = False


@dataclass(frozen=True)
class StageRun:
    """One execution of a stage: its job, and the run of ours that it belongs to."""

    run_id: str
    job: str
    uuid: str = field(default_factory=lambda: str(generate_new_uuid()))


def begin(path: Path, run: StageRun, at: str) -> None:
    """Tell that the stage starts."""
    _emit(path, [_event("START", _run(run), _job("STAGE", run.job), at, Flow())])


def end(path: Path, run: StageRun, at: str, flow: Flow, parts: Iterable[Part] = (), error: str | None = None) -> None:
    """Tell how the stage ended and what it made of what; `error` is None where it went well."""
    events = [event for part in parts for event in _part(run, part)]
    state = "COMPLETE" if error is None else "FAIL"
    _emit(path, [*events, _event(state, _run(run, error), _job("STAGE", run.job), at, flow)])


def _part(stage: StageRun, part: Part) -> list[ol.RunEvent]:
    parent = _parent(stage.uuid, stage.job)
    run = ol.Run(str(generate_new_uuid(datetime.fromisoformat(part.started_at))), {"parent": parent})
    job, state = _job(part.kind, part.name), "FAIL" if part.failed else "COMPLETE"
    return [
        _event("START", run, job, part.started_at, Flow()),
        _event(state, run, job, part.ended_at, part.flow),
    ]


def _run(stage: StageRun, error: str | None = None) -> ol.Run:
    tag = facets.tags_run.TagsRunFacetFields("run_id", stage.run_id, "SMALTI")
    found: dict[str, RunFacet] = {
        "parent": _parent(str(uuid.uuid5(uuid.NAMESPACE_OID, stage.run_id)), "run"),
        "tags": facets.tags_run.TagsRunFacet([tag], producer=_PRODUCER),
    }
    if error is not None:
        found["errorMessage"] = facets.error_message_run.ErrorMessageRunFacet(error, "PYTHON", producer=_PRODUCER)
    return ol.Run(stage.uuid, found)


def _parent(run: str, job: str) -> facets.parent_run.ParentRunFacet:
    return facets.parent_run.ParentRunFacet(
        facets.parent_run.Run(run), facets.parent_run.Job(NAMESPACE, job), producer=_PRODUCER
    )


def _job(kind: str, name: str) -> ol.Job:
    what = facets.job_type_job.JobTypeJobFacet("BATCH", "SMALTI", kind, producer=_PRODUCER)
    return ol.Job(NAMESPACE, name, {"jobType": what})


def _event(state: str, run: ol.Run, job: ol.Job, at: str, flow: Flow) -> ol.RunEvent:
    return ol.RunEvent(
        eventType=ol.RunState(state),
        eventTime=at,
        run=run,
        job=job,
        inputs=[_input(one) for one in flow.inputs],
        outputs=[_output(one) for one in flow.outputs],
        producer=_PRODUCER,
    )


def _input(one: Dataset) -> ol.InputDataset:
    counts = facets.input_statistics_input_dataset.InputStatisticsInputDatasetFacet(
        one.rows, one.bytes, one.files, producer=_PRODUCER
    )
    return ol.InputDataset(NAMESPACE, one.name, inputFacets={"inputStatistics": counts} if _known(one) else {})


def _output(one: Dataset) -> ol.OutputDataset:
    counts = facets.output_statistics_output_dataset.OutputStatisticsOutputDatasetFacet(
        one.rows, one.bytes, one.files, producer=_PRODUCER
    )
    return ol.OutputDataset(NAMESPACE, one.name, outputFacets={"outputStatistics": counts} if _known(one) else {})


def _known(one: Dataset) -> bool:
    return (one.rows, one.bytes, one.files) != (None, None, None)


def _emit(path: Path, events: list[ol.RunEvent]) -> None:
    """Append the events; by the transport alone: the client would add what it finds in the environment."""
    path.parent.mkdir(parents=True, exist_ok=True)
    transport = FileTransport(FileConfig(str(path), append=True))
    for event in events:
        transport.emit(event)
