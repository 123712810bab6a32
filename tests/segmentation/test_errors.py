"""An error names file, line and column of the sidecar, what is wrong there, and what is allowed."""

from pathlib import Path

import pytest

from segmentation import compiled
from warehouse.errors import SmaltiError

SIDECAR = """models:
  - name: readers
    config:
      meta:
        thresholds: {views: 2, share: 0.5, days: 30}
        rule:
          all:
            - {attribute: region, in: [North East, Wales]}
            - event: product_view
              where: {category: books, hour: {at_least: 17}}
              within: 30 days
              count: {at_least: views}
            - not: {score: purchase, tier: high}
            - any:
                - {order: completed, sum: {of: revenue_amount, at_least: 5}}
                - {segment: big}
"""


def errors(folder: Path, text: str) -> list[str]:
    (folder / "readers.yml").write_text(text)
    (folder / "big.sql").write_text("select 1")
    try:
        compiled.query("readers", folder)
    except SmaltiError as error:
        return str(error).splitlines()
    return []


def test_a_sound_rule_has_no_error(tmp_path: Path):
    assert errors(tmp_path, SIDECAR) == []


@pytest.mark.parametrize(
    ("was", "becomes", "told"),
    [
        # names
        ("attribute: region", "attribute: regoin", "8:27: no attribute 'regoin', did you mean 'region'?; there are:"),
        ("attribute: region", "attribute: customer_id", "8:27: no attribute 'customer_id'"),
        ("product_view", "produkt_view", "9:22: no event 'produkt_view', did you mean 'product_view'?; there are:"),
        ("category: books", "categry: books", "10:22: no column 'categry', did you mean 'category'?; there are:"),
        ("purchase, tier", "purchas, tier", "13:28: no score 'purchas', did you mean 'purchase'?"),
        ("tier: high", "tier: hihg", "13:44: no value 'hihg', did you mean 'high'?; there are: low, medium, high"),
        ("tier: high", "persona: x", "13:47: no purchase with 'persona'; there are: tier, probability"),
        ("completed", "complete", "15:27: no order 'complete', did you mean 'completed'?"),
        ("revenue_amount", "channel", "15:48: no column to sum 'channel'; there are: revenue_amount"),
        ("segment: big", "segment: bigg", "16:29: no segment 'bigg', did you mean 'big'?"),
        ("at_least: views", "at_least: vews", "12:33: no threshold 'vews', did you mean 'views'?"),
        ("{views: 2, share: 0.5, days: 30}", "{}", "12:33: no threshold 'views'; there are: "),
        # shape
        (
            "attribute:",
            "atribute:",
            "8:15: a condition names no kind, or several, did you mean 'attr",
        ),
        ("attribute: region", "attribute: region, event: any", "8:15: a condition names no kind, or several"),
        ("not: {", "not: 5 #", "13:20: a condition is 5; allowed is exactly one of: all, any, not, attribute"),
        ("within:", "wihtin:", "11:15: unknown key 'wihtin', did you mean 'within'?; allowed: where, within"),
        ("count: {at_least: views}", "count: {}", "12:22: compares with nothing; allowed is one or more of: is, in"),
        ("count: {at_least: views}", "as: hot_views", "9:15: allowed is exactly one of: count, distinct, sum, last"),
        ("count: {at_least: views}", "count: 3", "12:22: is 3; allowed is a mapping with: is, in"),
        ("[North East, Wales]", "[]", "8:39: List should have at least 1 item"),
        ("[North East, Wales]", "North East", "8:39: Input should be a valid list"),
        # kinds
        (
            "in: [North East, Wales]",
            "at_least: 3",
            "8:45: 'at_least' does not compare a text; allowed: is, in, is_null",
        ),
        ("in: [North East, Wales]", "is: 3", "8:39: is 3; allowed is a text: quote it"),
        (
            "in: [North East, Wales]",
            "is: 2026-01-01",
            "8:39: is of type 'timestamp'; allowed are plain values: quote a text",
        ),
        ("[North East, Wales]", "[Wales, 7]", "8:47: is 7; allowed is a text: quote it"),
        ("in: [North East, Wales]", "is: yes", "8:39: is true; allowed is a text: quote it"),
        ("attribute: region, in: [North East, Wales]", "attribute: is_active, is: 1", "8:42: is 1; allowed is true or"),
        ("attribute: region, in: [North East, Wales]", "attribute: state, is: loyl", "8:38: no value 'loyl', did you"),
        (
            "attribute: region, in: [North East, Wales]",
            "attribute: orders_count, is: yes",
            "8:45: is true; allowed is a number, or",
        ),
        (
            "attribute: region, in: [North East, Wales]",
            "attribute: last_seen_at, after: 3",
            "8:48: is 3; allowed is a mo",
        ),
        ("attribute: region, in: [North East, Wales]", "attribute: orders_count, is: .nan", "8:45: is nan"),
        (
            "attribute: region, in: [North East, Wales]",
            "attribute: orders_count, is: 1e99",
            "8:45: no threshold '1e99'",
        ),
        ("count: {at_least: views}", "count: {is_null: true}", "12:32: count is never null; nothing counts 0"),
        (
            "count: {at_least: views}",
            "distinct: {of: day, after: 1 days ago}",
            "12:42: 'after' does not compare a number",
        ),
        ("hour: {at_least: 17}", "day: {is: 17}", "10:50: 'is' does not compare a day; allowed: only to count it"),
        # lengths of time
        ("30 days", "30 dayz", "11:23: is '30 dayz'; allowed is a number or a threshold, and a unit"),
        ("30 days", "month days", "11:23: no threshold 'month'"),
        ("30 days", "share days", "11:23: is 0.5 days; allowed are whole numbers from 0 to 36500"),
        ("30 days", "99999 weeks", "11:23: is 99999 weeks; allowed are whole numbers"),
        # YAML
        ("- not:", "- not: &a", ""),
        ("{segment: big}", "{segment: big", "is no YAML: "),
        ("{segment: big}", "{segment: big, segment: big}", "16:34: the key 'segment' stands twice; allowed is once"),
        (
            "segment: big",
            "segment: !!python/name:os.system big",
            "16:29: is of type 'os.system'; allowed are plain values",
        ),
        ("{segment: big}", "{? [a] : big}", "16:22: a key that is no text"),
    ],
)
def test_an_error_names_the_place_what_is_wrong_and_what_is_allowed(tmp_path: Path, was: str, becomes: str, told: str):
    assert SIDECAR.count(was) == 1 or was in ("attribute:", "30 days")
    found = errors(tmp_path, SIDECAR.replace(was, becomes, 1) if was != "30 days" else SIDECAR.replace(was, becomes))
    assert len(found) == (told != ""), found
    assert all(line.startswith("readers.yml:") and told in line for line in found), found


