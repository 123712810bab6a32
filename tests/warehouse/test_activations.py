"""What is not declared is not sent: a fault of the seeds stops the build, by file, line, what and what is allowed."""

import re
import shutil
from pathlib import Path

import pytest
import yaml

from warehouse import activations, attributes, content, dbt
from warehouse.errors import SmaltiError
from warehouse.settings import Settings

FILES = ("purposes.csv", "destinations.csv", "activations.csv", "holdouts.csv", "destination_attributes.csv")
FILES += content.FILES


@pytest.fixture
def seeds(tmp_path: Path) -> Path:
    folder = tmp_path / "seeds"
    folder.mkdir()
    for file in ("models/profiles/customers.yml", "models/_sources.yml"):
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(dbt.PROJECT / file, tmp_path / file)
    shutil.copy(dbt.PROJECT / "dbt_project.yml", tmp_path)
    for name in FILES:
        shutil.copy(dbt.PROJECT / "seeds" / name, folder)
    header, *_ = (folder / "destination_attributes.csv").read_text().splitlines(keepends=True)
    (folder / "destination_attributes.csv").write_text(header)  # what a shop tells is its own
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
        ("destinations.csv", "x,fun,email,0", "destinations.csv: no purpose fun/email in purposes.csv"),
        ("destinations.csv", "x,personalisation,web,1", "holdout_share: Input should be less than 1"),
        ("destinations.csv", "x,personalisation,web,-1", "holdout_share: Input should be greater than or"),
        ("destinations.csv", "x,personalisation,web,0,mirror", "destinations.csv: "),
        ("holdouts.csv", "files,some,0.1", "holdouts.csv: some does not go to 'files'; allowed: as in activations.csv"),
        (
            "destination_attributes.csv",
            "files,birth_date,born,personalisation",
            "destination_attributes.csv: 'birth_date' may not be told; allowed: favourite_brand, favourite_category, ",
        ),
        ("destination_attributes.csv", "files,contact_id_crm,x,personalisation", "'contact_id_crm' may not be told"),
        ("destination_attributes.csv", "files,is_email_opted_in,x,personalisation", "may not be told; allowed: "),
        (
            "destination_attributes.csv",
            "files,region,area,third_party_sharing",
            "region is not told for third_party_sharing; allowed: marketing_email, personalisation",
        ),
        (
            "destination_attributes.csv",
            "files,content_web,shown,marketing_email",
            "content_web is not told for marketing_email; allowed: personalisation",
        ),
        ("destination_attributes.csv", "files,content_ads,shown,personalisation", "'content_ads' may not be told"),
        (
            "destination_attributes.csv",
            "braze,region,area,personalisation",
            "'braze' is not for personalisation; destinations.csv allows: nothing",
        ),
        ("destination_attributes.csv", "files,region,the area,personalisation", "name: String should match pattern"),
        (
            "destination_attributes.csv",
            "files,region,area,personalisation\nfiles,state,area,marketing_email",
            "area is region above; allowed: one attribute a name and destination",
        ),
        (
            "destination_attributes.csv",
            "files,region,area,personalisation\nfiles,region,area,personalisation",
            "the same as line 2; allowed: each destination and name and purpose once",
        ),
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


def test_attributes_that_may_be_told_are_sound(seeds: Path) -> None:
    told = (
        "files,region,area,personalisation\nfiles,region,area,marketing_email\nfiles,purchase_tier,tier,marketing_email"
    )
    assert _with(seeds, "destination_attributes.csv", told) == []


def test_a_direct_identifier_may_not_be_told_whatever_its_tag_says(seeds: Path) -> None:
    path = seeds.parent / "models" / "profiles" / "customers.yml"
    path.write_text(path.read_text().replace("told_for: [", "pii: direct, told_for: ["))
    assert list(attributes.tellable(seeds.parent)) == ["next_category", "purchase_tier", "recommended_products"]


def test_what_may_be_told_is_what_the_models_read_and_a_text() -> None:
    """An attribute that they do not read would be told as unknown of everybody."""
    sql = (dbt.PROJECT / "macros" / "tellable.sql").read_text()
    [tellable] = re.findall(r"    select\n(.*?)    from customers\n", sql, re.DOTALL)
    read = {line.strip(" ,").rpartition(".")[2].rpartition(" ")[2] for line in tellable.splitlines()} - {"customer_id"}
    assert read == set(attributes.tellable(dbt.PROJECT))
    columns = yaml.safe_load((dbt.PROJECT / "models/profiles/customers.yml").read_text())["models"][0]["columns"]
    assert {one["data_type"] for one in columns if one["name"] in read} == {"varchar"}
