"""Every run leaves a page; what it says is what was published, and nothing that could single anybody out."""

import json
import shutil
import sqlite3
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import duckdb
import pytest
from plotly.offline import get_plotlyjs

from reports import write
from tests.pipeline.home import Rows
from tests.reports.pages import FLOOR, NAME, Pages, Read
from warehouse import ledger
from warehouse.settings import Settings

pytestmark = pytest.mark.timeout(1500)  # three real runs stand before the first of these
SCRIPT = "<script>window.ran = 1</script>"
_LEFT_OUT = shutil.ignore_patterns(
    "airflow", "vault*", "drop", "outbox", "warehouse", "dbt", "logs", "gates", "durable"
)


def words(people: int) -> str:
    """How the page must tell a number of people."""
    return f"< {FLOOR}" if people < FLOOR else f"{people - people % FLOOR:,}"


def told(rows: Rows) -> list[list[str]]:
    """Rows whose last column is a number of people."""
    return [[*map(str, row[:-1]), words(row[-1])] for row in rows]


@pytest.fixture(scope="session")
def hour(pages: Pages) -> Read:
    return Read(pages.path(pages.second).read_text())


@pytest.fixture
def changed(pages: Pages, tmp_path: Path):
    """A function that changes a copy of the published version by these statements and returns the page of it."""

    def write_changed(*statements: str) -> str:
        home = tmp_path / f"home-{len(list(tmp_path.iterdir()))}"
        shutil.copytree(pages.home.path, home, symlinks=True, ignore=_LEFT_OUT)
        version = home / "published" / pages.home.path.joinpath("published", "current.duckdb").resolve().name
        version.chmod(0o644)
        with duckdb.connect(version) as connection:
            for statement in statements:
                connection.execute(statement)
        settings = pages.settings.model_copy(update={"home": home})
        return write.write(settings, pages.second).read_text()

    return write_changed


def test_every_run_leaves_a_page_and_current_is_the_newest(pages: Pages) -> None:
    assert all(pages.path(run).exists() for run in (pages.first, pages.second, pages.failed))
    assert (pages.home.path / "reports" / "current").resolve().name == pages.failed
    assert json.loads(pages.home.smalti("report", "--json").stdout)["path"] == str(pages.path(pages.failed))
    assert pages.home.smalti("report", pages.first).stdout.strip() == str(pages.path(pages.first))


def test_a_page_that_is_asked_for_and_gone_is_written_again(pages: Pages) -> None:
    before = pages.path(pages.second).read_bytes()
    shutil.rmtree(pages.path(pages.second).parent)
    assert pages.home.smalti("report", pages.second).stdout.strip() == str(pages.path(pages.second))
    assert pages.path(pages.second).read_bytes() == before


def test_a_failed_run_stays_failed_for_airflow_and_for_whoever_started_it(pages: Pages) -> None:
    assert pages.failed_code == 1
    with closing(sqlite3.connect(pages.home.path / "airflow" / "runs" / "airflow.db")) as book:
        states = book.execute("select state from dag_run order by id").fetchall()
    assert states == [("success",), ("success",), ("failed",)]


def test_the_page_of_a_failed_run_says_what_failed_and_which_version_stays(pages: Pages) -> None:
    text = pages.path(pages.failed).read_text()
    first_screen = text[text.index("<header>") : text.index("</header>")]
    assert "<strong>open_run</strong>: source shop_" in first_screen
    assert "is in GBP, SMALTI_CURRENCY is USD" in first_screen
    assert f"The last version stays: <code>{pages.home.version}</code>" in first_screen
    assert f"logs/{pages.failed}.log" in first_screen
    assert "What failed?" not in pages.path(pages.second).read_text()


def test_rows_are_the_ledgers_and_add_up(pages: Pages, hour: Read) -> None:
    counts = "rows_in, rows_loaded, rows_duplicate, rows_rejected, rows_suppressed"
    rows = pages.home.ledger(
        f"select source, {counts} from runs where run_id = '{pages.second}' and stage = 'load_raw'"
        " and status <> 'none' order by 1"
    )
    assert hour.rows("rows") == [[row[0], *(f"{count:,}" for count in row[1:])] for row in rows]
    links = hour.charts["rows"]["data"][0]["link"]
    assert sum(links["value"]) == sum(row[1] for row in rows) > 5000


