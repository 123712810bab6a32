"""`smalti retention`: what is past its days, and its removal."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from smalti.terminal import Json, dump, out, plain_errors
from warehouse import settings as configuration

if TYPE_CHECKING:
    from smalti.retention import Outcome

app = typer.Typer(no_args_is_help=True, help="Retention: what is past its days.")
AsOf = Annotated[datetime | None, typer.Option(help="The moment to count from, UTC; without it the present.")]


def _now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0, tzinfo=None)


@app.command("plan")
def plan_removal(as_of: AsOf = None, as_json: Json = False) -> None:
    """What would be removed: rows, files and bytes by source, then what runs left. Nothing is.

    Example: smalti retention plan --as-of 2027-09-01 --json
    """
    from smalti import retention

    with plain_errors():
        found = retention.plan(configuration.load(), as_of or _now())
    _show(found, as_json=as_json)


@app.command("run")
def run_removal(as_of: AsOf = None, as_json: Json = False) -> None:
    """Remove it. The next run builds everything again from what is left.

    Example: smalti retention run
    """
    from smalti import retention

    with plain_errors():
        found = retention.run(configuration.load(), as_of or _now(), _now())
    _show(found, as_json=as_json)


def _show(found: "Outcome", *, as_json: bool) -> None:
    if as_json:
        dump(found.told())
        return
    verb = "removed" if found.raw.is_done else "would remove"
    for one in found.raw.removals:
        told = f"{one.rows:,} rows, {one.rejects:,} rejects, {one.files:,} files, {one.bytes:,} bytes"
        out.print(f"{verb} {one.source}, up to {one.until}: {told}", soft_wrap=True)
    for place in found.left:
        told = f"{place.entries:,} entries, {place.bytes:,} bytes"
        out.print(f"{verb} {place.place}, older than {place.days} days: {told}", soft_wrap=True)
    out.print(f"{verb} {found.raw.vault_values:,} values of the vault", soft_wrap=True)
