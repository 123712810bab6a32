"""`smalti sync`: what destinations would be sent, what blocks it, and how one plan is let pass."""

from dataclasses import asdict
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated

import typer

from smalti.terminal import Json, dump, out, plain_errors
from warehouse import settings as configuration


class Outcomes(StrEnum):
    """What can have become of a person."""

    accepted = "accepted"
    rejected = "rejected"
    retry = "retry"
    unknown = "unknown"


app = typer.Typer(no_args_is_help=True, help="Sends: what is planned, what blocks it, letting it pass.")


def _now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0, tzinfo=None)


@app.command("plan")
def show_plan(
    destination: Annotated[str | None, typer.Argument(help="Of which destination; without it of each.")] = None,
    as_json: Json = False,
) -> None:
    """What would be sent now, and what blocks it. Nothing is sent.

    Examples:
      smalti sync plan
      smalti sync plan files --json
    """
    from smalti import present, sync

    with plain_errors():
        found = sync.plans(configuration.load(), destination, _now())
    if as_json:
        dump(found)
    else:
        present.plans(out, found)


@app.command("approve")
def approve_plan(
    plan: Annotated[str, typer.Argument(help="The plan, as `smalti sync plan` names it.")],
    reason: Annotated[str, typer.Option(help="Why it may be sent; kept in the ledger.")],
    up_to: Annotated[int | None, typer.Option(min=1, help="For so many people, where it is about how many.")] = None,
    as_json: Json = False,
) -> None:
    """Let one plan pass in spite of what blocks it now. Nothing is sent by that.

    Examples:
      smalti sync approve 5bf5a6ded111d11c --reason "the shop was closed for stocktaking"
      smalti sync approve 5bf5a6ded111d11c --up-to 900 --reason "spring sale ended, the segment empties"
    """
    from smalti import sync

    with plain_errors():
        found = sync.approve(configuration.load(), plan, up_to, reason, _now())
    if as_json:
        dump(asdict(found) | {"blocked_by": []})
    else:
        out.print(f"plan {plan} may be sent: `smalti sync run {found.destination}`", soft_wrap=True, markup=False)


@app.command("run")
def send(
    destination: Annotated[str, typer.Argument(help="Which destination.")],
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show the calls that would be made, and make none.")
    ] = False,
    limit: Annotated[int, typer.Option(min=1, help="Of a dry run: so many calls at most.")] = 3,
    as_json: Json = False,
) -> None:
    """Send a destination what is published, without a run. Exit code 0 unless it is blocked or refused.

    Examples:
      smalti sync run files
      smalti sync run webhook --dry-run --limit 1
    """
    from smalti import present, sync
    from smalti.progress import people

    if dry_run:
        with plain_errors():
            calls = sync.requests(configuration.load(), destination, limit, _now())
        dump(calls) if as_json else present.calls(out, calls)
        return
    with plain_errors(), people(out) as progress:
        found = sync.run(configuration.load(), destination, _now(), progress)
    if as_json:
        dump(found)
    else:
        out.print(f"{destination} {found['status']}: {found['message']}", soft_wrap=True, markup=False)
    if found["status"] != "ok":
        raise typer.Exit(1)


Which = Annotated[str | None, typer.Argument(help="Of which destination; without it of each.")]


@app.command("status")
def show_status(destination: Which = None, as_json: Json = False) -> None:
    """What destinations hold, how their last plan ended, whom they refused and what is open.

    Example: smalti sync status webhook
    """
    from smalti import present, sync

    with plain_errors():
        found = sync.status(configuration.load(), destination)
    dump(found) if as_json else present.standing(out, found)


@app.command("rows")
def show_rows(
    destination: Annotated[str, typer.Argument(help="Which destination.")],
    outcome: Annotated[
        Outcomes | None, typer.Option(help="Whom the last plan had it for; without it, who would be sent now.")
    ] = None,
    messages: Annotated[
        bool, typer.Option("--messages", help="The messages of triggers that are due instead.")
    ] = False,
    limit: Annotated[int, typer.Option(min=1, help="So many people at most.")] = 20,
    as_json: Json = False,
) -> None:
    """Person by person: what would be sent now, or what became of the last plan. Nothing is sent.

    Examples:
      smalti sync rows files --limit 5
      smalti sync rows files --messages
      smalti sync rows webhook --outcome rejected --json
    """
    from smalti import present, sync

    with plain_errors():
        config, of_outcome = configuration.load(), outcome.value if outcome else None
        found = (
            sync.messages(config, destination, limit, _now())
            if messages
            else sync.rows(config, destination, of_outcome, limit)
        )
    dump(found) if as_json else present.rows(out, found)


@app.command("replay")
def replay_rows(
    destination: Annotated[str, typer.Argument(help="Which destination.")],
    code: Annotated[str | None, typer.Option(help="Only those refused with this code.")] = None,
    as_json: Json = False,
) -> None:
    """Plan people again whom a destination refused: it takes them now, or what was wrong is mended there.

    Example: smalti sync replay webhook --code invalid
    """
    from smalti import sync

    with plain_errors():
        found = sync.replay(configuration.load(), destination, code)
    if as_json:
        dump({"destination": destination, "people": found})
    else:
        out.print(f"{found} people are planned again: `smalti sync run {destination}`", soft_wrap=True, markup=False)
