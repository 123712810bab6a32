"""A simulated shop in which some people have a second contact: the links against who is who."""

import shutil
import uuid
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pytest
from pydantic import SecretStr

import linkage
from ingestion.load import load
from linkage import model, rules
from simulator.shop import simulate
from tests.linkage.conftest import without
from warehouse import links
from warehouse.settings import Settings

PRECISION, RECALL = 0.99, 0.9  # fixed for this shop; at the threshold of `rules`
PERSONAL = {"given_name", "surname", "birth_date", "phone", "email"}
AS_OF = datetime(2026, 11, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> tuple[Settings, Path]:
    """The contacts of a shop in raw, and the file that tells who is who."""
    folder = tmp_path_factory.mktemp("shop")
    simulate(2000, 2, 7, folder / "exports", events_per_customer=0)
    settings = Settings(home=folder / "home", hmac_key=SecretStr("5a" * 32), namespace=SecretStr(str(uuid.UUID(int=7))))
    load(settings, "crm_contacts", folder / "exports", "run-1", AS_OF.replace(tzinfo=None))
    return settings, folder / "exports" / "_truth" / "people.parquet"


def quality(settings: Settings, truth: Path) -> tuple[float, float]:
    """Precision and recall of the links between contacts of one person."""
    shutil.rmtree(settings.links, ignore_errors=True)
    linkage.link(settings, "run-1", AS_OF)
    people = f"select 'crm:' || unnest(contact_ids) as key, person_id from '{truth}'"
    found, right, true = duckdb.sql(f"""
        with people as ({people}), links as ({links.rows(settings, "run-1")})
        select
            (select count(*) from links),
            (select count(*) from links inner join people as l on from_key = l.key
             inner join people as r on to_key = r.key where l.person_id = r.person_id),
            (select count(*) from people as l inner join people as r using (person_id) where l.key < r.key)
    """).fetchall()[0]
    return right / max(found, 1), right / true


@pytest.fixture(autouse=True)
def fewer_sampled(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(rules, "SAMPLED_PAIRS", 50_000)


def test_second_contacts_are_found_and_nobody_is_taken_for_another(loaded: tuple[Settings, Path]):
    precision, recall = quality(*loaded)
    assert precision >= PRECISION
    assert recall >= RECALL


def test_by_address_alone_nobody_is_linked(loaded: tuple[Settings, Path], monkeypatch: pytest.MonkeyPatch):
    stated = model.stated
    monkeypatch.setattr(model, "stated", lambda *given: without(stated(*given), PERSONAL))
    assert quality(*loaded)[1] == 0
