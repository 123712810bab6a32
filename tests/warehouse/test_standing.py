"""What an hour leaves out of its build, and that leaving it out changes nothing."""

import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import yaml

from ingestion import load, source
from tests.incremental.exports import Delivery, delivered
from tests.incremental.histories import MOMENTS, generate
from tests.incremental.warehouse import SETTINGS
from warehouse import dbt, digest, durable, model_costs, run, standing
from warehouse.errors import SmaltiError
from warehouse.settings import Settings

FOLDERS = ("seeds", "staging", "input", "identity", "profiles")
HOUR = timedelta(hours=1)
DAY = MOMENTS[0]
QUIET = DAY + 18 * HOUR
LAST = DAY + 25 * HOUR
# they speak of the run's moment, or read what does
MOVING = {"touched", "sessions", "interests", "customers", "customer_consents", "merges"}
# refreshed, within a day and without news, for those touched alone
REFRESHED = (
    *("anomalies", "customer_consents", "customer_favourites", "customer_habits", "customer_relationship"),
    *("customers", "customers_history", "interests"),
)
STILL = {"identifier_rules", "stg_web__events", "events", "event_log", "contacts", "orders", "customer_ids"}


@dataclass(frozen=True)
class Shop:
    """A home whose hours are opened, built as far as the profiles, and finished."""

    settings: Settings
    data: Path

    def hour(self, name: str, moment: datetime, build: Callable[..., int] = standing.build) -> set[str]:
        """What that hour built."""
        for one in source.names():
            assert load.load(self.settings, one, self.data, name, moment).problems == ()
        run.open_run(self.settings, name, moment)
        build(self.settings, FOLDERS, data_tests=False)
        run.finish(self.settings, name)
        return {row["node"] for row in model_costs.read(self.settings.home / "dbt" / model_costs.FILE)}

    def digest(self) -> str:
        """Of all profiles."""
        with run.working(self.settings, read_only=True) as connection:
            return digest.of(connection, "working")

    def inserts(self, model: str) -> int:
        """Into how many slices the model's people were parted when it was built last."""
        return (self.settings.home / f"dbt/run/smalti/models/{model}.sql").read_text().count("insert into")

    def refreshed(self) -> set[str]:
        """The models of which the run built the rows of those touched again, and nobody else's."""
        with run.working(self.settings, read_only=True) as connection:
            found = connection.execute("select node from ops.changed_by_touched").fetchall()
        return {name.split(".")[2] for (name,) in found} & {*REFRESHED}

    def touched(self) -> int:
        """How many the run touched."""
        with run.working(self.settings, read_only=True) as connection:
            [(count,)] = connection.execute("select count(*) from identity.touched").fetchall()
        return int(count)

    def people(self) -> dict[str, list[tuple[object, ...]]]:
        """The rows of these models, but for the versions, which tell of the runs."""
        with run.working(self.settings, read_only=True) as connection:
            return {
                name: connection.execute(f"from profiles.{name} order by all").fetchall()
                for name in REFRESHED
                if name != "customers_history"
            }

    def notes(self) -> set[str]:
        """The models of which it is noted what they were built from."""
        with run.working(self.settings, read_only=True) as connection:
            return {name.split(".")[2] for (name,) in connection.execute("select node from ops.standing").fetchall()}


@dataclass(frozen=True)
class Hours:
    """A shop after its first hour and some more; what each built, by name."""

    shop: Shop
    built: dict[str, set[str]]
    refreshed: set[str]  # in the hour within the day
    people: dict[str, list[tuple[object, ...]]]  # after it
    touched: int


@pytest.fixture(scope="module")
def hours(tmp_path_factory: pytest.TempPathFactory) -> Hours:
    folder = tmp_path_factory.mktemp("standing")
    shop, built = Shop(SETTINGS.model_copy(update={"home": folder / "home"}), folder / "exports"), dict[str, set[str]]()
    delivery = delivered(generate(5, 7), 7)
    delivery.write(shop.data, [1])
    built["first"] = shop.hour("first", DAY)
    built["idle"] = shop.hour("idle", DAY + HOUR)
    built["quiet"] = shop.hour("quiet", QUIET)
    shutil.copytree(shop.data, folder / "quiet")
    refreshed, people, touched = shop.refreshed(), shop.people(), shop.touched()
    _of_tonight(shop.data / "crm_contacts")
    built["waiting"] = shop.hour("waiting", QUIET + HOUR)
    built["due"] = shop.hour("due", DAY + 24 * HOUR)
    only = {at: rows for at, rows in delivery.folders[2].items() if at[0] in ("shop_orders", "web_events")}
    Delivery(delivery.random, {2: only}).write(shop.data, [2])
    built["news"] = shop.hour("news", LAST)
    return Hours(shop, built, refreshed, people, touched)


