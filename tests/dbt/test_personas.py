"""The segments by persona speak of personas that a cluster may be called, each of one of them."""

import re

from models_ml import personas
from tests.pipeline.oracle import PERSONAS
from warehouse import dbt


def _named(segment: str) -> list[str]:
    [listed] = re.findall(r"persona in \(([^)]*)\)", (dbt.SEGMENTS / f"{segment}.sql").read_text())
    return re.findall(r"'([^']*)'", listed)


def test_each_persona_of_a_segment_is_one_that_clusters_get_and_of_one_segment_only() -> None:
    segments = [name for name in dbt.segment_names() if name.startswith("persona_")]
    named = {segment: _named(segment) for segment in segments}
    assert {segment: sorted(names) for segment, names in PERSONAS.items()} == {s: sorted(n) for s, n in named.items()}
    every = [name for names in named.values() for name in names]
    assert len(every) == len(set(every))
    assert set(every) <= {word for words in personas.NAMES.values() for word in words}
