"""`smalti sources`: what an operator asks about exports."""

from datetime import UTC, datetime
from typing import Annotated

import typer

from smalti.terminal import Json, dump, out, plain_errors
from warehouse import settings as configuration

app = typer.Typer(no_args_is_help=True, help="Sources: their files, what would load, what was rejected.")


def _now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0, tzinfo=None)


@app.command("list")
def list_sources(
    as_of: Annotated[
        datetime | None, typer.Option(help="The moment to tell freshness of, UTC; without it the present.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Each source: its files' names, when last loaded, newest row, rows, and whether that is fresh.

    Examples:
      smalti sources list
      smalti sources list --as-of 2026-09-01 --json
    """
    from smalti import present_sources, sources

    at = as_of or _now()
    with plain_errors():
        found = sources.listed(configuration.load(), at)
    if as_json:
        dump(found)
    else:
        present_sources.listed(out, found, at)
