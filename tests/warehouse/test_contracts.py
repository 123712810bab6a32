"""What a contract may say of columns that no file has, and of exports without a key."""

from typing import Any

import pytest
from pydantic import ValidationError

from warehouse import contracts
from warehouse.contracts import WHOLE_ROW, Column, Contract


def contract(**fields: Any) -> Contract:
    columns = (
        Column(name="email", pii="direct", kind="email"),
        Column(name="day"),
        Column(name="seen_at", type="timestamp", derived="try_strptime(day, '%Y%m%d')"),
    )
    kept = {"source": "visits", "description": "One row per visit.", "format": "csv", "columns": columns}
    return Contract(**kept | {"key": ("email", "day"), "purpose": "personalisation", "retention_days": 1} | fields)


def test_a_derived_column_stands_in_raw_and_not_in_the_file() -> None:
    assert [column.name for column in contract().delivered] == ["email", "day"]
    assert list(contract().raw_columns())[:5] == [
        "email_hmac",
        "email_is_disposable",
        "email_canonical_hmac",
        "day",
        "seen_at",
    ]


def test_the_key_has_the_names_that_columns_have_in_raw() -> None:
    assert contract().key_in_raw == ("email_hmac", "day")
    assert contract(key=("_position",)).key_in_raw == ("_position",)
    assert contract(key=(WHOLE_ROW,)).key_in_raw == ("email_hmac", "day", "seen_at")


def test_a_contract_is_the_same_once_written_and_read(tmp_path: Any) -> None:
    contract(key=(WHOLE_ROW,)).write(tmp_path)
    assert contracts.read(tmp_path) == contract(key=(WHOLE_ROW,))


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        (lambda: contract(key=(WHOLE_ROW, "day")), "the whole row is the key by itself"),
        (lambda: contract(key=("nowhere",)), "no column 'nowhere'"),
        (lambda: Column(name="a", derived="b", header="A"), "a derived column is not in the file"),
        (lambda: Column(name="a", derived="b", pii="direct", kind="email"), "a derived column is not in the file"),
    ],
)
def test_what_contradicts_itself_is_refused(wrong: Any, reason: str) -> None:
    with pytest.raises(ValidationError, match=reason):
        wrong()


def test_a_column_has_the_days_of_its_row() -> None:
    columns = (Column(name="email", pii="direct", kind="email", retention_days=1), Column(name="day"))
    assert contract(columns=columns).columns[0].retention_days == 1
    with pytest.raises(ValidationError, match="column email: retention_days 1, but a row is kept whole for 30"):
        contract(columns=columns, retention_days=30)
