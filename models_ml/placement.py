"""What an artifact of groups holds, who falls into which group by it, and what carries over to the next one."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np
import polars as pl

from models_ml import arrays, artifacts, grouping, personas, space
from models_ml.grouping import Groups, Members
from models_ml.matching import Numbers


@dataclass(frozen=True)
class Model:
    """Where people stand, the groups there by number, what these are called.

    `reach` is how far each centre is from those like its own; farther away nobody was seen. `unused` is the first
    number that no group ever had, here or in the models before.
    """

    space: space.Space
    groups: Groups
    reach: tuple[float, ...]
    personas: dict[int, str]
    unused: int


@dataclass(frozen=True)
class Before:
    """The former model's view of today's people: the number of each one's group, None where it cannot say, and why.

    `alike` is the same, but for people farther from any centre than those whom it knew: in no group.
    """

    members: Members | None = None
    alike: Members | None = None
    personas: Mapping[int, str] = field(default_factory=dict)
    unused: int = 0
    why: str | None = None


def dump(model: Model) -> bytes:
    """The model as an artifact holds it."""
    return artifacts.dump(asdict(model) | {"groups": model.groups.as_json()})


def read(files: artifacts.Files) -> Model:
    """The model that an artifact holds."""
    held = json.loads(files["model.json"])
    fitted = space.Space(**{name: tuple(values) for name, values in held["space"].items()})
    if "centres" in held:
        return _first_form(held, fitted)
    named = {int(one): persona for one, persona in held["personas"].items()}
    groups = Groups.of_json(held["groups"], len(fitted.names))
    return Model(fitted, groups, tuple(held["reach"]), named, held["unused"])


def _first_form(held: Mapping[str, Any], fitted: space.Space) -> Model:
    """As earlier releases wrote it: one centre a group, in the order of their numbers, as far as they are nearest."""
    count, centres = len(held["centres"]), held["centres"]
    groups = Groups.of_json({"centres": centres, "group": range(count), "reach": None}, len(fitted.names))
    return Model(fitted, groups, (float("inf"),) * count, dict(enumerate(held["personas"])), count)


def before(files: artifacts.Files | None, frame: pl.DataFrame) -> Before:
    """Today's people as the former artifact sees them; without one, nothing is carried over."""
    if files is None:
        return Before()
    model = read(files)
    if absent := sorted(set(model.space.names) - set(frame.columns)):
        why = f"the former model needs features that are gone: {', '.join(absent)}"
        return Before(None, None, model.personas, model.unused, why)
    known = replace(model.groups, reach=model.reach)
    members, alike = (nearest(frame, model.space, groups) for groups in (model.groups, known))
    return Before(members, alike, model.personas, model.unused)


def nearest(frame: pl.DataFrame, fitted: space.Space, groups: Groups) -> Members:
    """The number of each person's group, shape (people,), in one pass that holds one block of rows at a time.

    Raises:
        ValueError: a feature of the space is not in the frame.
    """
    if absent := sorted(set(fitted.names) - set(frame.columns)):
        raise ValueError(f"the model needs features that are not there: {', '.join(absent)}")
    found = [grouping.nearest(space.place(block, fitted), groups) for block in arrays.blocks(frame, fitted.names)]
    return np.concatenate(found) if found else np.zeros(0, dtype=np.int32)


def named(traits: personas.Traits, numbers: Numbers, former: Before) -> dict[int, str]:
    """Personas by number: a group that goes on keeps its name while each word of it is true."""
    rows = {one: row for row, one in enumerate(numbers.given) if one in numbers.carried}
    names = {one: former.personas[one] for one in rows}
    kept = {one: said for one, said in names.items() if personas.still_true(said, traits, rows[one])}
    return dict(zip(numbers.given, personas.name(traits, numbers.given, kept), strict=True))
