"""The schema of a segment's sidecar; dbt accepts unknown keys, we do not."""

import re
from datetime import date
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from segmentation import compiled
from warehouse import activations
from warehouse.dbt import SEGMENTS

OWNER = re.compile("^[a-z][a-z0-9_]*$")


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Meta(_Strict):
    """Who owns the segment, for what it may be used, and its thresholds by name."""

    owner: str = Field(pattern=OWNER)
    tier: Literal["broad", "micro"]
    purpose: Literal["marketing_email", "personalisation"]
    review_by: date
    thresholds: dict[str, float] = {}
    rule: dict[str, Any] | None = None  # its grammar is `segmentation.rule`


class Config(_Strict):
    """dbt's config block; only `meta` is ours."""

    meta: Meta


class Column(_Strict):
    """The one column of a segment, with its tests."""

    name: Literal["customer_id"]
    description: str | None = None
    data_tests: list[str]


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
    """Of the sidecars, of rules and the queries beside them, and of the seeds that say where segments are sent."""
    return problems() + compiled.problems() + activations.problems()


def problems(folder: Path = SEGMENTS) -> list[str]:
    """One line for each thing wrong: file, place, what is allowed."""
    found = []
    queries, sidecars = ({path.stem for path in folder.glob(f"*.{kind}")} for kind in ("sql", "yml"))
    found += [f"{name}.sql: no sidecar {name}.yml beside it" for name in sorted(queries - sidecars)]
    found += [f"{name}.yml: no segment {name}.sql beside it" for name in sorted(sidecars - queries)]
    for path in sorted(folder.glob("*.yml")):
        found += _problems_of(path)
    return found


def _problems_of(path: Path) -> list[str]:
    try:
        sidecar = Sidecar.model_validate(yaml.safe_load(path.read_bytes()))
    except (yaml.YAMLError, RecursionError) as error:
        return [f"{path.name}: is no YAML: {' '.join(str(error).split())}"]
    except ValidationError as error:
        return [f"{path.name}: {'.'.join(map(str, problem['loc']))}: {problem['msg']}" for problem in error.errors()]
    name = sidecar.models[0].name
    return [] if name == path.stem else [f"{path.name}: models.0.name: is {name!r}; allowed is the file's name"]
