"""The impact of a change: both sides over one version, in whole floors, down to what a destination would be told."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from segmentation.definition import Definition
from segmentation.impact import Impact, impact
from smalti.pull_request import text
from tests.segmentation.version import Published
from warehouse.dbt import PROJECT
from warehouse.errors import SmaltiError
from warehouse.settings import CHECKOUT

pytestmark = pytest.mark.skipif(not (CHECKOUT / ".git").exists(), reason="compares with git; this is no checkout")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """The dbt project of this checkout, to be changed, as git has it."""
    ended = subprocess.run(["git", "archive", "HEAD", PROJECT.name], cwd=CHECKOUT, capture_output=True, check=True)
    subprocess.run(["tar", "-x", "-C", tmp_path], input=ended.stdout, check=True)
    return tmp_path / PROJECT.name


@pytest.fixture
def of_high_value(published: Published, project: Path) -> Callable[[str, str], Impact]:
    """The impact of one replacement in the query of `high_value`."""
    published.segment("high_value", "spend_365d_amount >= 500")
    path = project / "models" / "segments" / "high_value.sql"

    def made(old: str, new: str) -> Impact:
        assert old in path.read_text()
        path.write_text(path.read_text().replace(old, new))
        return impact(published.settings, "HEAD", project)

    return made


def test_without_a_change_nothing_differs(published: Published, project: Path) -> None:
    published.segment("high_value", "spend_365d_amount >= 500")
    found = impact(published.settings, "HEAD", project)
    assert found.segments == []
    assert [row for row in found.destinations if row["added"] or row["removed"] or row["changed"]] == []
    assert found.largest_share == 0


def test_who_leaves_is_told_to_where_the_segment_is_sent(of_high_value: Callable[[str, str], Impact]) -> None:
    found = of_high_value("{{ threshold('big_spend_amount') }}", "5000")
    (one,) = found.segments
    assert (one.segment, one.what, one.before, one.after, one.entered, one.left) == (
        "high_value", "changed", 800, 400, None, 400,
    )  # fmt: skip
    assert one.share == found.largest_share == 0.5
    # half consented, one in twenty or so is held out
    assert [(row["destination"], row["adds"], row["removes"]) for row in one.destinations] == [("files", None, 200)]
    assert [(row["channel"], row["without_consent"]) for row in one.consent] == [("email", 200)]
    assert [(row["destination"], row["removed"]) for row in found.destinations] == [("files", 200)]
    assert "more than 10% would be removed" in found.destinations[0]["guards"][0]


def test_a_segment_that_falls_below_the_floor_says_so(of_high_value: Callable[[str, str], Impact]) -> None:
    (one,) = of_high_value("{{ threshold('big_spend_amount') }}", "9500").segments
    assert (one.after, one.is_sendable, one.share) == (None, False, 1.0)
    assert one.guards == ["high_value would fall below 100 people: it is no longer sent"]


def test_spacing_and_comments_in_the_sidecar_are_no_change(published: Published, project: Path) -> None:
    path = project / "models" / "segments" / "high_value.sql"
    path.write_text(path.read_text().replace("\n\n", "\n"))
    assert impact(published.settings, "HEAD", project).segments == []


def test_a_threshold_that_a_segment_uses_is_a_change_of_it(published: Published, project: Path) -> None:
    seed = project / "seeds" / "thresholds.csv"
    assert "big_spend_amount,500," in seed.read_text()
    seed.write_text(seed.read_text().replace("big_spend_amount,500,", "big_spend_amount,700,"))
    found = impact(published.settings, "HEAD", project)
    assert "high_value" in {one.segment for one in found.segments}
    assert "category_enthusiast" not in {one.segment for one in found.segments}


def test_new_and_removed_segments_are_named_and_a_new_activation_adds(
    published: Published, project: Path, of: Callable[..., Definition]
) -> None:
    folder = project / "models" / "segments"
    (folder / "candidate.sql").write_text(of("number < 555").sql)
    for path in folder.glob("repeat_buyers.*"):
        path.unlink()
    with (project / "seeds" / "activations.csv").open("a") as seed:
        seed.write("files,candidate,marketing_email,email\n")
    found = impact(published.settings, "HEAD", project)
    assert {one.segment: (one.what, one.before, one.after) for one in found.segments} == {
        "candidate": ("added", None, 500),
        "repeat_buyers": ("removed", 800, None),
    }
    assert found.largest_share == 1.0
    told = {one.segment: one.destinations for one in found.segments}
    assert [row["adds"] for row in told["candidate"]] == [200]


def test_the_markdown_holds_the_same_numbers(of_high_value: Callable[[str, str], Impact]) -> None:
    told = text(of_high_value("{{ threshold('big_spend_amount') }}", "5000"))
    assert "| `high_value` | changed | 800 | 400 | < 100 | 400 | yes |" in told
    assert "| files | < 100 | < 100 | 200 |" in told
    assert "- **stops**: files: more than 10% would be removed" in told


def test_a_revision_that_is_none_is_refused(published: Published, project: Path) -> None:
    for revision in ("no-such-branch", "--output=/tmp/x", "HEAD; true"):
        with pytest.raises(SmaltiError, match="allowed is a revision"):
            impact(published.settings, revision, project)
    assert not Path("/tmp/x").exists()
