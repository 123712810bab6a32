"""The report's chart of freshness: what is older than allowed is named and has a colour of its own."""

from datetime import timedelta

import pytest

from reports import intake
from reports.material import Material
from tests.warehouse.test_freshness import NEWEST, contract, line
from warehouse import manifest
from warehouse.floor import Floor
from warehouse.settings import Settings


@pytest.mark.parametrize(
    ("hours", "words", "series"),
    [
        (6, "None is older than allowed.", ["age"]),
        (7, "Older than the contract allows: shop_orders.", ["age", "age, stale"]),
    ],
)
def test_a_stale_source_is_named_in_words_and_by_colour(
    settings: Settings, hours: int, words: str, series: list[str]
) -> None:
    contract(6).write(settings.raw / "shop_orders")
    manifest.write(settings.raw / "shop_orders", [line()])
    moment = (NEWEST + timedelta(hours=hours)).isoformat()
    stages = ({"stage": "open_run", "status": "ok", "message": moment},)
    part = intake._freshness(Material(settings, "r", stages, None, None, Floor(100)))
    assert part.words.endswith(words)
    assert part.rows == (("shop_orders", "2026-08-31 12:00", f"{hours} h", "6 h", "fresh" if hours == 6 else "stale"),)
    assert [trace.name for trace in part.figure.data] == series
