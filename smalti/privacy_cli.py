"""`smalti privacy`: what a data protection officer asks."""

import sys
from typing import Annotated

import typer

from smalti.terminal import Json, dump, err, out, plain_errors
from warehouse.errors import SmaltiError

app = typer.Typer(no_args_is_help=True, help="Privacy: the record of processing, and its tags.")


@app.command("record")
def show_record(
    as_markdown: Annotated[bool, typer.Option("--markdown", help="As a page, as without an option.")] = False,
    as_json: Json = False,
) -> None:
    """The record of processing (GDPR, article 30), by source and published table.

    Examples:
      smalti privacy record --markdown > record.md
      smalti privacy record --json
    """
    from smalti import record

    with plain_errors():
        if as_json and as_markdown:
            raise SmaltiError("--json and --markdown together; allowed is one")
        found = record.entries()
    if as_json:
        dump(record.plain(found))
    else:
        sys.stdout.write(record.markdown(found))


@app.command("check")
def check_tags() -> None:
    """Check that published columns have class, purpose and days, that none is direct, and decisions go when they say.

    Example: smalti privacy check
    """
    from warehouse import dbt, tags

    with plain_errors():
        tables = tags.published(dbt.project())
    problems = [*tags.problems(tables), *tags.kept_otherwise(tables)]
    for problem in problems:
        err.print(f"error: {problem}", soft_wrap=True, markup=False)
    if problems:
        raise typer.Exit(1)
    out.print(f"the columns of {len(tables)} tables are tagged")
