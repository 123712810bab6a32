"""`smalti`: what a person can ask."""

import time
from datetime import UTC, date, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from smalti import (
    backfill,
    content_cli,
    gates_cli,
    identity_cli,
    models_cli,
    person_cli,
    privacy_cli,
    retention_cli,
    segments_cli,
    sources_cli,
    sync_cli,
    vault_cli,
)
from smalti.backfill import Every
from smalti.terminal import Json
from smalti.terminal import dump as _dump
from smalti.terminal import err as _err
from smalti.terminal import out as _out
from smalti.terminal import plain_errors as _plain_errors
from warehouse import settings as configuration
from warehouse.errors import SmaltiError
from warehouse.settings import Settings

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_show_locals=False,
    rich_markup_mode=None,
    help="From a shop's exports to delivered segments, on one machine.",
)
publish_app = typer.Typer(no_args_is_help=True, help="Published versions.")
app.add_typer(segments_cli.app, name="segments")
app.add_typer(content_cli.app, name="content")
app.add_typer(publish_app, name="publish")
app.add_typer(sources_cli.app, name="sources")
app.add_typer(sync_cli.app, name="sync")
app.add_typer(gates_cli.app, name="gates")
app.add_typer(identity_cli.app, name="identity")
app.add_typer(models_cli.app, name="models")
app.add_typer(vault_cli.app, name="vault")
app.add_typer(retention_cli.app, name="retention")
app.add_typer(privacy_cli.app, name="privacy")
app.add_typer(person_cli.app, name="person")


class Dag(StrEnum):
    """The DAGs that `smalti run` knows."""

    nightly = "nightly"
    hourly = "hourly"
    weekly = "weekly"


@app.command()
def init(
    team: Annotated[bool, typer.Option("--team", help="The secrets of docker-compose.yml too.")] = False,
) -> None:
    """Write .env with random keys where there is none.

    Examples:
      smalti init
      smalti init --team
    """
    from smalti import team_secrets

    written = configuration.create_env(more=team_secrets.random() if team else {})
    _out.print(f"{'wrote' if written else 'kept'} {configuration.ENV_FILE}", soft_wrap=True)


@app.command("check-secrets")
def check_secrets() -> None:
    """Refuse secrets of docker-compose.yml that are missing, short, well known or used twice.

    Example: smalti check-secrets
    """
    from smalti import team_secrets

    with _plain_errors():
        config = configuration.load()
        keys = {"SMALTI_HMAC_KEY": config.hmac_key, "SMALTI_NAMESPACE": config.namespace}
        own = {name: key.get_secret_value() for name, key in keys.items()}
        _out.print(f"{team_secrets.check(configuration.variables(), own)} secrets are fit for use")


@app.command()
def simulate(
    customers: Annotated[int, typer.Option(min=10, help="People with an account.")] = 5000,
    days: Annotated[int, typer.Option(min=2, help="Days of web and app events.")] = 60,
    seed: Annotated[int, typer.Option(help="The same seed writes the same bytes.")] = 7,
    out: Annotated[Path, typer.Option(help="Folder to create.")] = Path("exports"),
    end: Annotated[datetime, typer.Option(formats=["%Y-%m-%d"], help="Last day.")] = datetime(2026, 8, 31),  # noqa: DTZ001
    world: Annotated[
        str, typer.Option(help="What offers change: nothing (null), something (ordinary), or they only harm (harmful).")
    ] = "null",
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
                    world=world,
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
    full: Annotated[bool, typer.Option("--full", help="Build everything again from raw, keeping nothing.")] = False,
    since: Annotated[datetime | None, typer.Option(help="Backfill: the first moment, UTC; with --until.")] = None,
    until: Annotated[datetime | None, typer.Option(help="Backfill: the last moment, UTC.")] = None,
    every: Annotated[Every, typer.Option(help="Backfill: a run for each day or each hour.")] = Every.day,
    as_json: Json = False,
) -> None:
    """Run a flow to its end, through Airflow, and say what it came to.

    Examples:
      smalti run nightly --data exports
      smalti run hourly --data exports
      smalti run weekly --data exports
      smalti run nightly --as-of 2026-09-01T04:00:00 --json
      smalti run nightly --full
      smalti run nightly --data exports --since 2026-08-01 --until 2026-08-31 --every day
    """
    from smalti import exports, present, summary

    with _plain_errors():
        config = configuration.load()
        for note in exports.look(config, data):
            _err.print(f"note: {note}", soft_wrap=True, markup=False)
        wanted, results = _moments(config, as_of, since, until, every), []
        for moment in wanted:
            results.append(_run_once(config, dag, _conf(data, moment, full=full)))
            if not as_json:
                present.run(_out, results[-1], config.segment_floor)
        if as_json:
            _dump(results if since else results[0])
        if all(map(summary.nothing_done, results)):
            raise SmaltiError("none of the files given could be loaded; what was published rests on earlier ones")


