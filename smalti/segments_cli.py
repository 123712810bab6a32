"""`smalti segments`: what an analyst or a marketer asks about segments."""

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
    """Check every segment's sidecar, and that each activation is for what its destination declares.

    Example: smalti segments check
    """
    from smalti import sidecars

    problems = sidecars.all_problems()
    for problem in problems:
        err.print(f"error: {problem}", soft_wrap=True, markup=False)
    if problems:
        raise typer.Exit(1)
    out.print(f"{len(sidecars.names())} sidecars are well-formed")
