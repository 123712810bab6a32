"""Whatever a page tells its reader to type works: in a copy of the checkout, command after command.

One page is followed to the letter first: it brings a new segment to the delivered file, and its run is
what the other pages look at. What is too long, or needs what is not here, stands in ELSEWHERE and nowhere else.
"""

import csv
import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import duckdb
import pytest

from tests.docs.pages import PAGES, blocks, commands, title
from warehouse.settings import CHECKOUT

VENV = Path(sys.executable).parents[1]
SEGMENT_PAGE = CHECKOUT / "docs" / "add-a-segment.md"
LEFT_BEHIND = (".git", ".venv", ".tools", ".env", ".smalti", ".*_cache", "__pycache__", "target", "logs", "*.egg-info")
COMPOSE = ("no engine here; the file is read by Compose itself", "tests/structure/test_compose.py", "docker-compose")
# command → why it is not run here, the file that runs it, words of that file that show it
ELSEWHERE = {
    **dict.fromkeys(
        (
            "smalti sync plan webhook",
            "smalti sync rows webhook",
            "smalti sync run webhook --dry-run",
            "smalti sync run webhook",
            "smalti sync status webhook",
            "smalti sync rows webhook --outcome rejected",
            "smalti sync replay webhook --code not_known",
        ),
        ("needs a receiver", "tests/reverse_etl/test_records.py", 'sync("status", "webhook"'),
    ),
    'smalti person suppress email:ann@example.org --reason "asked by phone"': (
        "needs that person",
        "tests/smalti/test_person.py",
        '["person", "suppress"',
    ),
    'smalti segments accept new_visitors --reason "the fair in Leeds"': (
        "needs one that stands still",
        "tests/pipeline/test_dollars.py",
        '"segments", "accept"',
    ),
    "make run": ("a minute's run; the same two commands", "tests/pipeline/shop.py", '"simulate", *size'),
    "smalti run nightly --data FOLDER": ("a minute's run", "tests/pipeline/home.py", '"run", dag, "--data", data'),
    "smalti sources check exports/access_2026-08-31.log": (
        "needs the page's own source",
        "tests/docs/test_add_a_source.py",
        "commands(PAGE)",
    ),
    "smalti run nightly --data exports": ("a minute's run", "tests/docs/test_add_a_source.py", "commands(PAGE)"),
    "smalti run nightly --data FOLDER --since 2026-08-01 --until 2026-08-31 --every day": (
        "a month of runs",
        "tests/pipeline/test_backfill.py",
        '"--since"',
    ),
    "smalti sources check FILE": (
        "ends with code 1 where the file is known",
        "tests/smalti/test_sources_cli.py",
        'smalti("check", file)',
    ),
    "smalti sources replay SOURCE": (
        "needs rejected rows",
        "tests/smalti/test_sources_cli.py",
        'smalti("replay", "shop_order_lines", "--data", file.parent)',
    ),
    "smalti identity unmerge ID --reason TEXT": (
        "needs a merged person",
        "tests/pipeline/test_identity.py",
        '"unmerge", ids[0], "--reason"',
    ),
    "smalti run weekly --data FOLDER": ("a minute's run", "tests/pipeline/test_weekly.py", '"run", "weekly"'),
    **dict.fromkeys(
        ("smalti models rollback purchase --dry-run", "smalti models rollback purchase"),
        ("needs two champions", "tests/smalti/test_models.py", '"rollback", "purchase"'),
    ),
    "smalti models card purchase": ("needs a champion", "tests/smalti/test_models.py", '"card", "purchase"'),
    "smalti gates accept RUN --reason TEXT": (
        "needs a red gate",
        "tests/smalti/test_gates.py",
        '["gates", "accept", run_id',
    ),
    "smalti segments impact --against HEAD": (
        "the copy is no checkout",
        "tests/segmentation/test_commands.py",
        '"impact"',
    ),
    "smalti segments why high_value ID --as-of 2026-08-31": (
        "needs somebody's id",
        "tests/pipeline/test_hourly.py",
        'smalti("segments", "why", "high_value"',
    ),
    "smalti content show ID --channel web": (
        "needs somebody's id",
        "tests/pipeline/test_hourly.py",
        '"content", "show", customer, "--channel", "web"',
    ),
    "smalti person show ID --as-of 2026-08-31": (
        "needs somebody's id",
        "tests/pipeline/test_backfill.py",
        '"person", "show", customer, "--as-of"',
    ),
    "pytest -q -n0 tests/reverse_etl/test_contract.py -k cms": (
        "needs the page's own destination",
        "tests/docs/test_add_a_destination.py",
        "commands(PAGE)",
    ),
    "make test-tools": ("needs tools from outside", ".ci/run", "make test-tools"),
    "make report-image": (
        "needs a browser; the tests of the page open it",
        "tests/tools/test_report_in_browser.py",
        "chromium",
    ),
    "make test": ("would run itself", ".ci/run", "make test"),
    "make check": ("what CI begins with", ".ci/run", "make check"),
    "make prove": ("an hour's proofs", "tests/pipeline/test_kills.py", "mark.slow"),
    "make prove-ingest": ("twenty minutes of proofs", "tests/ingestion/faults/test_points.py", "mark.slow"),
    "make lock-test": ("fetches 200 packages; CI installs from a cold cache", ".ci/run", "UV_CACHE_DIR"),
    "docker compose up --build --detach": COMPOSE,
    "docker compose cp exports/. scheduler:/var/lib/smalti/drop/": COMPOSE,
}
SHOWN = {title(page): commands(page.read_text()) for page in PAGES}


