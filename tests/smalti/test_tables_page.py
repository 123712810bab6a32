"""The page on every table: complete, at peace with a run, without a machine's path, and silent towards the network."""

import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pytest
from pydantic import SecretStr

from smalti import tables_page
from warehouse import dbt
from warehouse.errors import SmaltiError
from warehouse.settings import CHECKOUT, Settings

BROWSER = shutil.which("chromium")


@dataclass(frozen=True)
class Page:
    """The page that was written, and its text."""

    path: Path
    text: str
    settings: Settings


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Page:
    """Written while a run holds the working file, in the environment that the run gives its children."""
    settings = Settings(
        home=tmp_path_factory.mktemp("home"),
        hmac_key=SecretStr("5a" * 32),
        namespace=SecretStr("6f0d2b5c-94a7-4f6e-8f35-0c3d1f6a7b21"),
    )
    settings.working.parent.mkdir()
    with duckdb.connect(settings.working) as held, pytest.MonkeyPatch.context() as patch:
        held.execute("create table canary as select 'someone@example.com' as email")
        for name, value in dbt.environment(settings).items():
            patch.setenv(name, value)
        path = tables_page.write(settings)
    return Page(path, path.read_text(), settings)


def test_it_lies_among_the_reports_and_nothing_lies_beside_it(page: Page) -> None:
    assert page.path == page.settings.home / "reports" / "tables" / "index.html"
    assert list(page.path.parent.iterdir()) == [page.path]


@pytest.mark.parametrize("model", sorted({path.stem for path in (dbt.PROJECT / "models").rglob("*.sql")}))
def test_every_model_is_on_it(page: Page, model: str) -> None:
    assert f'"model.smalti.{model}": {{' in page.text


def test_it_names_no_place_of_this_machine(page: Page) -> None:
    places = [str(CHECKOUT), str(page.settings.home), tempfile.gettempdir() + "/", str(Path.home())]
    assert [place for place in places if place in page.text] == []
    assert '"compiled_path": "compiled/smalti/models/' in page.text


def test_neither_a_key_nor_a_row_is_on_it(page: Page) -> None:
    secret = page.settings.hmac_key.get_secret_value(), page.settings.namespace.get_secret_value()
    assert [text for text in (*secret, "someone@example.com") if text in page.text] == []


def test_the_browser_is_told_to_ask_nobody_before_it_reads_any_script(page: Page) -> None:
    head = page.text.split("<script", 1)[0]
    policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]+)"', head)
    assert policy
    rules = dict(rule.split(maxsplit=1) for rule in policy[1].split("; "))
    assert rules["default-src"] == "'none'"
    assert "connect-src" not in rules
    assert set(" ".join(rules.values()).split()) == {"'none'", "'unsafe-inline'", "'unsafe-eval'", "data:"}


@pytest.mark.skipif(BROWSER is None, reason="no Chromium here (Debian package `chromium`)")
def test_a_browser_shows_a_table_without_a_network(page: Page, tmp_path: Path) -> None:
    options = ["--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path}"]
    options += ["--host-resolver-rules=MAP * ~NOTFOUND", "--virtual-time-budget=10000", "--dump-dom"]
    command = [str(BROWSER), *options, f"{page.path.as_uri()}#!/model/model.smalti.customers"]
    shown = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout
    body = re.sub(r"<script.*?</script>", "", shown, flags=re.DOTALL)
    assert re.search(r"<span[^>]*>customers</span>|<h1>[^<]*<span[^>]*>customers", body)
    assert "One row per person, whether known by name or only by a browser" in body


def test_a_project_that_does_not_parse_is_one_line_and_leaves_no_page(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dbt, "PROJECT", settings.home / "nowhere")
    with pytest.raises(SmaltiError, match=r"dbt docs ended with exit code \d; see .*dbt-docs\.log"):
        tables_page.write(settings)
    assert not (settings.home / "reports").exists()
