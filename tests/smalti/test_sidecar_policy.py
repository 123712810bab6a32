"""What a sidecar says of other segments is refused where it names nothing, goes in a circle, or leaves it to chance."""

import re
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


ACTIVATIONS = """destination,segment,purpose,channel
cms,once,marketing_email,email
cms,twice,marketing_email,email
mail,twice,marketing_email,email
flags,list,marketing_email,email
"""
SENT_TO_NO_ONE = "11: models.0.config.meta.trigger: is sent to no one destination; allowed as `destination`:"


def _told(folder: Path, **stated: str) -> list[str]:
    (folder / "activations.csv").write_text(ACTIVATIONS)
    for name, lines in stated.items():
        (folder / f"{name}.sql").write_text("select 1")
        (folder / f"{name}.yml").write_text(SIDECAR.format(name=name, lines=lines))
    assert sidecars.problems(folder) == []
    return sidecar_policy.problems(sidecars.metas(folder), folder, folder, ("cms", "mail"))


@pytest.mark.parametrize(
    "stated",
    [
        {"a": "", "b": ""},
        {"a": "{group: g, rank: 1}", "b": "{group: g, rank: 2}", "c": "{group: h, rank: 2}"},
        {"a": "{excludes: [b, c]}", "b": "{excludes: [c]}", "c": ""},
        {"a": "{parent: b}", "b": "{parent: c}", "c": ""},
        {"once": "{trigger: {cool_down_days: 0}}"},
        {"a": "{lookalike_of: b, lookalike_without: [carts_28d_count], excludes: [b]}", "b": ""},
        {"twice": "{trigger: {cool_down_days: 7, quiet_hours: [22, 7], destination: mail}}"},
    ],
    ids=["nothing", "groups", "exclusions", "parents", "trigger", "lookalike", "trigger_of_two"],
)
def test_what_is_sound_has_no_problem(tmp_path: Path, stated: dict[str, str]):
    assert _told(tmp_path, **{name: _lines(lines) for name, lines in stated.items()}) == []


@pytest.mark.parametrize(
    ("stated", "told"),
    [
        ({"a": "{lookalike_of: none, excludes: [a_seed]}", "a_seed": ""}, "lookalike_of: no segment 'none'"),
        ({"a": "{lookalike_of: b}", "b": ""}, "lookalike_of: does not keep the people of 'b' out"),
        ({"a": "{lookalike_without: [carts_28d_count]}"}, "lookalike_without: has no seed"),
        (
            {"a": "{lookalike_of: c, excludes: [c]}", "b": "{lookalike_of: c, excludes: [c]}", "c": ""},
            "lookalike_of: a is that of 'c' already",
        ),
        (
            {"a": "{lookalike_of: b, excludes: [b]}", "b": "{lookalike_of: c, excludes: [c]}", "c": ""},
            "lookalike_of: 'b' holds look-alikes itself",
        ),
    ],
    ids=["unknown_seed", "seed_not_kept_out", "no_seed", "seed_of_two", "seed_of_lookalikes"],
)
def test_a_look_alike_has_a_seed_of_its_own_and_keeps_it_out(tmp_path: Path, stated: dict[str, str], told: str):
    [problem, *_] = _told(tmp_path, **{name: _lines(lines) for name, lines in stated.items()})
    assert told in problem


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
        (
            {"nowhere": "{trigger: {cool_down_days: 1}}"},
            [f"nowhere.yml:{SENT_TO_NO_ONE} none: activations.csv sends it nowhere"],
        ),
        (
            {"twice": "{trigger: {cool_down_days: 1}}"},
            [f"twice.yml:{SENT_TO_NO_ONE} cms, mail"],
        ),
        (
            {"once": "{trigger: {cool_down_days: 1, destination: mail}}"},
            ["once.yml:11: models.0.config.meta.trigger: is not sent to 'mail'; allowed as `destination`: cms"],
        ),
        (
            {"list": "{trigger: {cool_down_days: 1}}"},
            ["list.yml:11: models.0.config.meta.trigger: goes to 'flags', which takes no messages; allowed: cms, mail"],
        ),
    ],
    ids=[
        "rank",
        "group",
        "same_rank",
        "unknown",
        "itself",
        "circle",
        "no_parent",
        "own_ancestor",
        "unsent",
        "of_two",
        "elsewhere",
        "takes_none",
    ],
)
def test_what_is_wrong_is_told_with_its_line(tmp_path: Path, stated: dict[str, str], told: list[str]):
    assert _told(tmp_path, **{name: _lines(lines) for name, lines in stated.items()}) == told


def _lines(mapping: str) -> str:
    """The keys of a one-line mapping, a line each."""
    if mapping.startswith("{trigger"):
        return mapping[1:-1]
    parts = re.split(r", (?=\w+:)", mapping.strip("{}"))
    return "\n        ".join(parts)


@pytest.mark.parametrize("rank", ["0", "-1", "1.5", "first"])
def test_a_rank_is_a_whole_number_from_one(tmp_path: Path, rank: str):
    (tmp_path / "a.sql").write_text("select 1")
    (tmp_path / "a.yml").write_text(SIDECAR.format(name="a", lines=f"rank: {rank}"))
    [told] = sidecars.problems(tmp_path)
    assert told.startswith("a.yml:11: models.0.config.meta.rank: ")


def test_the_sidecars_that_ship_are_sound_together():
    assert sidecar_policy.problems(sidecars.metas()) == []


@pytest.mark.parametrize(
    ("trigger", "told"),
    [
        ("{}", "trigger.cool_down_days: Field required"),
        ("{cool_down_days: -1}", "trigger.cool_down_days: Input should be greater than or equal to 0"),
        ("{cool_down_days: 1, quiet_hours: [22]}", "trigger.quiet_hours.1: Field required"),
        (
            "{cool_down_days: 1, quiet_hours: [22, 24]}",
            "trigger.quiet_hours.1: Input should be less than or equal to 23",
        ),
        ("{cool_down_days: 1, quiet_hours: [7, 7]}", "begin when they end; allowed: two hours, or none at all"),
        ("{cool_down_days: 1, quiet: [7, 8]}", "trigger.quiet: Extra inputs are not permitted"),
    ],
)
def test_a_trigger_has_a_cool_down_and_hours_of_the_day(tmp_path: Path, trigger: str, told: str):
    (tmp_path / "a.sql").write_text("select 1")
    (tmp_path / "a.yml").write_text(SIDECAR.format(name="a", lines=f"trigger: {trigger}"))
    [problem] = sidecars.problems(tmp_path)
    assert told in problem
