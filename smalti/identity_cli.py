"""`smalti identity`: who is who, why, what other rules would come to, and the way back from a merge."""

from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from smalti.terminal import Json, dump, out, plain_errors
from warehouse import settings as configuration

app = typer.Typer(no_args_is_help=True, help="Who is who: rules tried out, paths, quality, the way back.")


@app.command("simulate")
def simulate_rules(
    rules: Annotated[Path | None, typer.Option(help="Rules to try; without it the project's.")] = None,
    change: Annotated[
        list[str] | None, typer.Option("--set", help="One rule changed, as email.joins_limit=2; may be given often.")
    ] = None,
    examples: Annotated[int, typer.Option(min=0, max=1_000, help="How many of the largest changes to show.")] = 10,
    as_json: Json = False,
) -> None:
    """Who would merge and who split under other rules. Nothing is changed.

    A value blocked by a trial is blocked as it stands in records: a user id with its system, as crm:null.

    Examples:
      smalti identity simulate --set email.joins_limit=2
      smalti identity simulate --rules new_rules.csv --examples 50 --json
    """
    from smalti import identity, present_identity

    with plain_errors():
        found = identity.simulate(configuration.load(), rules or identity.RULES, change or (), examples)
    if as_json:
        dump(asdict(found))
    else:
        present_identity.difference(out, found)


@app.command("explain")
def explain_path(
    one: Annotated[str, typer.Argument(help="An identifier as TYPE:VALUE, as email:ann@example.com or its hash.")],
    other: Annotated[str, typer.Argument(help="Another, in the same way.")],
    as_json: Json = False,
) -> None:
    """The records that join two identifiers, or what they have in common and why that does not join them.

    Values are hashed at once and never shown again.

    Example: smalti identity explain email:ann@example.com user_id:crm:c17
    """
    from smalti import identity, present_identity

    with plain_errors():
        found = identity.explain(configuration.load(), one, other)
    if as_json:
        dump(asdict(found))
    else:
        present_identity.explanation(out, found)


@app.command("quality")
def show_quality(as_json: Json = False) -> None:
    """What could be wrong with who is who, against its limits. Exit code 0 unless one is passed.

    Example: smalti identity quality
    """
    from smalti import identity, present_identity

    with plain_errors():
        found = identity.quality(configuration.load())
    if as_json:
        dump(found)
    else:
        present_identity.measures(out, found)
    if not all(row["is_within_limit"] for row in found):
        raise typer.Exit(1)


@app.command("unmerge")
def unmerge_person(
    customer_id: Annotated[str, typer.Argument(help="The id that ended: a `from_customer_id` of profiles.merges.")],
    reason: Annotated[str, typer.Option(help="Why the two are not one; kept in the ledger.")] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what it comes to, decide nothing.")] = False,
    undo: Annotated[bool, typer.Option("--undo", help="Take an earlier unmerge of this id back.")] = False,
    as_json: Json = False,
) -> None:
    """Let an absorbed person be one again, under the earlier id, from the next run on.

    Examples:
      smalti identity unmerge 0c8f3f39-5a0e-5a1c-9d53-0c2f7e6f1b11 --dry-run
      smalti identity unmerge 0c8f3f39-5a0e-5a1c-9d53-0c2f7e6f1b11 --reason "mother and daughter"
      smalti identity unmerge 0c8f3f39-5a0e-5a1c-9d53-0c2f7e6f1b11 --undo
    """
    from smalti import identity, present_identity

    with plain_errors():
        settings = configuration.load()
        if undo:
            identity.remerge(settings, customer_id)
            out.print("taken back: from the next run on they are one where something joins them")
            return
        now = datetime.now(UTC).replace(microsecond=0, tzinfo=None)
        found = identity.unmerge(settings, customer_id, reason, now, is_trial=dry_run)
    if as_json:
        dump(asdict(found) | {"is_decided": not dry_run})
        return
    present_identity.difference(out, found)
    out.print("nothing was decided (--dry-run)" if dry_run else "decided: the next run parts them")
