"""The digest of a run, as it would be mailed."""

import re

import pytest

from reports import digest
from reports.material import Material
from warehouse import ledger
from warehouse.errors import SmaltiError
from warehouse.floor import Floor
from warehouse.settings import Settings

PLAN = "insert into plans (plan_id, run_id, destination, version, created_at, added, changed, removed, status) values "


def of(settings: Settings, added: int) -> digest.Digest:
    """The digest of a run that sent so many people, and whose report of scores failed."""
    with ledger.stage(settings.ledger, "r", "deliver", "files") as row:
        row.rows_in = row.rows_loaded = added
    with ledger.connect(settings.ledger) as book:
        book.execute(f"{PLAN} ('0123456789abcdef', 'r', 'files', 'v', '2026-09-01', {added}, 7, 0, 'delivered')")
    with (
        pytest.raises(SmaltiError),
        ledger.stage(settings.ledger, "r", "check_scores"),
    ):
        raise SmaltiError("<b>scores</b> of 107 people are not numbers")
    return digest.of(Material(settings, "r", tuple(ledger.stages(settings.ledger, "r")), None, None, Floor(100)))


def test_it_tells_people_in_whole_floors_in_both_forms(settings: Settings):
    found = of(settings, added=1_234)
    assert found.subject == "Smalti: r: failed"
    for body in (found.text, found.html):
        assert "files accepted changes for 1,200 people" in body
        assert "of 100 people are not numbers" in body
        assert not re.search("1,?234|107|0123456789abcdef", body)
    assert re.findall(r"<td>(.*?)</td>", found.html.replace("&lt;", "<"))[:4] == ["files", "1,200", "< 100", "< 100"]
    assert re.search(r"^files +1,200 +< 100 +< 100 ", found.text, re.MULTILINE)


def test_markup_in_a_message_is_text(settings: Settings):
    assert "&lt;b&gt;scores&lt;/b&gt;" in of(settings, added=1).html


def test_one_person_less_changes_no_letter(settings: Settings, tmp_path_factory: pytest.TempPathFactory):
    other = settings.model_copy(update={"home": tmp_path_factory.mktemp("other")})
    assert of(settings, added=1_234) == of(other, added=1_233)
