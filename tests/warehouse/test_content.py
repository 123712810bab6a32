"""Whoever is sent somewhere is shown something that may stand there; what could never be shown stops the build."""

import csv
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from warehouse import content, dbt
from warehouse.content import BLOCKS, MATRIX, TOKENS, Cell
from warehouse.errors import SmaltiError
from warehouse.settings import Settings

STRATEGIES = {
    "browsing": {"popular", "recent", "personal"},
    "cart_abandoned": {"cart_offer"},
    "post_purchase": {"complements", "loyalty", "referral"},
}
Add = Callable[[str, str], list[str]]


@pytest.fixture
def seeds(tmp_path: Path) -> Path:
    for file in ("models/profiles/customers.yml", "models/_sources.yml"):
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(dbt.PROJECT / file, tmp_path / file)
    shutil.copytree(content.SEEDS, tmp_path / "seeds")
    (tmp_path / "seeds" / "activations.csv").write_text(
        "destination,segment,purpose,channel\n"
        "files,high_value,marketing_email,email\n"
        "files,high_engagement,personalisation,web\n"
    )
    written = {
        BLOCKS: ["popular,block,popular,email|web,*,*,Liked", "few,block,personal,web,loyal,browsing,{first_category}"],
        MATRIX: ["mail,*,email,*,9,popular,,,,,,,,", "page,*,web,*,9,popular,,,,,,,,"],
        TOKENS: ["first_category,favourite_category,the shop"],
    }
    for name, lines in written.items():
        header, *_ = (content.SEEDS / name).read_text().splitlines()
        (tmp_path / "seeds" / name).write_text("\n".join([header, *lines]) + "\n")
    return tmp_path / "seeds"


@pytest.fixture
def add(seeds: Path) -> Add:
    """Append a line, and tell what is wrong then, without the number of the line."""

    def added(name: str, line: str) -> list[str]:
        path = seeds / name
        path.write_text(path.read_text() + line + "\n")
        at = len(path.read_text().splitlines())
        return [problem.replace(f"{name}:{at}: ", f"{name}: ") for problem in content.problems(seeds)]

    return added


def test_the_seeds_that_ship_are_sound(seeds: Path) -> None:
    assert content.problems() == content.problems(seeds) == []


def test_each_stage_is_met_by_its_own_strategies_and_each_channel_has_a_fallback_for_it() -> None:
    found = content.read()
    strategies = {block.block_id: block.strategy for block in found.blocks.values()}
    shown = {stage: set[str | None]() for stage in content.STAGES}
    for row in found.matrix.values():
        shown[row.stage].add(strategies[row.block_id])
    assert shown == STRATEGIES
    fallbacks = {(row.channel, row.stage) for row in found.matrix.values() if row.segment == "*" and not row.conditions}
    assert {(channel, stage) for channel in ("email", "web") for stage in STRATEGIES} == fallbacks


def test_stages_are_those_of_the_profile() -> None:
    columns = yaml.safe_load((dbt.PROJECT / "models/profiles/customers.yml").read_text())["models"][0]["columns"]
    [stage] = [column for column in columns if column["name"] == "journey_stage"]
    assert tuple(stage["data_tests"][0]["accepted_values"]["arguments"]["values"]) == content.STAGES


def test_columns_of_the_seeds_are_those_that_dbt_types() -> None:
    seeds = {seed["name"]: seed for seed in yaml.safe_load((content.SEEDS / "_seeds.yml").read_text())["seeds"]}
    for name in content.FILES:
        with (content.SEEDS / name).open(newline="") as file:
            assert next(csv.reader(file)) == list(seeds[name.removesuffix(".csv")]["config"]["column_types"])


