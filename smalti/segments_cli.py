"""`smalti segments`: what an analyst or a marketer asks about segments."""

from typing import Annotated

import typer

from smalti.terminal import Json, dump, err, out, plain_errors
from warehouse import settings as configuration
from warehouse.errors import SmaltiError
from warehouse.settings import Settings

app = typer.Typer(no_args_is_help=True, help="Segments: what there is and how large.")


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
