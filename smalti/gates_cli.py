"""`smalti gates`: what an operator decides about a gate that is red."""

from datetime import UTC, datetime
from typing import Annotated

import typer

from smalti.terminal import Json, dump, out, plain_errors
from warehouse import settings as configuration

app = typer.Typer(no_args_is_help=True, help="Gates: taking over what one has stopped.")


@app.callback()
def _group() -> None:
    """Gates: taking over what one has stopped."""


@app.command("accept")
def accept_run(
    run_id: Annotated[str, typer.Argument(help="The run whose raw gate is red, as `smalti status` names it.")],
    reason: Annotated[str, typer.Option(help="Why its deliveries are right as they are; kept in the ledger.")],
    as_json: Json = False,
) -> None:
    """Take over the deliveries that a run's raw gate has stopped. The next run goes on with them.

    Example: smalti gates accept nightly-20260901T040000-1f3a --reason "the shop was closed that day"
    """
    from smalti import gates

    with plain_errors():
        found = gates.accept(
            configuration.load(), run_id, reason, datetime.now(UTC).replace(microsecond=0, tzinfo=None)
        )
    if as_json:
        dump({"run_id": run_id, "accepted": found})
    else:
        for failure in found:
            out.print(f"accepted {failure}", soft_wrap=True, markup=False)