@pytest.mark.parametrize(
    ("name", "line", "told"),
    [
        (BLOCKS, "popular,offer,,web,*,*,Again", "popular stands on line 2 already; allowed: each id once"),
        (BLOCKS, "x,banner,,web,*,*,Text", "kind: Input should be 'block', 'offer' or 'message'"),
        (BLOCKS, "x,block,,web,*,*,Text", "a block has a strategy; an offer and a message have none"),
        (BLOCKS, "x,offer,popular,web,*,*,Text", "a block has a strategy; an offer and a message have none"),
        (BLOCKS, "x,block,guessing,web,*,*,Text", "strategy: Input should be 'popular', 'recent', 'personal', "),
        (BLOCKS, "x,offer,,web,*,asleep,Text", "stages.0: Input should be '*', 'browsing', 'cart_abandoned' or "),
        (BLOCKS, "x,offer,,web,,*,Text", "segments: Value should have at least 1 item"),
        (BLOCKS, "x,offer,,web,*,*,", "template: String should have at least 1 character"),
        (BLOCKS, "x,offer,,web,*,*,Hello {name}", f"no token 'name'; {TOKENS} has: first_category"),
        (BLOCKS, "x,offer,,web,*,*,Hello {first_category", "a brace of the template is no token's"),
        (BLOCKS, "x,offer,,web|ads,*,*,{first_category}", "first_category is not told for personalised_advertising"),
        (TOKENS, "who,contact_id_crm,you", "'contact_id_crm' may not be told; allowed: favourite_brand, "),
        (TOKENS, "who,is_email_opted_in,you", "'is_email_opted_in' may not be told; allowed: favourite_brand, "),
        (TOKENS, "first_category,region,you", "first_category stands on line 2 already"),
        (TOKENS, "where,region,", "default_text: String should have at least 1 character"),
        (MATRIX, "mail,*,email,*,9,popular,,,,,,,,", "mail stands on line 2 already; allowed: each id once"),
        (MATRIX, "x,*,email,asleep,9,popular,,,,,,,,", "stage: Input should be '*', 'browsing'"),
        (MATRIX, "x,*,email,*,-1,popular,,,,,,,,", "priority: Input should be greater than or equal to 0"),
        (MATRIX, "x,*,email,*,9,unheard,,,,,,,,", f"no block 'unheard' in {BLOCKS}; there are: few, popular"),
        (MATRIX, "x,*,email,*,9,popular,popular,,,,,,,", f"no offer 'popular' in {BLOCKS}; there are: nothing"),
        (
            MATRIX,
            "x,*,email,browsing,9,few,,,,,,,,",
            "few is not for channel email; its tags in content_blocks.csv allow",
        ),
        (
            MATRIX,
            "x,*,web,browsing,9,few,,,,,,,,",
            "few is not for segment *; its tags in content_blocks.csv allow: loyal",
        ),
        (
            MATRIX,
            "x,high_engagement,web,*,9,few,,,,,,,,",
            "few is not for stage *; its tags in content_blocks.csv allow",
        ),
        (
            MATRIX,
            "x,high_value,web,*,9,popular,,,,,,,,",
            "high_value is sent nowhere on web; allowed: *, high_engagement",
        ),
        (MATRIX, "x,*,sms,*,9,popular,,,,,,,,", "no channel 'sms' in purposes.csv; allowed: ads, email, partner, web"),
        (
            MATRIX,
            "x,*,web,*,9,popular,,,,phone,,,,",
            "usual_devices.0: Input should be 'desktop', 'mobile', 'tablet' or",
        ),
        (MATRIX, "x,*,web,*,9,popular,,,,,8-24,,,", "hours.1: Input should be less than or equal to 23"),
        (MATRIX, "x,*,web,*,9,popular,,,,,8-8,,,", "hours begin when they end; allowed: two hours as 17-23, or none"),
        (MATRIX, "x,*,web,*,9,popular,,,,,8,,,", "hours.1: Field required"),
        (MATRIX, "x,*,web,*,9,popular,,,Fife||Kent,,,,,", "regions.1: String should have at least 1 character"),
        (MATRIX, "x,*,web,*,9,popular,,,,,,,2026-09-02,2026-09-01", "valid_to lies before valid_from"),
        (MATRIX, "x,*,web,*,9,popular,,,,,,,soon,", "valid_from: Input should be a valid date"),
        (MATRIX, "x,*,web,*,9,popular,,,,,,,,,more", f"{MATRIX}: "),
    ],
)
def test_a_fault_names_file_line_and_what_is_allowed(add: Add, name: str, line: str, told: str) -> None:
    found = add(name, line)
    assert [problem for problem in found if problem.startswith(f"{name}: ") and told in problem], found


@pytest.mark.parametrize(
    "row",
    [
        "page,*,web,browsing,9,popular,,,,,,,,",
        "page,*,web,*,9,popular,,,Fife,,,,,",
        "page,*,web,*,9,popular,,,,mobile,,,,",
        "page,*,web,*,9,popular,,,,,8-17,,,",
        "page,*,web,*,9,popular,,,,,,mobile,,",
        "page,*,web,*,9,popular,,,,,,,2026-09-01,",
        "page,*,web,*,9,popular,,,,,,,,2026-09-01",
        "page,*,email,*,9,popular,,,,,,,,",
    ],
)
def test_a_row_that_does_not_hold_always_covers_nobody(seeds: Path, row: str) -> None:
    path = seeds / MATRIX
    path.write_text(path.read_text().replace("page,*,web,*,9,popular,,,,,,,,", row))
    assert content.problems(seeds)[-1] == (
        "activations.csv:3: high_engagement has no content on web at post_purchase; allowed: a row without conditions "
        "in content_matrix.csv, for it or for *"
    )


def test_a_segment_is_covered_by_its_own_row_before_one_for_anybody(seeds: Path, add: Add) -> None:
    assert add(MATRIX, "own,high_engagement,web,*,9,popular,,,,,,,,") == []
    assert add(MATRIX, "evening,high_engagement,web,browsing,1,popular,,,,,17-23,,,") == []
    assert add(MATRIX, "of_stage,*,web,cart_abandoned,8,popular,,,,,,,,") == []
    where = ("files", "high_engagement", "web")
    found = [cell for cell in content.coverage(content.read(seeds)) if cell.segment == "high_engagement"]
    assert found == [
        Cell(*where, "browsing", "own", is_fallback=False, conditional_rows=1),
        Cell(*where, "cart_abandoned", "of_stage", is_fallback=True, conditional_rows=0),
        Cell(*where, "post_purchase", "own", is_fallback=False, conditional_rows=0),
    ]


def test_nothing_is_built_while_somebody_would_be_shown_nothing(
    seeds: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copy(dbt.PROJECT / "dbt_project.yml", seeds.parent)
    monkeypatch.setattr(dbt, "PROJECT", seeds.parent)
    (seeds / MATRIX).write_text((seeds / MATRIX).read_text().replace("page,*,web", "page,*,email"))
    (seeds / "destination_attributes.csv").write_text("destination,attribute,name,purpose\n")
    with pytest.raises(SmaltiError, match="high_engagement has no content on web at browsing"):
        dbt.build(settings, ["activation"])
    assert not settings.working.exists()
