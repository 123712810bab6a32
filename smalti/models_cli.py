"""`smalti models`: which models count, what they are worth, and the way back to the one before."""

import sys
from datetime import UTC, datetime
from typing import Annotated

import typer

from smalti.terminal import Json, dump, out, plain_errors
from warehouse import settings as configuration

app = typer.Typer(no_args_is_help=True, help="Models: champions, their cards, the way back.")
Name = Annotated[str, typer.Argument(help="Which model, as `smalti models list` names it.")]


@app.command("list")
def list_models(as_json: Json = False) -> None:
    """Each model: the version that counts, the one before, the challenger, and the latest decision.

    Examples:
      smalti models list
      smalti models list --json
    """
    from smalti import models

    with plain_errors():
        found = models.listed(configuration.load())
    if as_json:
        dump(found)
        return
    for one in found:
        others = [f"{alias} {one[alias]}" for alias in ("former", "challenger") if one[alias]]
        told = ", ".join([f"champion {one['champion']}" if one["champion"] else "no champion", *others])
        out.print(f"{one['model']}: {told}", soft_wrap=True, markup=False)
        if one["decided"]:
            out.print(f"  {one['decided']}: {one['outcome']}, {one['reason']}", soft_wrap=True, markup=False)


@app.command("card")
def show_card(
    model: Name,
    version: Annotated[str | None, typer.Option(help="Which version; without it the champion.")] = None,
    as_json: Json = False,
) -> None:
    """The card of a model: data, features, figures, groups, limits.

    Examples:
      smalti models card purchase
      smalti models card purchase --json
    """
    from smalti import models

    with plain_errors():
        found = models.card(configuration.load(), model, version)
    if as_json:
        dump(found.as_json)
    else:
        sys.stdout.write(found.text)


@app.command("rollback")
def roll_back(
    model: Name,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say which version would count.")] = False,
    as_json: Json = False,
) -> None:
    """Let the champion before count again, from the next scoring on. No training brings back the one that it replaces.

    Examples:
      smalti models rollback purchase --dry-run
      smalti models rollback purchase --json
    """
    from smalti import models

    with plain_errors():
        found = models.rollback(configuration.load(), model, datetime.now(UTC), dry_run=dry_run)
    if as_json:
        dump(vars(found) | {"dry_run": dry_run})
    else:
        told = "would count" if dry_run else "counts"
        out.print(f"{model}: {found.challenger} {told} in place of {found.champion}", soft_wrap=True)
