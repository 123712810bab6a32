"""Thresholds have an owner and a range: a number out of it, a misspelt name and an idle one are refused by line."""

from pathlib import Path

import pytest

from smalti import sidecar_thresholds, sidecars
from warehouse import dbt, thresholds
from warehouse.errors import SmaltiError
from warehouse.thresholds import Bounded, Shared

HEADER = "name,value,minimum,maximum,unit,owner,description\n"
SPEND = "spend,500,50,1000,pounds,crm,From this on somebody is a big spender.\n"
SQL = (
    "select customer_id\nfrom customers\nwhere spend >= {{ threshold('spend') }} and orders > {{ threshold('orders') }}"
)
YML = "models:\n  - name: big\n    config:\n      meta:\n        owner: crm\n        thresholds:\n{lines}"
SHARED = {
    "spend": Shared(name="spend", value=500, minimum=50, maximum=1000, unit="pounds", owner="crm", description="x" * 20)
}


def _seed(folder: Path, lines: str) -> Path:
    path = folder / "thresholds.csv"
    path.write_text(HEADER + lines)
    return path


def _told(folder: Path, stated: dict[str, float | Bounded], sql: str = SQL) -> list[str]:
    (folder / "big.sql").write_text(sql)
    (folder / "big.yml").write_text(YML.format(lines="".join(f"          {name}: 1\n" for name in stated)))
    return sidecar_thresholds.held_against(SHARED, [("big", stated)], folder)


def test_a_sound_seed_has_no_problem(tmp_path: Path):
    path = _seed(tmp_path, SPEND)
    assert thresholds.problems(path) == []
    assert thresholds.values(path) == {"spend": 500}
    assert thresholds.shared(path)["spend"].owner == "crm"


@pytest.mark.parametrize(
    ("was", "becomes", "told"),
    [
        (",500,", ",1000.01,", "1000.01 is out of range; allowed: 50 to 1000"),
        (",500,", ",49.99,", "49.99 is out of range; allowed: 50 to 1000"),
        (",500,", ",much,", "value: Input should be a valid number"),
        (",500,", ",nan,", "value: Input should be a finite number"),
        (",1000,", ",,", "maximum: Input should be a valid number"),
        (",crm,", ",,", "owner: String should match pattern"),
        (",pounds,", ",,", "unit: String should have at least 1 character"),
        ("From this on somebody is a big spender.", "Big.", "description: String should have at least 20 characters"),
        ("big spender.", "big spender.,more", "more_columns: Extra inputs are not permitted"),
        ("spend,", "Spend,", "name: String should match pattern"),
    ],
)
def test_a_bad_row_is_told_with_its_line(tmp_path: Path, was: str, becomes: str, told: str):
    path = _seed(tmp_path, SPEND.replace("spend,", "other,", 1) + SPEND.replace(was, becomes, 1))
    [problem] = thresholds.problems(path)
    assert problem.startswith("thresholds.csv:3: ")
    assert told in problem
    with pytest.raises(SmaltiError, match=r"thresholds\.csv:3"):
        thresholds.values(path)


def test_both_ends_of_the_range_are_allowed(tmp_path: Path):
    assert thresholds.problems(_seed(tmp_path, SPEND.replace(",500,", ",50,"))) == []
    assert thresholds.problems(_seed(tmp_path, SPEND.replace(",500,", ",1000,"))) == []


def test_a_name_stands_once(tmp_path: Path):
    assert thresholds.problems(_seed(tmp_path, SPEND + SPEND)) == [
        "thresholds.csv:3: 'spend' stands on line 2 already; allowed: each name once"
    ]


@pytest.mark.parametrize("value", [50.0, 700.0, 1000.0])
def test_a_sidecar_overrides_a_shared_threshold_within_its_range(tmp_path: Path, value: float):
    assert _told(tmp_path, {"spend": value, "orders": 3}) == []


@pytest.mark.parametrize("value", [49.0, 1001.0])
def test_an_override_out_of_range_is_told_with_its_line(tmp_path: Path, value: float):
    [told] = _told(tmp_path, {"orders": 3, "spend": value})
    assert told.startswith("big.yml:8: models.0.config.meta.thresholds.spend: ")
    assert told.endswith(f": {value:g} is out of range; allowed: 50 to 1000 (thresholds.csv)")


def test_an_override_states_no_range_of_its_own(tmp_path: Path):
    [told] = _told(tmp_path, {"spend": Bounded(value=60, minimum=1, maximum=99), "orders": 3})
    assert told.startswith("big.yml:7: models.0.config.meta.thresholds.spend: its range is the shared one's")


def test_a_threshold_that_nobody_states_is_told_with_its_line(tmp_path: Path):
    assert _told(tmp_path, {}) == ["big.sql:3: no threshold 'orders'; there are: spend"]


def test_a_threshold_that_the_sql_does_not_use_is_told(tmp_path: Path):
    [told] = _told(tmp_path, {"orders": 3, "order": 3})
    assert told == "big.yml:8: models.0.config.meta.thresholds.order: big.sql does not use it; allowed: orders, spend"


def test_a_shared_threshold_that_no_segment_uses_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(thresholds, "line_of", lambda name: 2 if name == "spend" else 0)
    [told] = _told(tmp_path, {"orders": 3}, SQL.replace("spend >= {{ threshold('spend') }} and ", ""))
    assert told == "thresholds.csv:2: no segment uses 'spend'; allowed: what one uses"


@pytest.mark.parametrize(
    "stated", ["{value: 5, minimum: 6, maximum: 9}", "{value: 5}", "{value: 5, minimum: 1, maximum: 9, unit: x}"]
)
def test_a_range_that_a_sidecar_states_holds_its_value(tmp_path: Path, stated: str):
    (tmp_path / "big.sql").write_text("select 1")
    (tmp_path / "big.yml").write_text(SOUND.replace("{spend: 5}", f"{{spend: {stated}}}"))
    told, *_ = sidecars.problems(tmp_path)
    assert told.startswith("big.yml:5: models.0.config.meta.thresholds.spend")
    (tmp_path / "big.yml").write_text(SOUND.replace("{spend: 5}", "{spend: {value: 6, minimum: 6, maximum: 9}}"))
    assert sidecars.problems(tmp_path) == []


SOUND = """
models:
  - name: big
    description: Spent a lot, and so hears first.
    config: {meta: {owner: crm, tier: broad, purpose: marketing_email, review_by: 2027-06-01, thresholds: {spend: 5}}}
    columns: [{name: customer_id, data_tests: [not_null, unique]}]
unit_tests:
  - {name: the_edge_counts, model: big}
"""


def test_what_ships_is_sound():
    assert sidecar_thresholds.problems(sidecars.thresholds()) == []


def test_a_changed_threshold_does_not_build_the_kept_tables_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Only segments read it, and these keep nothing."""
    for folder in ("macros", "seeds", *(f"models/{name}" for name in ("staging", "input", "identity", "profiles"))):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "some.csv").write_text("a")
    monkeypatch.setattr(dbt, "PROJECT", tmp_path)
    before = dbt.fingerprint()
    (tmp_path / "seeds" / "thresholds.csv").write_text(HEADER + SPEND)
    assert dbt.fingerprint() == before
    (tmp_path / "seeds" / "some.csv").write_text("b")
    assert dbt.fingerprint() != before
