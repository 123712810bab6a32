"""What a sidecar says of other segments is refused where it names nothing, goes in a circle, or leaves it to chance."""

from pathlib import Path

import pytest

from smalti import sidecar_policy, sidecars

SIDECAR = """
models:
  - name: {name}
    description: Of use to whoever tests segments.
    config:
      meta:
        owner: crm
        tier: broad
        purpose: marketing_email
        review_by: 2027-06-01
        {lines}
    columns: [{{name: customer_id, data_tests: [is_key]}}]
unit_tests: [{{name: the_edge_counts, model: {name}}}]
"""


def _told(folder: Path, **stated: str) -> list[str]:
    for name, lines in stated.items():
        (folder / f"{name}.sql").write_text("select 1")
        (folder / f"{name}.yml").write_text(SIDECAR.format(name=name, lines=lines))
    assert sidecars.problems(folder) == []
    return sidecar_policy.problems(sidecars.metas(folder), folder)


@pytest.mark.parametrize(
    "stated",
    [
        {"a": "", "b": ""},
        {"a": "{group: g, rank: 1}", "b": "{group: g, rank: 2}", "c": "{group: h, rank: 2}"},
        {"a": "{excludes: [b, c]}", "b": "{excludes: [c]}", "c": ""},
        {"a": "{parent: b}", "b": "{parent: c}", "c": ""},
    ],
    ids=["nothing", "groups", "exclusions", "parents"],
)
def test_what_is_sound_has_no_problem(tmp_path: Path, stated: dict[str, str]):
    assert _told(tmp_path, **{name: _lines(lines) for name, lines in stated.items()}) == []


@pytest.mark.parametrize(
    ("stated", "told"),
    [
        (
            {"a": "{rank: 1}"},
            ["a.yml:11: models.0.config.meta.rank: ranks in no group; allowed: with a group, or no rank"],
        ),
        (
            {"a": "{group: g}"},
            ["a.yml:11: models.0.config.meta.group: has no rank in it; allowed: `rank`, a whole number from 1"],
        ),
        (
            {"a": "{group: g, rank: 1}", "b": "{group: g, rank: 2}", "c": "{rank: 1, group: g}"},
            ["c.yml:11: models.0.config.meta.rank: a has rank 1 of group 'g'; allowed: any but 1, 2"],
        ),
        (
            {"a": "{excludes: [bb]}", "b": ""},
            ["a.yml:11: models.0.config.meta.excludes: no segment 'bb'; there are: a, b"],
        ),
        (
            {"a": "{excludes: [a]}"},
            ["a.yml:11: models.0.config.meta.excludes: comes back to itself: a → a; allowed: no circle"],
        ),
        (
            {"a": "{excludes: [b]}", "b": "{excludes: [d, c]}", "c": "{excludes: [a]}", "d": ""},
            [
                "a.yml:11: models.0.config.meta.excludes: comes back to itself: a → b → c → a; allowed: no circle",
                "b.yml:11: models.0.config.meta.excludes: comes back to itself: b → c → a → b; allowed: no circle",
                "c.yml:11: models.0.config.meta.excludes: comes back to itself: c → a → b → c; allowed: no circle",
            ],
        ),
        ({"a": "{parent: bb}"}, ["a.yml:11: models.0.config.meta.parent: no segment 'bb'; there are: a"]),
        (
            {"a": "{parent: b}", "b": "{parent: a}"},
            [
                "a.yml:11: models.0.config.meta.parent: comes back to itself: a → b → a; allowed: no circle",
                "b.yml:11: models.0.config.meta.parent: comes back to itself: b → a → b; allowed: no circle",
            ],
        ),
    ],
    ids=["rank", "group", "same_rank", "unknown", "itself", "circle", "no_parent", "own_ancestor"],
)
def test_what_is_wrong_is_told_with_its_line(tmp_path: Path, stated: dict[str, str], told: list[str]):
    assert _told(tmp_path, **{name: _lines(lines) for name, lines in stated.items()}) == told


def _lines(mapping: str) -> str:
    """The keys of a one-line mapping, a line each."""
    parts = mapping.strip("{}").split(", ") if "[" not in mapping else [mapping.strip("{}")]
    return "\n        ".join(parts)


@pytest.mark.parametrize("rank", ["0", "-1", "1.5", "first"])
def test_a_rank_is_a_whole_number_from_one(tmp_path: Path, rank: str):
    (tmp_path / "a.sql").write_text("select 1")
    (tmp_path / "a.yml").write_text(SIDECAR.format(name="a", lines=f"rank: {rank}"))
    [told] = sidecars.problems(tmp_path)
    assert told.startswith("a.yml:11: models.0.config.meta.rank: ")


def test_the_sidecars_that_ship_are_sound_together():
    assert sidecar_policy.problems(sidecars.metas()) == []
