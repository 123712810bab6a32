"""`smalti`: what a person can ask."""

import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import ValidationError
from rich.console import Console

from warehouse import settings as configuration
from warehouse.errors import SmaltiError
from warehouse.settings import Settings

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_show_locals=False,
    rich_markup_mode=None,
    help="From a shop's exports to delivered segments, on one machine.",
)
segments_app = typer.Typer(no_args_is_help=True, help="Segments: what there is and how large.")
publish_app = typer.Typer(no_args_is_help=True, help="Published versions.")
app.add_typer(segments_app, name="segments")
app.add_typer(publish_app, name="publish")

Json = Annotated[bool, typer.Option("--json", help="Print JSON, and nothing else, to standard output.")]
_WIDTH = None if sys.stdout.isatty() else 120
_out, _err = (Console(width=_WIDTH, highlight=False, stderr=stderr) for stderr in (False, True))


class Dag(StrEnum):
    """The DAGs that `smalti run` knows."""

    nightly = "nightly"
    hourly = "hourly"


@contextmanager
def _plain_errors() -> Iterator[None]:
    """Our own errors become one clear line and exit code 1."""
    try:
        yield
    except ValidationError as error:
        for problem in error.errors():
            name = "SMALTI_" + "_".join(map(str, problem["loc"])).upper()
            _err.print(
                f"error: setting {name}: {problem['msg']}; `smalti init` writes the keys to .env", soft_wrap=True
            )
        raise typer.Exit(1) from None
    except SmaltiError as error:
        _err.print(f"error: {error}", soft_wrap=True, markup=False)
        raise typer.Exit(1) from None


def _dump(found: object) -> None:
    sys.stdout.write(json.dumps(found, indent=2, default=str) + "\n")


def _published(config: Settings) -> None:
    if not config.current.exists():
        raise SmaltiError(f"nothing is published in {config.home} yet; `smalti run nightly --data DIR` comes first")


@app.command()
def init() -> None:
    """Write .env with random keys where there is none.

    Example: smalti init
    """
    written = configuration.create_env()
    _out.print(f"{'wrote' if written else 'kept'} {configuration.ENV_FILE}", soft_wrap=True)


@app.command()
def simulate(
    customers: Annotated[int, typer.Option(min=10, help="People with an account.")] = 5000,
    days: Annotated[int, typer.Option(min=2, help="Days of web and app events.")] = 60,
    seed: Annotated[int, typer.Option(help="The same seed writes the same bytes.")] = 7,
    out: Annotated[Path, typer.Option(help="Folder to create.")] = Path("exports"),
    end: Annotated[datetime, typer.Option(formats=["%Y-%m-%d"], help="Last day.")] = datetime(2026, 8, 31),  # noqa: DTZ001
    as_json: Json = False,
) -> None:
    """Write the exports of a simulated shop.

    Example: smalti simulate --customers 5000 --days 60 --seed 7 --out exports
    """
    from simulator.shop import simulate as write

    with _plain_errors():
        try:
            with _err.status("simulating a shop") as status:
                summary = write(
                    customers,
                    days,
                    seed,
                    out,
                    date(end.year, end.month, end.day),
                    progress=lambda what, share: status.update(f"simulating a shop: {what} {share:.0%}"),
                )
        except (ValueError, OSError) as error:
            raise SmaltiError(str(error)) from None
    rows = {name: vars(part) if hasattr(part, "__dict__") else part for name, part in vars(summary).items()}
    if as_json:
        _dump(rows)
    else:
        _out.print(f"simulated exports in {out}", soft_wrap=True)


