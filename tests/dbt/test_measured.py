"""What a segment measures is kept from run to run by dbt itself, and equals measuring everybody again."""

import json
import random
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import duckdb
import pytest

from segmentation import definition
from segmentation.examine import examine
from tests.incremental.warehouse import SETTINGS
from warehouse import dbt, examined
from warehouse.examined import Examined
from warehouse.settings import Settings

pytestmark = pytest.mark.xdist_group("dbt")

NAME = "browsers_of_three_days"
# three days and one hour are windows of nothing else, so nobody else makes people due by them
SQL = """
with

customers as (

    select * from {{ ref('customers') }}

),

views as (

    select * from {{ ref('customer_events') }}
    where
        occurred_at > {{ as_of() }} - interval 3 day
        and occurred_at <= {{ as_of() }} - {{ threshold('hours') }} * interval 1 hour

),

-- one row a person: the values by which the rule decides
measured as (

    select
        customers.customer_id,
        any_value(customers.orders_count) as orders_count,
        count(views.occurred_at) as views_count
    from customers
    left join views on customers.customer_id = views.customer_id
    group by customers.customer_id

),

browsers_of_three_days as (

    select customer_id
    from measured
    where
        views_count >= 2
        and orders_count < 2

)

select * from browsers_of_three_days
"""
SIDECAR = """
models:
  - name: browsers_of_three_days
    description: Viewed twice within three days. One row per customer. Used by a test.
    config: {meta: {owner: crm, tier: broad, purpose: personalisation, review_by: 2027-06-01, thresholds: {hours: 1}}}
    columns: [{name: customer_id}]
"""
_TABLES = """
create schema ops; create schema identity; create schema profiles;
create table ops.control (as_of timestamp, prev_as_of timestamp, is_full boolean, run_number integer);
create table identity.customer_ids as select i as identifier_number, 'p' || i as customer_id from range(12) as n(i);
create table identity.event_log (identifier_number integer, occurred_at timestamp, run_number integer);
create view identity.customer_events as
select ids.customer_id, log.* exclude (identifier_number, run_number)
from identity.event_log as log inner join identity.customer_ids as ids using (identifier_number);
create table identity.touched (customer_id varchar);
create table profiles.customers as select customer_id, 0 as orders_count from identity.customer_ids;
create table profiles.customers_history as
select customer_id, timestamp '2026-01-01' as valid_from from profiles.customers;
"""
_BEGUN = datetime.fromisoformat("2026-08-01 00:00:00")


@dataclass
class Shop:
    """A working file in which runs follow each other; only this segment is built."""

    settings: Settings
    draw: random.Random = field(default_factory=lambda: random.Random(8))
    as_of: datetime = _BEGUN
    number: int = 0

    def step(self, hours: float) -> None:
        """Let time pass, events come (late ones too), an order be made, and a merge move an identifier."""
        before, self.as_of = self.as_of, self.as_of + timedelta(hours=hours)
        self.number += 1
        with duckdb.connect(self.settings.working) as work:
            work.execute("delete from ops.control; delete from identity.touched")
            work.execute(
                "insert into ops.control values (?, ?, ?, ?)", [self.as_of, before, not self._is_kept(), self.number]
            )
            for _ in range(self.draw.randint(0, 4)):
                person, age = self.draw.randrange(12), self.draw.choice((0.0, 0.5, 1.0, 30.0, 71.5, 72.0, 80.0))
                at = self.as_of - timedelta(hours=age)
                work.execute("insert into identity.event_log values (?, ?, ?)", [person, at, self.number])
            buyer = f"p{self.draw.randrange(12)}"
            work.execute("update profiles.customers set orders_count = orders_count + 1 where customer_id = ?", [buyer])
            work.execute("insert into profiles.customers_history values (?, ?)", [buyer, self.as_of])
            if self.number == 6:
                work.execute("update identity.customer_ids set customer_id = 'p1' where identifier_number = 0")
                work.execute("delete from profiles.customers where customer_id = 'p0'")
                work.execute("insert into identity.touched values ('p0'), ('p1')")
            work.execute(
                "insert into identity.touched select distinct customer_id from identity.customer_ids"
                " semi join (from identity.event_log where run_number = ?) using (identifier_number)",
                [self.number],
            )

    def _is_kept(self) -> bool:
        return self.number > 1

    def build(self) -> str:
        """Run dbt for the segment as it is found, and return its compiled SQL."""
        with duckdb.connect(self.settings.working) as work:
            found = examine(work, {NAME: definition.read(NAME, dbt.SEGMENTS)})
            assert found[NAME].problem is None
            how = found[NAME]
            examined.bind(work, [Examined(NAME, stands_alone=how.stands_alone, tells_apart=how.tells_apart)])
        command = [str(Path(sys.executable).with_name("dbt")), "--quiet", "--no-version-check", "run"]
        target = self.settings.home / "dbt"
        given = [*dbt.arguments(target), "--select", NAME]
        ended = subprocess.run(
            [*command, *given], env=dbt.environment(self.settings), check=False, capture_output=True, text=True
        )
        assert ended.returncode == 0, ended.stdout
        results = json.loads((target / "run_results.json").read_text())["results"]
        return str(results[0]["compiled_code"])

    def rows(self, sql: str) -> list[tuple[object, ...]]:
        """Rows of the working file."""
        with duckdb.connect(self.settings.working) as work:
            return work.execute(f"select * from ({sql}) order by all").fetchall()


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shop:
    project = tmp_path / "dbt_project"
    shutil.copytree(dbt.PROJECT, project, ignore=shutil.ignore_patterns("logs", "target*"))
    (project / "models" / "segments" / f"{NAME}.sql").write_text(SQL)
    (project / "models" / "segments" / f"{NAME}.yml").write_text(SIDECAR)
    monkeypatch.setattr(dbt, "PROJECT", project)
    monkeypatch.setattr(dbt, "SEGMENTS", project / "models" / "segments")
    settings = SETTINGS.model_copy(update={"home": tmp_path / "home"})
    settings.working.parent.mkdir(parents=True)
    with duckdb.connect(settings.working) as work:
        work.execute(_TABLES)
    return Shop(settings)


