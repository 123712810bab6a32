"""The schema of a segment's sidecar; dbt accepts unknown keys, we do not."""

import re
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag, ValidationError, field_validator

from segmentation import compiled
from smalti import destination_seeds, sidecar_policy, sidecar_thresholds
from smalti.yaml_lines import line
from warehouse import activations
from warehouse import thresholds as shared_thresholds
from warehouse.dbt import SEGMENTS
from warehouse.thresholds import Bounded, Name, Number

OWNER = re.compile("^[a-z][a-z0-9_]*$")


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


def _form(stated: object) -> str:
    return "range" if isinstance(stated, dict | Bounded) else "number"


Hour = Annotated[int, Field(ge=0, le=23)]
# one form is asked for its errors, not both
Threshold = Annotated[Annotated[Number, Tag("number")] | Annotated[Bounded, Tag("range")], Discriminator(_form)]


class Trigger(_Strict):
    """What follows when somebody enters: one message, not too soon after the last, not in the quiet hours (UTC)."""

    cool_down_days: int = Field(ge=0)
    quiet_hours: tuple[Hour, Hour] | None = None
    destination: Name | None = None

    @field_validator("quiet_hours")
    @classmethod
    def _has_hours(cls, hours: tuple[int, int] | None) -> tuple[int, int] | None:
        if hours and hours[0] == hours[1]:
            raise ValueError("begin when they end; allowed: two hours, or none at all")
        return hours


class Meta(_Strict):
    """Who owns the segment, for what it may be used, and its thresholds by name."""

    owner: str = Field(pattern=OWNER)
    tier: Literal["broad", "micro"]
    purpose: Literal["marketing_email", "personalisation"]
    review_by: date
    thresholds: dict[Name, Threshold] = {}
    rule: dict[str, Any] | None = None  # its grammar is `segmentation.rule`
    group: Name | None = None  # of its segments each person is in one at most, that of the lowest rank
    rank: int | None = Field(default=None, ge=1)
    excludes: list[Name] = []
    parent: Name | None = None  # as whose its members are sent while it has too few
    trigger: Trigger | None = None
    lookalike_of: Name | None = None  # the seed: people of whom this segment has the look-alikes
    lookalike_without: list[Name] = []  # features that these are not found by
    comes_and_goes: bool = False  # by its nature it may be empty or three times as large within an hour


class Config(_Strict):
    """dbt's config block; only `meta` is ours."""

    meta: Meta


class Column(_Strict):
    """The one column of a segment; that it is a key is tested once for all segments, in `segment_hits`."""

    name: Literal["customer_id"]
    description: str | None = None
    data_tests: list[str] = []


class Model(_Strict):
    """The segment itself."""

    name: str = Field(pattern="^[a-z][a-z0-9_]*$")
    description: str = Field(min_length=20)
    config: Config
    columns: list[Column] = Field(min_length=1, max_length=1)


class Sidecar(_Strict):
    """One segment and the unit tests at its boundary; what a unit test may hold, dbt checks."""

    models: list[Model] = Field(min_length=1, max_length=1)
    unit_tests: list[dict[str, Any]] = Field(min_length=1)


def names() -> list[str]:
    """Every segment that has a sidecar."""
    return sorted(path.stem for path in SEGMENTS.glob("*.yml"))


def all_problems() -> list[str]:
    """Of the sidecars, of rules and their queries, of thresholds, and of the seeds that say what is sent where."""
    found = problems() + sidecar_thresholds.problems(thresholds()) + sidecar_policy.problems(metas())
    return found + compiled.problems() + activations.problems() + destination_seeds.problems()


def wrong(folder: Path = SEGMENTS) -> dict[str, str]:
    """Of each segment whose files cannot be used as they are the first thing that is wrong; of seeds nothing."""
    found = problems(folder)
    found += sidecar_thresholds.held_against(shared_thresholds.shared(), thresholds(folder), folder)
    found += sidecar_policy.problems(metas(folder), folder)
    names = {path.stem for path in folder.iterdir()}
    return {name: one for one in reversed(found) if (name := one.partition(".")[0]) in names}


def metas(folder: Path = SEGMENTS) -> dict[str, Meta]:
    """What each sound sidecar says of its segment, by name."""
    return {
        path.stem: _read(path).models[0].config.meta
        for path in sorted(folder.glob("*.yml"))
        if path.with_suffix(".sql").is_file() and not _problems_of(path)
    }


def thresholds(folder: Path = SEGMENTS) -> list[tuple[str, dict[str, float | Bounded]]]:
    """What each sound sidecar states itself, by segment."""
    return [(name, dict(meta.thresholds)) for name, meta in metas(folder).items()]


def problems(folder: Path = SEGMENTS) -> list[str]:
    """One line for each thing wrong: file, place, what is allowed."""
    found = []
    queries, sidecars = ({path.stem for path in folder.glob(f"*.{kind}")} for kind in ("sql", "yml"))
    found += [f"{name}.sql: no sidecar {name}.yml beside it" for name in sorted(queries - sidecars)]
    found += [f"{name}.yml: no segment {name}.sql beside it" for name in sorted(sidecars - queries)]
    for path in sorted(folder.glob("*.yml")):
        found += _problems_of(path)
    return found


def _read(path: Path) -> Sidecar:
    return _parsed(path.read_bytes())


@lru_cache(1024)  # a run asks for each several times; YAML is slow to read
def _parsed(text: bytes) -> Sidecar:
    return Sidecar.model_validate(yaml.safe_load(text))


def _problems_of(path: Path) -> list[str]:
    try:
        sidecar = _read(path)
    except (yaml.YAMLError, RecursionError) as error:
        return [f"{path.name}: is no YAML: {' '.join(str(error).split())}"]
    except ValidationError as error:
        places = [(problem["loc"], problem["msg"]) for problem in error.errors()]
        return [f"{path.name}:{line(path, at)}: {'.'.join(map(str, at))}: {why}" for at, why in places]
    name = sidecar.models[0].name
    return [] if name == path.stem else [f"{path.name}: models.0.name: is {name!r}; allowed is the file's name"]