@dataclass(frozen=True)
class Copy:
    """A copy of the checkout with a small shop's exports where `make run` puts them; `done` is what was typed there."""

    path: Path
    done: dict[str, str] = field(default_factory=dict)

    @property
    def environment(self) -> dict[str, str]:
        """A reader's shell: the copy's own packages, settings and tools, a floor that a small shop reaches."""
        outside = {name: value for name, value in os.environ.items() if not name.startswith(("SMALTI_", "AIRFLOW_"))}
        own = {"PATH": f"{self.path / '.venv' / 'bin'}:{os.environ['PATH']}", "PYTHONPATH": str(self.path)}
        return outside | own | {"SMALTI_SEGMENT_FLOOR": "10"}

    def type(self, command: str) -> str:
        """Run a command to its end, once, and give what it printed."""
        if command not in self.done:
            ended = subprocess.run(
                ["bash", "-c", command],
                cwd=self.path,
                env=self.environment,
                capture_output=True,
                text=True,
                check=False,
                timeout=500,
            )
            assert ended.returncode == 0, f"{command}\n{ended.stdout}{ended.stderr}"
            self.done[command] = ended.stdout
        return self.done[command]

    def query(self, sql: str) -> list[tuple[object, ...]]:
        """Rows of the published version."""
        with duckdb.connect(self.path / ".smalti" / "published" / "current.duckdb", read_only=True) as connection:
            return connection.execute(sql).fetchall()


@pytest.fixture(scope="session")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Copy:
    """The copy, with this environment's programs and an empty repository for git's hooks."""
    copy = Copy(tmp_path_factory.mktemp("copy") / "smalti")
    shutil.copytree(CHECKOUT, copy.path, ignore=shutil.ignore_patterns(*LEFT_BEHIND))
    (copy.path / ".venv").mkdir()
    for part in VENV.iterdir():
        (copy.path / ".venv" / part.name).symlink_to(part)
    copy.type("git init --quiet && smalti init")
    copy.type("smalti simulate --customers 800 --days 30 --seed 7 --out .smalti/demo")
    return copy


@pytest.fixture(scope="session")
def followed(copy: Copy) -> Copy:
    """The copy after the page on segments was followed to the letter."""
    for block in blocks(SEGMENT_PAGE.read_text()):
        if block.language == "csv":
            with (copy.path / block.place).open("a") as seeds:
                seeds.write(block.text)
        elif block.place:
            assert not (copy.path / block.place).exists(), f"{block.place} is there already: the page needs another"
            (copy.path / block.place).write_text(block.text)
    for command in SHOWN[title(SEGMENT_PAGE)]:
        copy.type(command)
    return copy