def test_measured_again_of_some_equals_measured_again_of_everybody(shop: Shop) -> None:
    evaluated, changes = [], 0
    for hours in (1, 0.5, 6, 66, 1, 0.5, 30, 71, 1, 24):
        before = shop.rows("from segment_measures.browsers_of_three_days") if shop.number else []
        shop.step(hours)
        sql = shop.build()
        kept = shop.rows("from segment_measures.browsers_of_three_days")
        assert kept == shop.rows(sql.replace("select * from browsers_of_three_days", "select * from measured"))
        assert shop.rows("from segment_rules.browsers_of_three_days") == shop.rows(sql)
        changes += before != kept
        log = (shop.settings.logs / "dbt" / "dbt.log").read_text()
        evaluated.append("create or replace temp table evaluated" in log)
        (shop.settings.logs / "dbt" / "dbt.log").write_text("")
    assert evaluated == [False] + [True] * 9
    assert changes > 5


def test_what_looks_at_others_is_measured_of_everybody(shop: Shop) -> None:
    """Who views more than the mean may do so because somebody else viewed less."""
    mean = "views_count >= (select avg(views) from (select count(*) as views from views group by customer_id))"
    path = dbt.SEGMENTS / f"{NAME}.sql"
    path.write_text(
        SQL.replace(
            "    group by customers.customer_id",
            "    group by customers.customer_id\n    having " + mean.replace("views_count", "count(*)"),
        )
    )
    for hours in (1, 30, 5):
        shop.step(hours)
        sql = shop.build()
        kept = shop.rows("from segment_measures.browsers_of_three_days")
        assert kept == shop.rows(sql.replace("select * from browsers_of_three_days", "select * from measured"))


def test_a_changed_definition_is_measured_of_everybody(shop: Shop) -> None:
    for hours in (1, 80):
        shop.step(hours)
        shop.build()
    path = dbt.SEGMENTS / f"{NAME}.sql"
    path.write_text(SQL.replace("interval 3 day", "interval 9 day"))
    shop.step(1)
    sql = shop.build()
    kept = shop.rows("from segment_measures.browsers_of_three_days")
    assert kept == shop.rows(sql.replace("select * from browsers_of_three_days", "select * from measured"))


def test_a_moment_that_comes_again_is_measured_of_everybody(shop: Shop) -> None:
    """An order that came and went between two runs of one moment is in no version of the customer."""
    shop.step(1)
    shop.build()
    shop.step(24)
    shop.build()
    with duckdb.connect(shop.settings.working) as work:
        work.execute("update ops.control set prev_as_of = as_of, run_number = 3")
        work.execute("delete from identity.touched")
        work.execute("delete from profiles.customers_history where valid_from = (select as_of from ops.control)")
        work.execute("update profiles.customers set orders_count = orders_count + 5")
    sql = shop.build()
    kept = shop.rows("from segment_measures.browsers_of_three_days")
    assert kept == shop.rows(sql.replace("select * from browsers_of_three_days", "select * from measured"))
