"""Which segments hold people who look like those of another, the seed, and who was in a seed when.

A seed's people are those of the last published version: what the run in progress finds is not known to it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from warehouse.dbt import SEGMENTS
from warehouse.sql import literal

FILE = "seed_spells"  # in a run's folder of features
_PREFIX = "lookalike_"
_KEY = "lookalike_of"


@dataclass(frozen=True)
class Lookalike:
    """A segment of people like those of its seed; `without` are features that its analyst does not let it go by."""

    segment: str
    seed: str
    without: tuple[str, ...] = ()

    @property
    def model(self) -> str:
        """The model that says who they are, in the registry and in `scores.propensity`."""
        return f"{_PREFIX}{self.seed}"


def declared(folder: Path = SEGMENTS) -> tuple[Lookalike, ...]:
    """What sidecars state, one look-alike for each seed; a sidecar that cannot be read states nothing."""
    found = [one for path in sorted(folder.glob("*.yml")) if (one := _stated(path.stem, path.read_bytes()))]
    of_seed = {one.seed: one for one in reversed(found)}
    return tuple(of_seed[seed] for seed in sorted(of_seed))


@lru_cache(1024)  # a run asks several times
def _stated(segment: str, text: bytes) -> Lookalike | None:
    if _KEY.encode() not in text:  # YAML is slow to read
        return None
    try:
        meta: dict[str, Any] = yaml.safe_load(text)["models"][0]["config"]["meta"]
        return Lookalike(segment, str(meta[_KEY]), tuple(map(str, meta.get("lookalike_without", ()))))
    except (yaml.YAMLError, LookupError, TypeError, RecursionError):
        return None  # the segment stands still, and its sidecar is told elsewhere


def spells(seeds: Sequence[str]) -> str:
    """SQL of who was in a seed from when to when, as of the last version published before the run's moment.

    One row per seed, person and spell, under the ids of now; `left_at` is null of who was in it then.
    """
    wanted = ", ".join(map(literal, seeds)) or "null"
    return f"""
        select
            spells.segment_id as seed, coalesce(merged.into_customer_id, spells.customer_id) as customer_id,
            spells.entered_at, if(spells.left_at < control.as_of, spells.left_at, null) as left_at
        from durable.membership_history as spells
        cross join ops.control as control
        left join (
            select from_customer_id, merged_at, min(into_customer_id) as into_customer_id
            from profiles.merges where evidence like 'merged%' group by from_customer_id, merged_at
        ) as merged on spells.customer_id = merged.from_customer_id and merged.merged_at = control.as_of
        where spells.segment_id in ({wanted}) and spells.started_at < control.as_of
        order by all"""
