"""The page and the card of a run tell the figures that were measured."""

import json

from benchmarks import linkage_page
from linkage import card, forms, model, parameters, rules

MEASURED = json.loads(card.MEASURED.read_text())


def test_the_page_shows_what_was_measured():
    assert "\n".join(card.measured_table(MEASURED)) in linkage_page.PAGE.read_text()
    assert linkage_page.IMAGE.name in linkage_page.PAGE.read_text()
    assert all(name in linkage_page.IMAGE.read_text() for name in MEASURED["data"])


def test_the_page_shows_the_weight_of_each_level():
    page = linkage_page.PAGE.read_text()
    for field, levels in parameters.readable(model.stated(set(forms.COMPARED), [])).items():
        assert all(f"| {field} | {label} | " in page for label in levels)


def test_the_card_shows_quality_by_data_set_and_weights_by_level():
    made = card.make(None, [], 0, "nothing there") | {
        "parameters": {"city": {"equal": {"m": 0.75, "u": 0.02, "weight": 5.23}}}
    }
    text = card.markdown(made)
    assert "| city | equal | +5.23 | 0.75 | 0.02 |" in text
    assert "\n".join(card.measured_table(MEASURED)) in text
    assert f"- threshold: {rules.THRESHOLD}" in text


def test_recall_grows_and_precision_is_that_of_all_found_so_far():
    rows = [(9.0, True), (5.0, True), (5.0, False), (1.0, True)]
    assert linkage_page.curve(rows, 4) == [(0.25, 1.0), (0.5, 2 / 3), (0.75, 0.75)]
