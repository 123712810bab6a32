"""The segments by persona speak of personas that a cluster may be called, each of one of them."""

import re

from models_ml import words
from tests.pipeline.oracle import PERSONAS
from warehouse import dbt


def _named(segment: str) -> list[str]:
    [listed] = re.findall(
        r"split_part\(persona, ', ', 1\) in \(([^)]*)\)", (dbt.SEGMENTS / f"{segment}.sql").read_text()
    )
    return re.findall(r"'([^']*)'", listed)


def test_each_persona_of_a_segment_is_one_that_clusters_get_and_of_one_segment_only() -> None:
    segments = [name for name in dbt.segment_names() if name.startswith("persona_")]
    listed = {segment: _named(segment) for segment in segments}
    assert {segment: sorted(names) for segment, names in PERSONAS.items()} == {s: sorted(n) for s, n in listed.items()}
    every = [name for names in listed.values() for name in names]
    assert len(every) == len(set(every))
    assert set(every) <= {word for named in words.NAMES.values() for word in named}
