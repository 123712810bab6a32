"""`smalti sync`: what destinations would be sent, what blocks it, and how one plan is let pass."""

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated

import typer

from smalti.terminal import Json, dump, out, plain_errors
from warehouse import settings as configuration

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
        found = sync.plans(configuration.load(), destination)
    if as_json:
        dump(found)
    else:
        present.plans(out, found)


@app.command("approve")
def approve_plan(
    plan: Annotated[str, typer.Argument(help="The plan, as `smalti sync plan` names it.")],
    reason: Annotated[str, typer.Option(help="Why it may be sent; kept in the ledger.")],
    as_json: Json = False,
) -> None:
    """Let one plan pass in spite of what blocks it now. Nothing is sent by that.

    Example: smalti sync approve 5bf5a6ded111d11c --reason "the shop was closed for stocktaking"
    """
    from smalti import sync

    with plain_errors():
        found = sync.approve(configuration.load(), plan, reason, _now())
    if as_json:
        dump(asdict(found) | {"blocked_by": []})
    else:
        out.print(f"plan {plan} may be sent: `smalti sync run {found.destination}`", soft_wrap=True, markup=False)


@app.command("run")
def send(
    destination: Annotated[str, typer.Argument(help="Which destination.")],
    as_json: Json = False,
) -> None:
    """Send a destination what is published, without a run. Exit code 0 unless it is blocked or refused.

    Example: smalti sync run files
    """
    from smalti import sync

    with plain_errors():
        found = sync.run(configuration.load(), destination, _now())
    if as_json:
        dump(found)
    else:
        out.print(f"{destination} {found['status']}: {found['message']}", soft_wrap=True, markup=False)
    if found["status"] != "ok":
        raise typer.Exit(1)
