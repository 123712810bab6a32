"""The page on every table: dbt's own documentation in one file that asks nobody for anything."""

import tempfile
from pathlib import Path

from warehouse import atomic, dbt
from warehouse.settings import Settings

# dbt's page can send usage statistics where it is hosted: here the browser itself refuses every request
_POLICY = (
    "default-src 'none'; script-src 'unsafe-inline' 'unsafe-eval'; style-src 'unsafe-inline'; "
    "img-src data:; font-src data:"
)
_HEAD = f'<head><meta http-equiv="Content-Security-Policy" content="{_POLICY}">'


def write(settings: Settings) -> Path:
    """Write `reports/tables/index.html` and return where it lies.

    It says what the project says: it needs no run, no published version and not the working file.
    """
    with tempfile.TemporaryDirectory() as target:
        page = dbt.describe(Path(target), settings.logs / "dbt-docs.log")
    folder = settings.home / "reports" / "tables"
    folder.mkdir(parents=True, exist_ok=True)
    aside = folder / ".index.html.tmp"
    aside.write_text(page.replace("<head>", _HEAD, 1))
    atomic.sync(aside)
    return aside.replace(folder / "index.html")
