"""`smalti segments`: what an analyst or a marketer asks about segments."""

import sys
from dataclasses import asdict
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from smalti.terminal import Json, dump, err, out, plain_errors
from warehouse import settings as configuration
from warehouse.errors import SmaltiError
from warehouse.settings import Settings

app = typer.Typer(no_args_is_help=True, help="Segments: what there is and how large.")


Segment = Annotated[str, typer.Argument(help="Its name, or the path of its .sql file.")]


def _definition(segment: str) -> Any:
    from segmentation import definition

    path = Path(segment)
    return definition.read(path.stem, path.parent) if path.suffix == ".sql" else definition.read(segment)


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


@app.command("accept")
def accept_segment(
    segment: Annotated[str, typer.Argument(help="One that stands still for its size, as `smalti segments list` says.")],
    reason: Annotated[str, typer.Option(help="Why its new size is right; kept in the ledger.")],
    as_json: Json = False,
) -> None:
    """Let a segment go on that stands still because it became empty or more than three times as large.

    The next run takes its people over, unless they are by then over a tenth more than now.

    Example: smalti segments accept new_visitors --reason "the fair in Leeds"
    """
    from smalti import standstill

    with plain_errors():
        now = datetime.now(UTC).replace(microsecond=0, tzinfo=None)
        found = standstill.accept(configuration.load(), segment, reason, now)
    if as_json:
        dump(asdict(found))
    else:
        out.print(f"accepted: {found.segment_id} {found.problem}", markup=False)


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


@app.command("preview")
def preview_segment(segment: Segment, as_json: Json = False) -> None:
    """Whom a definition would take now, merged or not: read from the published version, nothing is sent.

    Examples:
      smalti segments preview cart_abandoned
      smalti segments preview drafts/recent_buyers.sql --json
    """
    from segmentation import preview
    from smalti import present_segments

    with plain_errors():
        found = preview.preview(configuration.load(), _definition(segment))
    if as_json:
        dump(asdict(found))
    else:
        present_segments.preview(out, found)


@app.command("impact")
def show_impact(
    against: Annotated[str, typer.Option(help="The git revision to compare with.")] = "HEAD",
    markdown: Annotated[bool, typer.Option("--markdown", help="Print Markdown, fit for a pull request.")] = False,
    most_share: Annotated[
        float | None, typer.Option(min=0, max=1, help="Exit 1 where more of a segment would change.")
    ] = None,
    as_json: Json = False,
) -> None:
    """What every changed definition would do: who enters and leaves, and what each destination would be told.

    Examples:
      smalti segments impact --against main
      smalti segments impact --against origin/main --markdown
      smalti segments impact --against main --json --most-share 0.2
    """
    from segmentation import impact
    from smalti import present_segments, pull_request

    with plain_errors():
        found = impact.impact(configuration.load(), against)
    if as_json:
        dump(asdict(found) | {"largest_share": found.largest_share})
    elif markdown:
        sys.stdout.write(pull_request.text(found))
    else:
        present_segments.impact(out, found)
    if most_share is not None and found.largest_share > most_share:
        err.print(f"error: {found.largest_share:.0%} of a segment would change; allowed is {most_share:.0%}")
        raise typer.Exit(1)


@app.command("why")
def show_why(
    segment: Annotated[str, typer.Argument(help="The segment.")],
    who: Annotated[str, typer.Argument(help="A customer_id, or TYPE:VALUE; user_id, email, phone are such types.")],
    as_of: Annotated[
        datetime | None, typer.Option(help="The moment to tell of, UTC; without it the published one.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Why a person is or was in a segment, or not: each condition, with the values that met or missed it then.

    Examples:
      smalti segments why cart_abandoned email:ann@example.org
      smalti segments why high_value user_id:crm:c17 --as-of 2026-08-31 --json
    """
    from segmentation import why
    from smalti import person, present_segments

    with plain_errors():
        config = configuration.load()
        at = as_of.astimezone(UTC).replace(tzinfo=None) if as_of and as_of.tzinfo else as_of
        found = why.why(config, segment, person.whom(config, who), at)
    if as_json:
        dump(asdict(found))
    else:
        present_segments.why(out, found)


@app.command("overlap")
def show_overlap(as_json: Json = False) -> None:
    """Pairs of segments that have people in common, the most redundant first.

    Example: smalti segments overlap --json
    """
    from segmentation import overlap
    from smalti import present_segments

    with plain_errors():
        found = overlap.pairs(configuration.load())
    if as_json:
        dump([asdict(pair) for pair in found])
    else:
        present_segments.overlap(out, found)


@app.command("garden")
def show_garden(
    patch: Annotated[bool, typer.Option("--patch", help="Print the proposals as a patch for `git apply`.")] = False,
    as_json: Json = False,
) -> None:
    """Segments that nobody uses or looks after, or that say what another says; what to do with each.

    Examples:
      smalti segments garden
      smalti segments garden --patch > garden.patch
    """
    from segmentation import garden, pruning
    from smalti import present_segments

    with plain_errors():
        found = garden.garden(configuration.load())
        if patch:
            sys.stdout.write(pruning.patch(found))
            return
    if as_json:
        dump([asdict(plot) for plot in found])
    else:
        present_segments.garden(out, found)


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


@app.command("triggers")
def list_triggers(as_json: Json = False) -> None:
    """Segments that a message follows on entering, and what became of it, in whole floors of the past 30 days.

    Example: smalti segments triggers
    """
    from smalti import present, triggers

    with plain_errors():
        config = configuration.load()
        _published(config)
        found = triggers.counts(config)
    if as_json:
        dump(found)
        return
    if not found:
        out.print("no segment is a trigger; `trigger` in a sidecar makes it one")
        return
    present.simulated(out, any(row["simulated"] for row in found))
    present.triggers(out, found, config.segment_floor)