def _moments(
    config: Settings, as_of: datetime | None, since: datetime | None, until: datetime | None, every: Every
) -> list[datetime] | list[None]:
    if since is None and until is None:
        return [as_of] if as_of else [None]
    if since is None or until is None or as_of:
        raise SmaltiError("a backfill has --since and --until, and no --as-of; allowed are both or neither")
    from warehouse.publish import versions

    last = next((version.as_of for version in versions(config) if version.is_current), None)
    due = backfill.moments(last, _utc(since), _utc(until), every)
    _err.print(f"note: {len(due)} runs, as of {due[0]} to {due[-1]}; published so far: {last}", soft_wrap=True)
    return due


def _run_once(config: Settings, dag: Dag, conf: dict[str, str]) -> dict[str, Any]:
    from smalti import exports, orchestrator, progress, summary

    started, run_id = time.monotonic(), orchestrator.new_run_id(dag)
    with progress.Follower(_err, exports.steps(dag)) as follower:
        orchestrator.execute(config, dag, run_id, conf, follower.show)
    return summary.of_run(config, run_id, time.monotonic() - started)


def _utc(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment


def _conf(data: Path | None, as_of: datetime | None, *, full: bool) -> dict[str, str]:
    if as_of is not None:
        stated = _utc(as_of).isoformat()
    else:
        now = datetime.now(UTC).replace(minute=0, second=0, microsecond=0, tzinfo=None)
        stated = "data" if data else now.isoformat()
    return {"as_of": stated} | ({"data": str(data.resolve())} if data else {}) | ({"full": "yes"} if full else {})


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
def runs(
    run_id: Annotated[str | None, typer.Argument(help="Which run; without it the latest.")] = None,
    as_json: Json = False,
) -> None:
    """The stages of a run: rows, time, memory, bytes, and digests of what was read and left.

    Examples:
      smalti runs
      smalti runs nightly-20260901T040000-1f2e --json
    """
    from smalti import present
    from smalti.status import stages

    with _plain_errors():
        found = stages(configuration.load(), run_id)
    if as_json:
        _dump(found)
    else:
        present.stages(_out, found)


@app.command()
def docs() -> None:
    """Write a page on every table: what it holds, its columns, tests and SQL, and what it is made of.

    Example: smalti docs
    """
    from smalti import tables_page

    with _plain_errors():
        config = configuration.load()
        with _err.status("describing the tables"):
            page = tables_page.write(config)
        _out.print(f"wrote {page}", soft_wrap=True)


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


@publish_app.command("follow")
def follow_home(as_json: Json = False) -> None:
    """After the home was moved: let the kept versions find their files there. The next run would do it too.

    Example: smalti publish follow
    """
    from warehouse import published_place, slot

    with _plain_errors():
        config = configuration.load()
        with slot.take(config):
            found = [path.stem for path in published_place.follow(config)]
    if as_json:
        _dump(found)
    for version in [] if as_json else found:
        _out.print(version)


@publish_app.command("verify")
def verify_version(
    version: Annotated[str | None, typer.Argument(help="Which version; without it the latest.")] = None,
    as_json: Json = False,
) -> None:
    """Build a version again from raw as it was then, and hold its digest against the one recorded. Exit code 0 if same.

    Examples:
      smalti publish verify
      smalti publish verify 20260901T0400-nightly-20260901T040000-1f3a --json
    """
    from warehouse import rebuild

    with _plain_errors():
        config = configuration.load()
        of = rebuild.find(config, version)
        with _err.status(f"building {of.version} again"):
            again = rebuild.rebuilt(config, of)
    if as_json:
        _dump(vars(of) | {"rebuilt": again, "same": again == of.digest})
    else:
        told = "is the same" if again == of.digest else f"differs: recorded {of.digest}, built again {again}"
        _out.print(f"{of.version} {told}", soft_wrap=True)
    if again != of.digest:
        raise typer.Exit(1)


if __name__ == "__main__":
    app()