def test_all_errors_are_told_at_once_in_the_order_of_the_file(tmp_path: Path):
    found = errors(
        tmp_path, SIDECAR.replace("region", "x").replace("at_least: views", "at_least: y").replace("big", "z")
    )
    assert [line.split(":")[1] for line in found] == ["8", "12", "16"]


def test_a_text_has_at_most_eighty_characters(tmp_path: Path):
    assert errors(tmp_path, SIDECAR.replace("Wales", "W" * 80)) == []
    (told,) = errors(tmp_path, SIDECAR.replace("Wales", "W" * 81))
    assert told.startswith("readers.yml:8:52: is 'WWW")
    assert "(81 characters); allowed is text of at most 80" in told


def test_a_threshold_may_stand_there_with_its_range(tmp_path: Path):
    ranged = SIDECAR.replace("30 days", "days days").replace("days: 30}", "days: {value: 30, minimum: 1, maximum: 90}}")
    assert errors(tmp_path, ranged) == []
    assert errors(tmp_path, ranged.replace("value: 30", "value: 0.5"))[0].startswith("readers.yml:11:23: is 0.5 days;")


def test_segments_may_not_be_made_of_themselves(tmp_path: Path):
    rule = "models: [{config: {meta: {rule: {segment: %s}}}}]"
    (tmp_path / "other.yml").write_text(rule % "by_hand")
    (tmp_path / "by_hand.sql").write_text("select * from {{ ref('readers') }}")
    told = errors(tmp_path, rule % "other")
    way = "readers → other → by_hand → readers"
    assert told == [f"readers.yml:1:33: is made of itself: {way}; allowed are segments that do not lead back"]
    (tmp_path / "by_hand.sql").write_text("select * from {{ ref('customers') }}")
    assert errors(tmp_path, rule % "other") == []


@pytest.mark.parametrize(
    ("name", "told"),
    [("select", "is a word of SQL"), ("measured", "is a step of every query"), ("Big", "small letters")],
)
def test_names_that_no_segment_can_have_are_refused(tmp_path: Path, name: str, told: str):
    (tmp_path / f"{name}.yml").write_text(SIDECAR.replace("{segment: big}", "{attribute: is_bot, is: false}"))
    with pytest.raises(SmaltiError, match=told):
        compiled.query(name, tmp_path)
