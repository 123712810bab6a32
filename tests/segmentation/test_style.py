"""What the generator writes is as clean as what people write here: the same linter, the same rules, nested or long."""

from dataclasses import replace

import pytest
from sqlfluff.core import FluffConfig, Linter

from segmentation.vocabulary import vocabulary
from tests.segmentation.tables import query, render
from tests.segmentation.test_each_condition import RULES
from warehouse.settings import CHECKOUT

WORDS = replace(vocabulary(), segments=frozenset({"friends"}))
HALVES = RULES[: len(RULES) // 2], RULES[len(RULES) // 2 :]
LONG = {"event": "add_to_wishlist", "where": {"utm_source": "spring_sale_"}, "within": "30 days"}
CASES = {
    "all": {"all": RULES},
    "any": {"any": RULES},
    "opposites": {"any": [{"not": {"all": HALVES[0]}}, {"not": {"any": HALVES[1]}}]},
    "long names": {"all": [{**LONG, "distinct": {"of": "referrer_domain", "at_least": 2}}, {"segment": "friends"}]},
}


@pytest.mark.parametrize("case", CASES)
def test_the_linter_finds_nothing(case: str) -> None:
    config = FluffConfig.from_path(str(CHECKOUT / "dbt_project"), overrides={"templater": "raw"})
    # the linter does not know dbt here: what Jinja leaves is linted, some of it longer than what is checked in
    sql = render(query(CASES[case], WORDS), {"few": 2, "span": 30, "half": 0.5})
    found = Linter(config=config).lint_string(sql).get_violations()
    assert [f"{each.rule_code()} {each.line_no}: {each.desc()}" for each in found] == []