def _of_tonight(folder: Path) -> None:
    """One more export of contacts: it lies there at once, and counts from midnight on."""
    header, row, *_ = max(folder.glob("*.csv")).read_text().splitlines()
    at = header.split(",").index("updated_at")
    values = row.split(",")
    values[at] = f"{DAY + 20 * HOUR:%Y-%m-%dT%H:%M:%S}"
    (folder / f"contacts_{DAY:%Y-%m-%d}.csv").write_text(f"{header}\n{','.join(values)}\n")


def test_the_first_hour_builds_everything(hours: Hours) -> None:
    assert hours.built["first"] >= MOVING | STILL


def test_an_hour_without_news_builds_what_speaks_of_its_moment_and_nothing_else(hours: Hours) -> None:
    assert hours.built["idle"] >= MOVING
    assert not hours.built["idle"] & STILL
    assert len(hours.built["idle"]) < len(hours.built["first"]) / 3


def test_within_a_day_those_touched_are_refreshed_and_it_comes_to_what_a_full_run_comes_to(
    hours: Hours, tmp_path: Path
) -> None:
    assert hours.refreshed == {*REFRESHED}
    assert not hours.built["quiet"] & {"customer_messages", "customer_tickets", "customer_feedback"}
    assert 0 < hours.touched < len(hours.people["customers"])
    settings = hours.shop.settings.model_copy(update={"home": tmp_path / "home"})
    once = Shop(settings, hours.shop.data.with_name("quiet"))
    once.hour("once", QUIET, dbt.build)
    assert once.refreshed() == set()
    assert hours.people == once.people()


def test_the_first_hour_of_a_day_counts_up_to_its_end_again(hours: Hours) -> None:
    assert hours.built["idle"] >= {"customer_messages", "customer_tickets", "customer_feedback"}


def test_what_lies_there_already_is_built_when_its_time_has_come(hours: Hours) -> None:
    assert hours.built["due"] >= {"stg_crm__contacts", "contacts", "customer_attributes"}
    assert not hours.built["due"] & {"orders", "messages", "stg_web__events", "identifier_rules"}


def test_news_are_followed_to_whatever_reads_them(hours: Hours) -> None:
    of_orders = {"stg_shop__orders", "orders", "identifier_observations", "customer_ids"}
    of_events = {"stg_web__events", "events", "event_identifiers", "event_log"}
    assert hours.built["news"] >= MOVING | of_orders | of_events
    assert not hours.built["news"] & {"identifier_rules", "contacts", "messages", "loyalty"}


