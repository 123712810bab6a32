"""The record of processing says what contracts, the dbt project and the activations say."""

import csv
import json
from typing import Any

import pytest
from typer.testing import CliRunner

from ingestion import source
from smalti import record
from smalti.cli import app


@pytest.fixture(scope="module")
def entries() -> dict[str, dict[str, Any]]:
    shown = CliRunner().invoke(app, ["privacy", "record", "--json"])
    assert shown.exit_code == 0, shown.output
    return {f"{one['kind']} {one['name']}": one for one in json.loads(shown.output)}


def test_every_source_and_published_table_is_recorded(entries: dict[str, Any]) -> None:
    assert {name.split()[1] for name in entries if name.startswith("source ")} == set(source.names())
    assert {"table profiles.customers", "table ops.rejects", "table scores.propensity"} <= set(entries)


def test_every_column_of_a_source_is_recorded_by_its_class(entries: dict[str, Any]) -> None:
    for name in source.names():
        contract, found = source.load_source(name).contract, entries[f"source {name}"]
        stated = {(column, pii) for pii, columns in found["columns"].items() for column in columns}
        assert stated == {(column.in_file, column.pii) for column in contract.columns}
        assert contract.retention_days in found["retention_days"]
        assert contract.purpose in found["purposes"]


def test_a_table_says_with_which_sources_its_rows_go(entries: dict[str, Any]) -> None:
    sessions = entries["table profiles.sessions"]["kept_with"]
    assert sessions["web_events"] == 400 == max(entries["table profiles.sessions"]["retention_days"])
    assert entries["table profiles.customer_consents"]["kept_with"]["crm_consents"] == 2_190
    for one in entries.values():  # of nobody is only what no source of people feeds, or what tells no person
        assert set(one["kept_with"]).isdisjoint({"shop_products", "shop_stock", "weather", "shop_promotions"})
        assert set(one["kept_with"]) <= set(source.names())
    page = CliRunner().invoke(app, ["privacy", "record", "--markdown"]).output
    assert "- Goes with the rows of: " in page


def test_the_recipients_are_those_of_the_activations(entries: dict[str, Any]) -> None:
    with record._ACTIVATIONS.open(newline="") as file:
        wanted = {f"{row['destination']} ({row['purpose']}, by {row['channel']})" for row in csv.DictReader(file)}
    assert set(entries["table activation.audience"]["recipients"]) == wanted
    assert entries["table profiles.customers"]["recipients"] == []


def test_nobody_is_in_what_is_of_nobody(entries: dict[str, Any]) -> None:
    assert entries["source weather"]["people"] == entries["table profiles.weather"]["people"] == "nobody"
    assert entries["source crm_contacts"]["people"] == "customers, by name or address"
    assert "the vault" in entries["source crm_contacts"]["safeguards"][0]


def test_the_page_has_a_section_for_each(entries: dict[str, Any]) -> None:
    page = CliRunner().invoke(app, ["privacy", "record", "--markdown"]).output
    assert [name for name in entries if f"\n## {name}\n" not in page] == []
