"""What is not declared is not sent: a fault of the seeds stops the build, by file, line, what and what is allowed."""

import shutil
from pathlib import Path

import pytest

from warehouse import activations, dbt
from warehouse.errors import SmaltiError
from warehouse.settings import Settings

FILES = ("purposes.csv", "destinations.csv", "activations.csv", "holdouts.csv")


@pytest.fixture
def seeds(tmp_path: Path) -> Path:
    folder = tmp_path / "seeds"
    folder.mkdir()
    shutil.copy(dbt.PROJECT / "dbt_project.yml", tmp_path)
    for name in FILES:
        shutil.copy(dbt.PROJECT / "seeds" / name, folder)
    return folder


def _with(folder: Path, name: str, line: str) -> list[str]:
    path = folder / name
    path.write_text(path.read_text() + line + "\n")
    at = len(path.read_text().splitlines())
    return [problem.replace(f":{at}: ", ": ") for problem in activations.problems(folder)]


def test_the_seeds_that_ship_are_sound(seeds: Path) -> None:
    assert activations.problems() == activations.problems(seeds) == []


@pytest.mark.parametrize(
    ("name", "line", "told"),
    [
        ("activations.csv", "files,some,,email", "activations.csv: purpose: String should match pattern"),
        ("activations.csv", "files,some,marketing_email", "activations.csv: channel: Input should be a valid string"),
        (
            "activations.csv",
            "files,some,fun,email",
            "does not declare fun/email; destinations.csv allows: marketing_email/email, personalisation/web",
        ),
        ("activations.csv", "files,some,marketing_email,web", "'files' does not declare marketing_email/web"),
        (
            "activations.csv",
            "sms,some,marketing_email,email",
            "destination 'sms' does not declare marketing_email/email",
        ),
        (
            "activations.csv",
            "files,high_value,personalisation,web",
            "the same as line 8; allowed: each destination and",
        ),
        ("destinations.csv", "x,fun,email,all,clear,id,0", "destinations.csv: no purpose fun/email in purposes.csv"),
        ("destinations.csv", "x,personalisation,web,often,clear,id,0", "mode: Input should be 'upsert', 'mirror' or"),
        ("destinations.csv", "x,personalisation,web,all,never,id,0", "on_exit: Input should be 'nothing', 'clear' or"),
        ("destinations.csv", "x,personalisation,web,all,clear,id,1", "holdout_share: Input should be less than 1"),
        ("destinations.csv", "x,personalisation,web,all,clear,id,-1", "holdout_share: Input should be greater than or"),
        ("destinations.csv", "files,third_party_sharing,partner,mirror,remove,customer_id,0", "another mode above"),
        ("holdouts.csv", "files,some,0.1", "holdouts.csv: some does not go to 'files'; allowed: as in activations.csv"),
        ("purposes.csv", "fun,email,maybe", "is_refused_by_gpc: Input should be a valid boolean"),
    ],
)
def test_a_fault_names_file_line_and_what_is_allowed(seeds: Path, name: str, line: str, told: str) -> None:
    found = _with(seeds, name, line)
    assert [problem for problem in found if told in problem], found


def test_a_share_of_everybody_is_no_global_control(seeds: Path) -> None:
    project = seeds.parent / "dbt_project.yml"
    project.write_text(project.read_text().replace("global_control_share: 0.01", "global_control_share: 1"))
    assert activations.problems(seeds) == ["dbt_project.yml: vars.global_control_share: Input should be less than 1"]


def test_nothing_is_built_of_what_is_not_declared(
    seeds: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dbt, "PROJECT", seeds.parent)
    _with(seeds, "activations.csv", "files,some,fun,email")
    with pytest.raises(SmaltiError, match="'files' does not declare fun/email"):
        dbt.build(settings, ["activation"])
    assert not settings.working.exists()
