"""Free text about people is not loaded: a file that brings it has another header than the contract, and stays out."""

import hmac
from hashlib import sha256

import pytest

from tests.ingestion.conftest import KEY, Desk

FILES = {
    "support_tickets": (
        "tickets_2026-08-31.csv",
        ["T1", "C1", " Ada@Example.org", "return", "email", "2026-08-30 10:00:00", "open", "2026-08-30 10:00:00"],
    ),
    "survey_answers": ("survey_answers_2026-08-31.csv", ["A1", "C1", "nps", "shop", "", "9", "2026-08-30 10:00:00"]),
}


@pytest.mark.parametrize("source", FILES)
def test_a_file_with_a_column_of_free_text_is_quarantined_and_without_it_loaded(desk: Desk, source: str) -> None:
    name, row = FILES[source]
    path = desk.csv(name, source, [row])
    with_text = [
        f"{line},{more}" for line, more in zip(path.read_text().splitlines(), ("comment", "I am ill"), strict=True)
    ]
    path.write_text("\n".join(with_text) + "\n")
    refused = desk.load(source)
    assert (refused.rows_loaded, desk.raw(source)) == (0, [])
    assert "header differs" in refused.problems[0]
    assert "ill" not in refused.problems[0]
    desk.csv(name.replace("31", "30"), source, [row])
    assert desk.load(source, run_id="run-2").rows_loaded == 1


def test_a_tickets_address_stands_in_raw_as_its_pseudonym_only(desk: Desk) -> None:
    name, row = FILES["support_tickets"]
    desk.csv(name, "support_tickets", [row])
    desk.load("support_tickets")
    pseudonym = hmac.new(bytes.fromhex(KEY), b"email:ada@example.org", sha256).hexdigest()
    assert desk.raw("support_tickets", "ticket_id, email_hmac") == [("T1", pseudonym)]