def test_two_files_and_one_line_are_all_that_the_page_asks_for() -> None:
    written = [block for block in blocks(SEGMENT_PAGE.read_text()) if block.place]
    assert [block.place.split("/")[-2] for block in written] == ["segments", "segments", "seeds"]
    assert len(written[-1].text.splitlines()) == 1


def test_the_new_segment_is_in_the_delivered_file_with_exactly_whom_the_page_promises(followed: Copy) -> None:
    with (followed.path / ".smalti/outbox/files/latest/segments/recent_buyers.csv").open() as file:
        delivered = {row["customer_id"] for row in csv.DictReader(file)}
    promised = followed.query("""
        select customer_id from profiles.customers
        join profiles.customer_consents using (customer_id), ops.control
        where last_ordered_at > control.as_of - interval 30 day and not is_bot
            and purpose = 'marketing_email' and channel = 'email' and is_granted
            and customer_id not in (
                select customer_id from activation.activated_memberships
                where segment_id = 'recent_buyers' and arm = 'control'
            )
    """)
    assert len(delivered) > 10
    assert delivered == {customer_id for (customer_id,) in promised}


def test_what_the_page_lets_its_reader_look_at_shows_the_segment(followed: Copy) -> None:
    assert "recent_buyers" in followed.done["smalti segments list"]
    head = followed.done["head -n 3 .smalti/outbox/files/latest/segments/recent_buyers.csv"].splitlines()
    assert head[0] == "customer_id,contact_id_crm"
    assert len(head) == 3


UNIT_TEST = """
import subprocess, sys
from pathlib import Path
from warehouse import dbt, settings
command = ["dbt", "--quiet", "--no-version-check", "test", *dbt.arguments(Path.cwd() / ".smalti" / "unit")]
select = ["--select", "test_type:unit,recent_buyers"]
subprocess.run([*command, *select], env=dbt.environment(settings.load()), check=False)
"""


def unit_test_results(copy: Copy) -> list[str]:
    """How the unit tests of the page's segment end in the copy."""
    found = copy.path / ".smalti" / "unit" / "run_results.json"
    found.unlink(missing_ok=True)
    subprocess.run(["python", "-c", UNIT_TEST], cwd=copy.path, env=copy.environment, check=True, timeout=200)
    return [result["status"] for result in json.loads(found.read_text())["results"]]


def test_the_unit_test_of_the_page_passes_and_stands_at_the_edge(followed: Copy) -> None:
    query = followed.path / "dbt_project/models/segments/recent_buyers.sql"
    right = query.read_text()
    assert unit_test_results(followed) == ["pass"]
    try:
        query.write_text(right.replace("last_ordered_at >", "last_ordered_at >="))
        assert unit_test_results(followed) == ["fail"]
    finally:
        query.write_text(right)


@pytest.mark.parametrize("page", [page for page, shown in SHOWN.items() if shown])
def test_every_command_that_a_page_shows_works(page: str, followed: Copy) -> None:
    for command in SHOWN[page]:
        if command not in ELSEWHERE:
            followed.type(command)


@pytest.mark.parametrize("command", ELSEWHERE)
def test_every_exception_is_still_shown_and_runs_where_it_says(command: str) -> None:
    reason, where, words = ELSEWHERE[command]
    assert command in {shown for page in SHOWN.values() for shown in page}, "no page shows it: remove the exception"
    assert reason
    assert words in (CHECKOUT / where).read_text()


def test_commands_are_found_in_every_form_that_a_page_may_use() -> None:
    text = """
```bash
make run     # twice
smalti status

# nothing
ls \\
  -l
```

```console
$ smalti down
down
```

    make prove      # long
    .venv/bin/smalti up
    exports → raw

```sql
make test
```
"""
    assert commands(text) == [
        "make run",
        "smalti status",
        "ls    -l",
        "smalti down",
        "make prove",
        ".venv/bin/smalti up",
    ]