def _many_slices(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if an event and an identifier were so large that people are counted in some slices."""
    options = dbt.arguments

    def heavy(*given: Path) -> list[str]:
        *others, variables = options(*given)
        more = dict.fromkeys(("bytes_an_event", "bytes_an_identifier"), 600_000_000)
        return [*others, json.dumps(json.loads(variables) | more)]

    monkeypatch.setattr(dbt, "arguments", heavy)


@pytest.mark.parametrize("is_sliced", [False, True], ids=["at once", "in slices"])
def test_it_comes_to_what_a_full_run_comes_to(
    hours: Hours, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, is_sliced: bool
) -> None:
    """Also where people find no room in the memory and are counted in slices."""
    if is_sliced:
        _many_slices(monkeypatch)
    once = Shop(hours.shop.settings.model_copy(update={"home": tmp_path / "home"}), hours.shop.data)
    once.hour("once", LAST, dbt.build)
    assert once.inserts("profiles/customers") > 1 if is_sliced else once.inserts("profiles/customers") == 1
    assert hours.shop.digest() == once.digest()


def test_what_was_measured_goes_on_in_slices_as_at_once(hours: Hours, monkeypatch: pytest.MonkeyPatch) -> None:
    shop, found = hours.shop, list[list[tuple[object, ...]]]()
    shop.hour("decides", LAST + HOUR, _with_segments)
    for is_sliced in (False, True):
        if is_sliced:
            _many_slices(monkeypatch)
        run.open_run(shop.settings, "goes on", LAST + 40 * 24 * HOUR)
        _with_segments(shop.settings, FOLDERS, data_tests=False)
        with run.working(shop.settings, read_only=True) as connection:
            found.append(connection.execute("from segments.measures_history order by all").fetchall())
    assert shop.inserts("memberships/measures_history") > 1
    assert found[0] == found[1]
    assert {row[-1] is None for row in found[0]} == {True, False}  # some end, some go on


def _with_segments(settings: Settings, folders: Sequence[str], *, data_tests: bool) -> int:
    built = standing.build(settings, folders, data_tests=data_tests)
    run.bind_scores(settings)
    built += dbt.build(settings, ("segments", "memberships", "activation"), data_tests=data_tests)
    with run.working(settings, read_only=True) as connection:
        if connection.execute("select run_id from ops.control").fetchall() == [("decides",)]:
            durable.write(connection, settings, "decides")
    return built


def test_a_night_builds_everything_and_what_dies_is_built_again(hours: Hours, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = list[list[str]]()

    def die(*_: object, left_out: list[str], **__: object) -> int:
        asked.append(left_out)
        raise SmaltiError("died")

    monkeypatch.setattr(dbt, "build", die)
    run.open_run(hours.shop.settings, "dies", LAST + 40 * 24 * HOUR)
    stood = hours.shop.notes() - MOVING
    for data_tests in (False, True):
        with pytest.raises(SmaltiError, match="died"):
            standing.build(hours.shop.settings, FOLDERS, data_tests=data_tests)
    assert asked[0] == sorted(stood & {*asked[0]})
    assert {"contacts", "orders", "customer_ids"} <= {*asked[0]}
    assert (asked[1], hours.shop.notes()) == ([], set())


@pytest.mark.parametrize(
    ("sql", "speaks"),
    [
        ("select 1", False),
        ("select * from {{ source('ops', 'control') }}", True),
        ("{{ as_of() }}", True),
        ("{{ faded() }}", True),
        ("{{ is_new('at') }} {{ run_number() }}", False),
        ("{{ day_end() }}", False),
        ("{{ day_end() }} {{ as_of() }}", True),
    ],
)
def test_a_model_speaks_of_the_moment_itself_or_by_a_macro_that_does(sql: str, speaks: bool) -> None:  # noqa: FBT001
    control = "(select as_of from {{ source('ops', 'control') }})"
    texts = {
        "day_end": "{{ as_of() }}",
        "as_of": control,
        "is_new": control,
        "run_number": control,
        "faded": "{{ as_of() }}",
    }
    called = [f"macro.smalti.{name}" for name in texts if f"{name}(" in sql]
    calls = {"faded": ["macro.smalti.as_of"], "day_end": ["macro.smalti.as_of"]}
    macros = {
        f"macro.smalti.{name}": {"macro_sql": text, "depends_on": {"macros": calls.get(name, [])}}
        for name, text in texts.items()
    }
    node = {"raw_code": sql, "depends_on": {"macros": called}}
    project = standing.Project({}, macros)
    assert project.speaks_of_moment(node) == speaks
    assert project.speaks_of_day(node) == ("day_end" in sql)


def test_of_a_graph_that_a_killed_dbt_left_cut_short_nothing_stands(tmp_path: Path) -> None:
    whole = json.dumps({"nodes": {}, "macros": {"m": {}}})
    (tmp_path / "manifest.json").write_text(whole)
    assert standing.Project.read(tmp_path, ["profiles"]).macros == {"m": {}}
    (tmp_path / "manifest.json").write_text(whole[:20])
    assert standing.Project.read(tmp_path, ["profiles"]) == standing.Project({}, {})


def test_the_folder_to_spill_to_is_stated_when_dbt_connects_and_never_again() -> None:
    """DuckDB refuses to hear of it once something lies there, and dbt states its settings for every statement."""
    working = yaml.safe_load((dbt.PROJECT / "profiles.yml").read_text())["smalti"]["outputs"]["working"]
    assert "temp_directory" in working["config_options"]
    assert "temp_directory" not in working["settings"]
    assert "max_temp_directory_size" in working["settings"]  # as an option of the connection DuckDB does not heed it
