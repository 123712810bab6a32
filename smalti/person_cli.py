"""`smalti person`: what is known of one person."""

from datetime import UTC, datetime
from typing import Annotated

import typer

from smalti.terminal import Json, dump, out, plain_errors
from warehouse import settings as configuration

app = typer.Typer(no_args_is_help=True, help="One person: what is known of them, and that nothing is sent.")


@app.callback()
def _group() -> None:
    """One person: what is known of them, now or as of a past day."""


@app.command("show")
def show_person(
    who: Annotated[str, typer.Argument(help="A customer_id, or TYPE:VALUE; user_id, email, phone are such types.")],
    as_of: Annotated[
        datetime | None, typer.Option(help="The moment to tell of, UTC; without it the published one.")
    ] = None,
    as_json: Json = False,
) -> None:
    """The profile of a person, their segments since when, consents and interests; an id that ended is followed.

    An identifier is turned into its pseudonym here and shown nowhere.

    Examples:
      smalti person show 0b6f6c1e-8a52-5f2b-9d8e-0c5d7f3a1b22
      smalti person show email:ann@example.org --as-of 2026-08-31
      smalti person show user_id:crm:c17 --json
    """
    from smalti import person, present_person

    with plain_errors():
        at = as_of.astimezone(UTC).replace(tzinfo=None) if as_of and as_of.tzinfo else as_of
        found = person.show(configuration.load(), who, at)
    if as_json:
        dump(found)
    else:
        present_person.show(out, found)


@app.command("suppress")
def suppress_person(
    who: Annotated[str, typer.Argument(help="A customer_id, or TYPE:VALUE; user_id, email, phone are such types.")],
    reason: Annotated[str, typer.Option(help="Why; kept in the ledger.")] = "",
    undo: Annotated[bool, typer.Option("--undo", help="Take it back.")] = False,
    as_json: Json = False,
) -> None:
    """Send nothing about a person any more: every destination removes them, and no old export brings them back.

    Examples:
      smalti person suppress email:ann@example.org --reason "asked by phone"
      smalti person suppress 0b6f6c1e-8a52-5f2b-9d8e-0c5d7f3a1b22 --undo
    """
    from smalti import person

    with plain_errors():
        now = datetime.now(UTC).replace(microsecond=0, tzinfo=None)
        found = person.suppress(configuration.load(), who, reason, now, undo=undo)
    if as_json:
        dump({"identifiers": found})
    else:
        done = "taken back" if undo else "suppressed; the next send of each destination removes whoever holds them"
        out.print(f"{found} identifiers {done}", soft_wrap=True, markup=False)