def test_what_people_are_shown_is_counted_in_whole_floors(
    pages: Pages, hour: Read, changed: Callable[..., str]
) -> None:
    found = pages.home.query(
        "select channel, stage, strategy, count(*) from activation.content group by all order by all",
        pages.home.version,
    )
    assert hour.rows("content") == told(found)
    assert {row[0] for row in found} == {"email", "web"}
    assert "Nobody is shown anything" in changed("drop table activation.content")


def test_freshness_is_what_was_published(pages: Pages, hour: Read) -> None:
    found = pages.home.query(
        "select source, strftime(newest_at, '%Y-%m-%d %H:%M'), coalesce(freshness, '-') from ops.sources"
        " where newest_at is not null order by source",
        pages.home.version,
    )
    assert [(row[0], row[1], row[4]) for row in hour.rows("freshness")] == found
    assert len(found) > 10


def test_rejects_are_told_by_source_and_reason(hour: Read) -> None:
    assert hour.rows("rejects") == [["shop_orders", "ordered_at: not a timestamp in ISO 8601", "3"]]
    assert "3 rows rejected" in hour.rows("problems")[0][1]


@pytest.mark.parametrize(
    ("part", "query"),
    [
        ("state", "select state, count(*) from profiles.customers where not is_bot group by 1"),
        ("journey_stage", "select journey_stage, count(*) from profiles.customers where not is_bot group by 1"),
        ("tiers", "select tier, count(*) from scores.propensity where model = 'purchase' group by 1"),
        ("groups", "select persona, count(*) from scores.clusters group by 1"),
    ],
)
def test_people_are_counted_as_published(pages: Pages, hour: Read, part: str, query: str) -> None:
    found = told(pages.home.query(query, pages.home.version))
    assert sorted(hour.rows(part)) == sorted(found)
    assert len(found) > 1


def test_segments_have_their_published_sizes_and_one_below_the_floor_is_not_counted(pages: Pages, hour: Read) -> None:
    rows = pages.home.query("select segment_id, is_sendable, members from segments.catalog")
    assert {row[0]: row[2] for row in hour.rows("sizes")} == {
        segment: words(members) if is_sendable else "not counted" for segment, is_sendable, members in rows
    }
    held = [segment for segment, is_sendable, _ in rows if not is_sendable]
    assert "lapsed_big_spenders" in held
    assert not {row[0] for part in ("overlap", "history") for row in hour.rows(part)} & set(held)


def test_sizes_over_time_are_those_of_the_spells(pages: Pages, hour: Read) -> None:
    rows = pages.home.query(
        """
        select segment_id, strftime(moment, '%Y-%m-%d %H:%M'), count(*) from segments.membership_history
        join segments.catalog using (segment_id)
        join (select distinct started_at as moment from segments.membership_history)
        on started_at <= moment and (left_at is null or left_at > moment) where is_sendable group by 1, 2
        """,
        pages.home.version,
    )
    found = {(segment, moment): words(people) for segment, moment, people in rows}
    shown = {(segment, moment): people for segment, moment, people, _ in hour.rows("history")}
    assert found.items() <= shown.items()
    assert {shown[one] for one in shown.keys() - found.keys()} <= {words(0)}
    assert len(found) > 10


def test_overlaps_are_those_of_the_published_members(pages: Pages, hour: Read) -> None:
    members: dict[str, set[str]] = {}
    of_sendable = "from segments.memberships semi join (from segments.catalog where is_sendable) using (segment_id)"
    for segment, customer in pages.home.query(f"select segment_id, customer_id {of_sendable}"):
        members.setdefault(segment, set()).add(customer)
    found = {(one, other): words(len(members[one] & members[other])) for one in members for other in members}
    wanted = {pair: people for pair, people in found.items() if pair[0] < pair[1] and not people.startswith("<")}
    assert {(one, other): people for one, other, people, *_ in hour.rows("overlap")} == wanted
    assert len(wanted) > 10