@app.command()
def run(
    dag: Annotated[Dag, typer.Argument(help="Which flow.")] = Dag.nightly,
    data: Annotated[Path | None, typer.Option(help="Folder with exports; without it the drop folder.")] = None,
    as_of: Annotated[
        datetime | None,
        typer.Option(help="The moment to speak of, UTC; without it, with --data: the end of the data, else now."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Run a flow to its end, through Airflow, and say what it came to.

    Examples:
      smalti run nightly --data exports
      smalti run hourly --data exports
      smalti run nightly --as-of 2026-09-01T04:00:00 --json
    """
    from smalti import exports, orchestrator, present, progress, summary

    started = time.monotonic()
    with _plain_errors():
        config = configuration.load()
        notes = exports.look(config, data)
        for note in notes:
            _err.print(f"note: {note}", soft_wrap=True, markup=False)
        run_id = orchestrator.new_run_id(dag)
        with progress.Follower(_err, exports.steps(dag)) as follower:
            orchestrator.execute(config, dag, run_id, _conf(data, as_of), follower.show)
        found = summary.of_run(config, run_id, time.monotonic() - started)
        if as_json:
            _dump(found)
        else:
            present.run(_out, found, config.segment_floor)
        if summary.nothing_done(found):
            raise SmaltiError("none of the files given could be loaded; what was published rests on earlier ones")


def _conf(data: Path | None, as_of: datetime | None) -> dict[str, str]:
    if as_of is not None:
        moment = as_of.astimezone(UTC).replace(tzinfo=None) if as_of.tzinfo else as_of
        stated = moment.isoformat()
    else:
        now = datetime.now(UTC).replace(minute=0, second=0, microsecond=0, tzinfo=None)
        stated = "data" if data else now.isoformat()
    return {"as_of": stated} | ({"data": str(data.resolve())} if data else {})


@app.command()
def status(as_json: Json = False) -> None:
    """What is published, and the latest runs.

    Example: smalti status --json
    """
    from smalti import present
    from smalti.status import status as read

    with _plain_errors():
        found: dict[str, Any] = read(configuration.load())
    if as_json:
        _dump(found)
    else:
        present.status(_out, found)


@app.command()
def report(
    run_id: Annotated[
        str | None, typer.Argument(help="A run, as `smalti status` names it; without it the latest.")
    ] = None,
    show: Annotated[bool, typer.Option("--open", help="Open the page in a browser.")] = False,
    as_json: Json = False,
) -> None:
    """The page that shows what a run came to; written where it is not there yet.

    Examples:
      smalti report --open
      smalti report nightly-20260901T040000-1f3a --json
    """
    from smalti import pages

    with _plain_errors():
        found = pages.report(configuration.load(), run_id)
    if as_json:
        _dump(found)
    else:
        _out.print(str(found["path"]), soft_wrap=True, markup=False)
    if show:
        typer.launch(found["path"])


@app.command()
def up(
    port: Annotated[
        int, typer.Option(min=1, max=65535, help="Port of the web interface, on this machine only.")
    ] = 8080,
) -> None:
    """Start Airflow's services, which run the flows when they are due; the drop folder is what they read.

    Example: smalti up --port 8080
    """
    from smalti import services

    with _plain_errors():
        config = configuration.load()
        with _err.status("starting Airflow's services"):
            found = services.up(config, port)
        _out.print(f"up at {found.address}, scheduled: {', '.join(found.dags) or 'nothing'}", soft_wrap=True)
        _out.print(f"login: user and password stand in {found.login}", soft_wrap=True)
        _out.print(f"log: {found.log}; `smalti down` ends the services", soft_wrap=True)


@app.command()
def down() -> None:
    """End Airflow's services, and with them whatever they run; the next run does what is missing.

    Example: smalti down
    """
    from smalti import services

    with _plain_errors():
        ended = services.down(configuration.load())
    _out.print("down" if ended else "nothing was up")


@segments_app.command("list")
def list_segments(as_json: Json = False) -> None:
    """The segments of the published version, with sizes and changes.

    Example: smalti segments list
    """
    from smalti import present, summary

    with _plain_errors():
        config = configuration.load()
        _published(config)
        found = summary.segments(config)
    if as_json:
        _dump(found)
    else:
        present.simulated(_out, any(row["simulated"] for row in found))
        present.segments(_out, found, config.segment_floor)


@segments_app.command("check")
def check_segments() -> None:
    """Check every segment's sidecar: required fields, allowed values, no unknown key.

    Example: smalti segments check
    """
    from smalti import sidecars

    problems = sidecars.problems()
    for problem in problems:
        _err.print(f"error: {problem}", soft_wrap=True, markup=False)
    if problems:
        raise typer.Exit(1)
    _out.print(f"{len(sidecars.names())} sidecars are well-formed")


@publish_app.command("list")
def list_versions(as_json: Json = False) -> None:
    """The published versions that are kept, newest last.

    Example: smalti publish list
    """
    from warehouse.publish import versions

    with _plain_errors():
        found = [vars(version) for version in versions(configuration.load())]
    if as_json:
        _dump(found)
    for version in [] if as_json else found:
        _out.print(f"{'*' if version['is_current'] else ' '} {version['name']}  as of {version['as_of']}")


if __name__ == "__main__":
    app()
