"""`smalti sources`: what an operator asks about exports."""

import sys
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
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


@app.command("check")
def check_file(
    file: Annotated[Path, typer.Argument(help="The file to look at; nothing of it is loaded.")],
    source: Annotated[str | None, typer.Option(help="Hold it against this source, whatever its name.")] = None,
    draft: Annotated[bool, typer.Option("--draft", help="Print a draft of a source file for it instead.")] = False,
    as_json: Json = False,
) -> None:
    """What loading a file would come to. Exit code 0 only if all of it would load.

    Examples:
      smalti sources check exports/orders_2026-08-31.csv
      smalti sources check orders.csv --source shop_orders --json
      smalti sources check refunds_2026-08-31.csv --draft > ingestion/sources/refunds.py
    """
    from ingestion import check
    from ingestion import draft as drafts
    from smalti import present_sources

    with plain_errors():
        config = configuration.load()
        if draft:
            sys.stdout.write(drafts.draft(config, file, source, _now()))
            return
        found = check.check(config, file, source, _now())
    if as_json:
        dump(asdict(found) | {"loads_whole": found.loads_whole})
    else:
        present_sources.checked(out, found)
    if not found.loads_whole:
        raise typer.Exit(1)


@app.command("rejects")
def list_rejects(
    source: Annotated[str | None, typer.Argument(help="Of which source; without it of all.")] = None,
    run: Annotated[str | None, typer.Option(help="Of which run.")] = None,
    export: Annotated[Path | None, typer.Option(help="Write all of them to this CSV file.")] = None,
    as_json: Json = False,
) -> None:
    """The rejected rows: file, position, reason, and the text without personal values.

    Examples:
      smalti sources rejects
      smalti sources rejects shop_orders --run nightly-20260901T040000-1f3a
      smalti sources rejects shop_orders --export rejects.csv
    """
    from ingestion import rejects
    from smalti import present_sources

    with plain_errors():
        found = list(rejects.rejected(configuration.load(), source, run))
        if export:
            rejects.export(found, export)
    if as_json:
        dump([asdict(one) for one in found])
    elif export:
        out.print(f"wrote {len(found)} rejected rows to {export}", soft_wrap=True)
    else:
        present_sources.rejected(out, found)


@app.command("replay")
def replay_rejects(
    source: Annotated[str, typer.Argument(help="Which source.")],
    data: Annotated[
        Path | None, typer.Option(help="Folder with the files, where the drop folder has them not.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Try rejected rows again under today's contract. Exit code 0 only if all of them could be tried.

    The next run takes what loads; running it again changes nothing.

    Examples:
      smalti sources replay shop_orders
      smalti sources replay shop_orders --data exports --json
    """
    from smalti import sources

    with plain_errors():
        found = sources.replay(configuration.load(), source, data, _now())
    if as_json:
        dump(asdict(found))
    else:
        told = (
            f"{found.rows_loaded:,} loaded, {found.rows_duplicate:,} duplicates, {found.rows_rejected:,} still rejected"
        )
        out.print(f"{found.source}: {found.rows_in:,} rejected rows tried: {told}", soft_wrap=True)
        for problem in found.problems:
            out.print(f"problem {problem}", soft_wrap=True, markup=False)
    if found.problems:
        raise typer.Exit(1)
