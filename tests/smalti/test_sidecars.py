"""A sidecar says what a segment is; what dbt would let pass is refused here."""

from pathlib import Path

import pytest

from smalti import sidecars

SOUND = """
models:
  - name: big
    description: Spent a lot, and so hears first.
    config: {meta: {owner: crm, tier: broad, purpose: marketing_email, review_by: 2027-06-01, thresholds: {spend: 5}}}
    columns: [{name: customer_id, data_tests: [not_null, unique]}]
unit_tests:
  - {name: the_edge_counts, model: big}
"""


def _problems(folder: Path, text: str) -> list[str]:
    (folder / "big.sql").write_text("select 1")
    (folder / "big.yml").write_text(text)
    return sidecars.problems(folder)


def test_a_sound_sidecar_has_no_problem(tmp_path: Path):
    assert _problems(tmp_path, SOUND) == []


@pytest.mark.parametrize(
    ("was", "becomes", "told"),
    [
        ("owner: crm, ", "", "big.yml:5: models.0.config.meta.owner: Field required"),
        ("owner:", "ownr: x, owner:", "models.0.config.meta.ownr: Extra inputs are not permitted"),
        ("tier: broad", "tier: huge", "models.0.config.meta.tier: Input should be 'broad' or 'micro'"),
        ("purpose: marketing_email", "purpose: fun", "models.0.config.meta.purpose"),
        ("2027-06-01", "soon", "models.0.config.meta.review_by"),
        ("{spend: 5}", "{spend: much}", "models.0.config.meta.thresholds.spend"),
        ("  - {name: the_edge_counts, model: big}", "  []", "unit_tests: List should have at least 1 item"),
        ("name: big", "name: large", "is 'large'; allowed is the file's name"),
        ("name: customer_id", "name: e_mail", "models.0.columns.0.name"),
        ("Spent a lot, and so hears first.", "Big.", "models.0.description"),
    ],
)
def test_a_problem_names_file_and_place(tmp_path: Path, was: str, becomes: str, told: str):
    assert was in SOUND
    assert [problem for problem in _problems(tmp_path, SOUND.replace(was, becomes)) if told in problem]


@pytest.mark.parametrize("text", ["models: [", "a: *nowhere", "[" * 5000, "a: \x00"])
def test_a_sidecar_that_is_no_yaml_is_told(tmp_path: Path, text: str):
    (problem,) = _problems(tmp_path, text)
    assert problem.startswith("big.yml: is no YAML: ")


def test_a_rule_is_a_mapping(tmp_path: Path):
    (problem,) = _problems(tmp_path, SOUND.replace("owner: crm", "rule: 5, owner: crm"))
    assert "models.0.config.meta.rule: " in problem


def test_a_segment_without_its_other_half_is_told(tmp_path: Path):
    (tmp_path / "only.sql").write_text("select 1")
    (tmp_path / "alone.yml").write_text(SOUND.replace("name: big", "name: alone"))
    assert sidecars.problems(tmp_path) == [
        "only.sql: no sidecar only.yml beside it",
        "alone.yml: no segment alone.sql beside it",
    ]


def test_the_sidecars_that_ship_are_sound():
    assert sidecars.names()
    assert sidecars.problems() == []
