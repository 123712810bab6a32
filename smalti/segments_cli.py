"""`smalti segments`: what an analyst or a marketer asks about segments."""

from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from typing import Annotated

import typer

from smalti.terminal import Json, dump, err, out, plain_errors
from warehouse import settings as configuration
from warehouse.errors import SmaltiError
from warehouse.settings import Settings

app = typer.Typer(no_args_is_help=True, help="Segments: what there is and how large.")


class Form(StrEnum):
    """What a segment is written as."""

    sql = "sql"
    yaml = "yaml"


class Tier(StrEnum):
    """How narrow a segment is."""

    broad = "broad"
    micro = "micro"


class Purpose(StrEnum):
    """For what a segment may be used."""

    marketing_email = "marketing_email"
    personalisation = "personalisation"


def _in_half_a_year() -> date:
    return (datetime.now(UTC) + timedelta(days=182)).date()


def _published(config: Settings) -> None:
    if not config.current.exists():
        raise SmaltiError(f"nothing is published in {config.home} yet; `smalti run nightly --data DIR` comes first")


@app.command("list")
def list_segments(as_json: Json = False) -> None:
    """The segments of the published version, with sizes and changes.

    Example: smalti segments list
    """
    from smalti import present, summary

    with plain_errors():
        config = configuration.load()
        _published(config)
        found = summary.segments(config)
    if as_json:
        dump(found)
    else:
        present.simulated(out, any(row["simulated"] for row in found))
        present.segments(out, found, config.segment_floor)


@app.command("check")
def check_segments() -> None:
    """Check every sidecar, that queries say what their rules say, and that activations are what destinations declare.

    Example: smalti segments check
    """
    from smalti import sidecars

    problems = sidecars.all_problems()
    for problem in problems:
        err.print(f"error: {problem}", soft_wrap=True, markup=False)
    if problems:
        raise typer.Exit(1)
    out.print(f"{len(sidecars.names())} sidecars are well-formed")


@app.command("compile")
def compile_segments(
    names: Annotated[list[str] | None, typer.Argument(help="Which segments; without it all that have a rule.")] = None,
    check: Annotated[bool, typer.Option("--check", help="Write nothing; exit code 1 where a query differs.")] = False,
) -> None:
    """Write the query beside each sidecar that has a rule.

    Examples:
      smalti segments compile
      smalti segments compile high_value --check
    """
    from segmentation import compiled

    failed = False
    for name in names or compiled.with_rule():
        try:
            changed = compiled.is_stale(name) if check else compiled.write(name)
        except SmaltiError as error:
            err.print("\n".join(f"error: {line}" for line in str(error).splitlines()), soft_wrap=True, markup=False)
            failed = True
            continue
        failed |= changed and check
        told = ("differs from its rule" if check else "is written") if changed else "is what its rule says"
        out.print(f"{name}.sql {told}", markup=False)
    if failed:
        raise typer.Exit(1)


@app.command("new")
def new_segment(
    name: Annotated[str, typer.Argument(help="Small letters, digits and _; who they are: lapsed_big_spenders.")],
    form: Annotated[Form, typer.Option("--from", help="A query, or a rule that is compiled to one.")] = Form.yaml,
    owner: Annotated[str, typer.Option(help="Who answers for it.")] = "crm",
    purpose: Annotated[Purpose, typer.Option(help="For what it may be used.")] = Purpose.marketing_email,
    tier: Annotated[Tier, typer.Option(help="How narrow it is.")] = Tier.broad,
) -> None:
    """Write a new segment's query and sidecar: an example to change, with a unit test at its edge.

    Examples:
      smalti segments new recent_buyers --from sql
      smalti segments new recent_buyers --from yaml --owner merchandising --purpose personalisation --tier micro
    """
    from segmentation import start
    from smalti import sidecars

    with plain_errors():
        if not sidecars.OWNER.fullmatch(owner):
            raise SmaltiError("--owner: allowed are small letters, digits and _")
        facts = {"owner": owner, "purpose": purpose.value, "tier": tier.value}
        for path in start.begin(name, facts, _in_half_a_year(), as_rule=form is Form.yaml):
            out.print(f"wrote {path.name}", markup=False)
    then = "" if form is Form.sql else "`smalti segments compile` and "
    out.print(f"change what they say, then {then}`smalti segments check`", markup=False)