@pytest.mark.parametrize("column", ["state", "journey_stage"])
def test_moves_are_those_between_the_two_versions(pages: Pages, hour: Read, column: str) -> None:
    first = min(path.stem for path in pages.home.path.joinpath("published").glob("2*.duckdb"))
    query = f"select customer_id, {column} from profiles.customers"
    then = dict(pages.home.query(query, first))
    now = dict(pages.home.query(f"{query} where not is_bot", pages.home.version))
    people = Counter((then.get(customer, "not known then"), value) for customer, value in now.items())
    rows = hour.rows(f"{column}_moves")
    places = [to for to, _ in hour.rows(column)]
    assert [row[1:] for row in rows] == [[words(people[row[0], to]) for to in places] for row in rows]
    assert {one for one, _ in people} <= {row[0] for row in rows}


def test_what_is_held_back_is_what_the_version_says(pages: Pages, hour: Read) -> None:
    withheld = {
        (segment, reason): people
        for segment, reason, people in pages.home.query(
            "select segment_id, reason, customers from activation.withheld where destination = 'files'"
        )
    }
    sendable = {segment for (segment,) in pages.home.query("select segment_id from segments.catalog where is_sendable")}
    for segment, _, _, *told in hour.rows("held"):
        known = [withheld.get((segment, reason), 0) for reason in ("consent", "holdout")]
        assert told == ([words(people) for people in known] if segment in sendable else ["not counted"] * 2)
    assert {row[0] for row in hour.rows("held")} >= {segment for segment, _ in withheld}


def test_everybody_stops_somewhere_on_the_way(pages: Pages, hour: Read) -> None:
    found = dict(map(tuple, hour.rows("people")))
    reached = pages.home.query("select count(distinct customer_id) from activation.audience")[0][0]
    everybody = pages.home.query("select count(*) from profiles.customers")[0][0]
    assert (found["may be sent"], found["all profiles"]) == (words(reached), words(everybody))


def test_what_was_sent_is_what_was_planned(pages: Pages, hour: Read) -> None:
    plans = pages.home.ledger(f"select added, changed, removed from plans where run_id = '{pages.second}'")
    assert [row[1:4] for row in hour.rows("delivered")] == [[words(people) for people in plan] for plan in plans]
    assert len(plans) == 1


def test_curves_are_the_models(pages: Pages) -> None:
    [path] = (pages.home.path / "models" / "purchase").glob("*/curves.json")
    bins = json.loads(path.read_text())["model"]
    page = Read(pages.path(pages.first).read_text())
    assert page.rows("calibration") == [
        [str(number), f"{one['predicted']:.0%}", f"{one['observed']:.0%}"] for number, one in enumerate(bins, start=1)
    ]
    assert page.rows("gains")[0][:2] == ["model", "10%"]


def test_nobody_is_on_the_page(pages: Pages) -> None:
    secret = {str(row[0]) for row in pages.home.query("select customer_id from profiles.customers")}
    secret |= {str(row[0]) for row in pages.home.query("select identifier_hash from profiles.identifiers")}
    for path in (pages.data / "crm").glob("contacts_*.csv"):
        header, *lines = (line.split(",") for line in path.read_text().splitlines())
        for name in ("contact_id", "email", "last_name"):
            secret |= {line[header.index(name)] for line in lines if len(line[header.index(name)]) > 3}
    assert len(secret) > 3000
    for run in (pages.first, pages.second, pages.failed):
        text = pages.path(run).read_text().replace(get_plotlyjs(), "")
        assert NAME not in text
        assert [value for value in secret if value in text] == []


