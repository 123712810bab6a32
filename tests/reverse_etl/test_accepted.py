"""The ledger is read whole, however many people stand in it."""

import json

import pytest

from reverse_etl import accepted
from warehouse import ledger
from warehouse.settings import Settings

PEOPLE = {f"c{n:02d}": ["high_value", 'a "quoted" one', "tab\tand\nline"][: n % 3 + 1] for n in range(10)}
TOLD = {"c03": '{"area":"tab\\tand \\"line\\"","stage":null}', "c09": "{}"}


@pytest.mark.parametrize("part", [1, 3, 5, 10, 11])
def test_people_are_read_in_parts_without_losing_one(settings: Settings, monkeypatch: pytest.MonkeyPatch, part: int):
    with ledger.connect(settings.ledger) as book:
        rows = [("webhook", one, json.dumps(ids), "2026-09-01", "p", TOLD.get(one)) for one, ids in PEOPLE.items()]
        book.executemany("insert into accepted values (?, ?, ?, ?, ?, ?)", rows)
        book.execute("insert into accepted values ('braze', 'c99', '[\"other\"]', '2026-09-01', 'p', null)")
    monkeypatch.setattr(accepted, "_PART", part)
    frame = accepted.accepted(settings.ledger, "webhook")
    assert dict(zip(frame["customer_id"], map(json.loads, frame["segment_ids"]), strict=True)) == PEOPLE
    assert {one: told for one, told in zip(frame["customer_id"], frame["attributes"], strict=True) if told} == TOLD
    assert frame["attributes"].null_count() == len(PEOPLE) - len(TOLD)


def test_nobody_accepted_is_an_empty_frame(settings: Settings):
    with ledger.connect(settings.ledger):
        pass
    assert accepted.accepted(settings.ledger, "webhook").columns == ["customer_id", "segment_ids", "attributes"]
