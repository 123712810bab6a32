from datetime import datetime
from pathlib import Path

import pytest

from ingestion.source import UnknownSourceError, files, load_source, names, unmatched

KNOWN = [
    *("crm_consents", "crm_contacts", "demographics", "email_engagement", "loyalty_members", "online_retail"),
    *("shop_order_discounts", "shop_order_lines", "shop_orders", "shop_products", "shop_promotions"),
    *("support_tickets", "survey_answers", "weather", "web_events"),
]


def test_being_a_file_in_sources_makes_a_source_known() -> None:
    assert names() == KNOWN
    assert [load_source(name).contract.source for name in names()] == KNOWN


def test_an_unknown_source_is_answered_with_those_there_are() -> None:
    with pytest.raises(UnknownSourceError) as error:
        load_source("sms")
    assert str(error.value) == f"no source 'sms'; there are: {', '.join(KNOWN)}"


@pytest.mark.parametrize(
    ("source", "name", "arrived"),
    [
        ("shop_orders", "orders_2026-08-31.csv", datetime(2026, 9, 1)),  # naive means UTC
        ("web_events", "events_2026-08-31T23.jsonl.gz", datetime(2026, 9, 1)),
        ("web_events", "events_2026-08-31T05.jsonl", datetime(2026, 8, 31, 6)),
        ("online_retail", "2010-12-01.csv", None),
    ],
)
def test_a_file_became_known_at_the_end_of_the_time_in_its_name(
    source: str, name: str, arrived: datetime | None
) -> None:
    assert load_source(source).arrived_at(name) == arrived


def test_files_come_in_order_of_arrival_and_folders_of_other_purposes_are_left_alone(tmp_path: Path) -> None:
    for name in ("b/orders_2026-08-02.csv", "orders_2026-08-10.csv", "a/deep/orders_2026-08-01.csv",
                 "_truth/orders_2026-08-03.csv", "done/shop_orders/orders_2026-08-04.csv",
                 "quarantine/orders_2026-08-05.csv", "order_lines_2026-08-01.csv"):  # fmt: skip
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    found = [path.name for path in files(load_source("shop_orders"), tmp_path)]
    assert found == ["orders_2026-08-01.csv", "orders_2026-08-02.csv", "orders_2026-08-10.csv"]


def test_a_file_that_no_source_claims_is_named_also_for_an_impossible_date(tmp_path: Path) -> None:
    for name in ("orders_2026-08-01.csv", "orders_2026-02-30.csv", "notes.txt", ".upload.tmp"):
        (tmp_path / name).touch()
    assert [path.name for path in unmatched(tmp_path)] == ["notes.txt", "orders_2026-02-30.csv"]