_GROUPS = """
with people as (select * from profiles.customers where not is_bot),
groups as (
    select 'profiles' as name, customer_id from profiles.customers
    union all select 'people', customer_id from people
    union all select 'known', customer_id from people where contact_id_crm is not null
    union all select 'active', customer_id from people where is_active
    union all select 'state ' || state, customer_id from people
    union all select 'stage ' || journey_stage, customer_id from people
    union all select 'tier ' || tier, customer_id from scores.propensity
    union all select 'scored', customer_id from scores.propensity
    union all select 'group ' || persona, customer_id from scores.clusters
    union all select 'first by ' || strategy, customer_id from scores.recommendations where rank = 1
    union all select distinct 'segments', customer_id from segments.memberships
    union all select 'out', customer_id from people anti join segments.memberships using (customer_id)
    union all select 'in ' || segment_id, customer_id from segments.memberships
    union all select one.segment_id || other.segment_id, customer_id
        from segments.memberships as one join segments.memberships as other using (customer_id)
        where one.segment_id < other.segment_id
    union all select segment_id || moment, customer_id from segments.membership_history
        join (select distinct started_at as moment from segments.membership_history)
        on started_at <= moment and (left_at is null or left_at > moment)
    union all select people.state || '<' || history.state, people.customer_id from people
        join profiles.customers_history as history using (customer_id)
        where history.valid_from = (select min(valid_from) from profiles.customers_history)
    union all select people.journey_stage || '<' || history.journey_stage, people.customer_id from people
        join profiles.customers_history as history using (customer_id)
        where history.valid_from = (select min(valid_from) from profiles.customers_history)
    union all select destination || segment_id || has_consent || arm, customer_id from activation.activated_memberships
    union all select destination || segment_id || 'refused', customer_id
        from activation.activated_memberships where not has_consent
    union all select 'reached', customer_id from activation.audience
    union all select if(bool_or(has_consent), 'held out', 'refused'), customer_id from activation.activated_memberships
        anti join activation.audience using (customer_id) where is_sendable group by customer_id
),
counted as (select *, count(*) over (partition by name) % {floor} as above from groups)
select customer_id from counted group by customer_id having min(above) {wanted}
order by count(*) desc, customer_id limit 1"""


def _without(customer: str) -> list[str]:
    theirs = f"(select segment_id from segments.memberships where customer_id = '{customer}')"
    tables = (
        "profiles.customers profiles.customers_history scores.propensity scores.clusters scores.recommendations"
        " segments.memberships segments.membership_history activation.activated_memberships activation.audience"
    )
    smaller = f"update segments.catalog set members = members - 1 where segment_id in {theirs}"
    return [smaller, *(f"delete from {table} where customer_id = '{customer}'" for table in tables.split())]


def test_one_person_less_changes_nothing_on_the_page(pages: Pages, changed: Callable[..., str]) -> None:
    [(customer,)] = pages.home.query(_GROUPS.format(floor=FLOOR, wanted=">= 1"))
    assert "".join(changed(*_without(customer))) == pages.path(pages.second).read_text()


def test_a_whole_floor_of_people_less_does(pages: Pages, changed: Callable[..., str]) -> None:
    some = f"(select customer_id from profiles.customers limit {FLOOR})"
    assert (
        changed(f"delete from profiles.customers where customer_id in {some}") != pages.path(pages.second).read_text()
    )


def test_a_name_with_a_script_in_it_is_only_a_name(pages: Pages, changed: Callable[..., str]) -> None:
    name = "case when segment_id = 'repeat_buyers' then '{0}' else segment_id end"
    tables = ("catalog", "memberships", "membership_history", "definitions_history")
    renamed = [f"update segments.{table} set segment_id = {name.format(SCRIPT)}" for table in tables]
    text = changed(*renamed, f"update profiles.customers set state = '{SCRIPT}' where state = 'loyal'")
    assert SCRIPT not in text
    assert text.count("&lt;script&gt;window.ran") > 3
    assert Read(text).scripts == Read(pages.path(pages.second).read_text()).scripts


def test_the_page_asks_nobody_for_anything(pages: Pages) -> None:
    text = pages.path(pages.second).read_text().replace(get_plotlyjs(), "")
    assert "default-src 'none'" in text
    assert [word for word in ("http:", "https:", " src=", "<link", "@import", "url(") if word in text] == []


def test_the_first_run_that_fails_has_a_page_and_old_pages_go(settings: Settings) -> None:
    kept = settings.model_copy(update={"keep_versions": 2})
    (kept.reports / "tables").mkdir(parents=True)  # the page of `smalti docs`
    for number in range(3):
        with pytest.raises(RuntimeError), ledger.stage(kept.ledger, f"run-{number}", "load_raw", SCRIPT):
            raise RuntimeError
        text = write.write(kept, f"run-{number}").read_text()
    assert "nothing had been before" in text
    assert SCRIPT not in text
    assert sorted(path.name for path in kept.reports.iterdir()) == ["current", "run-1", "run-2", "tables"]
    assert (kept.reports / "current").resolve().name == "run-2"
