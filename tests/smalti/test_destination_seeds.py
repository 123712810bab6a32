"""What is sent where names destinations that there are: one without a file would be skipped in silence."""

import shutil
from pathlib import Path

import pytest

from smalti import destination_seeds, sidecars
from warehouse import activations


@pytest.fixture
def seeds(tmp_path: Path) -> Path:
    shutil.copytree(activations.SEEDS, tmp_path / "seeds")
    return tmp_path / "seeds"


def add(seeds: Path, name: str, line: str) -> int:
    path = seeds / name
    path.write_text(path.read_text() + line + "\n")
    return len(path.read_text().splitlines())


def test_the_seeds_that_ship_are_sound() -> None:
    assert destination_seeds.problems() == sidecars.all_problems() == []


@pytest.mark.parametrize(
    ("name", "line"),
    [("activations.csv", "fils,high_value,marketing_email,email"), ("destinations.csv", "fils,personalisation,web,0")],
)
def test_a_destination_without_a_file_is_named_with_those_there_are(seeds: Path, name: str, line: str) -> None:
    at = add(seeds, name, line)
    [told] = destination_seeds.problems(seeds)
    assert told.startswith(f"{name}:{at}: no destination 'fils' in reverse_etl/destinations; there are: braze, files, ")


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (
            "launchdarkly,state,stage,personalisation",
            "launchdarkly can be told no attributes; allowed: braze, files, s3",
        ),
        ("files,state,segment_ids,personalisation", "'segment_ids' is no name at files; allowed: (?!customer_id$|"),
        ("braze,state,email,personalisation", "'email' is no name at braze; allowed: "),
        ("sendgrid,state,smalti_segments,marketing_email", "'smalti_segments' is no name at sendgrid; allowed: "),
    ],
)
def test_an_attribute_is_named_as_the_destination_allows(seeds: Path, line: str, told: str) -> None:
    at = add(seeds, "destination_attributes.csv", line)
    [found] = destination_seeds.problems(seeds)
    assert found.startswith(f"destination_attributes.csv:{at}: {told}")
