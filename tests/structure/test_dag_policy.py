"""DAGs say when and in which order, and nothing else: short, from `airflow.sdk`, no work while they are parsed."""

import ast
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

DAGS = Path(__file__).resolve().parents[2] / "dags"
LINES = {"tasks.py": 110, "clocks.py": 60}
DAG_LINES = 60
PLAIN_CALLS = {"pendulum.datetime", "datetime", "timedelta", "datetime.timedelta"}


def dag_functions(tree: ast.Module) -> list[ast.FunctionDef]:
    """The functions that `@dag` makes a DAG."""
    return [
        node
        for node in tree.body
        if isinstance(node, ast.FunctionDef)
        and any(
            ast.unparse(d.func if isinstance(d, ast.Call) else d) in ("dag", "sdk.dag") for d in node.decorator_list
        )
    ]


def too_long(name: str, text: str) -> Iterator[str]:
    """A DAG is read at a glance."""
    allowed = LINES.get(name, DAG_LINES)
    if (lines := len(text.splitlines())) >= allowed:
        yield f"{name} has {lines} lines; allowed are fewer than {allowed}"


def other_airflow(name: str, text: str) -> Iterator[str]:
    """Airflow's stable interface is `airflow.sdk`; everything else moves between versions."""
    for node in ast.walk(ast.parse(text)):
        modules = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        modules += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        for module in modules:
            if module.split(".")[0] == "airflow" and module != "airflow.sdk":
                yield f"{name} imports {module}; allowed is airflow.sdk"


def top_level_work(name: str, text: str) -> Iterator[str]:
    """A DAG file is parsed every few seconds: it defines and imports, and calls only its own DAG."""
    tree = ast.parse(text)
    own = {function.name for function in dag_functions(tree)}
    for node in tree.body:
        if isinstance(node, ast.Import | ast.ImportFrom | ast.FunctionDef):
            continue
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            continue
        if isinstance(node, ast.If) and ast.unparse(node.test) == "__name__ == '__main__'":
            continue
        calls = {ast.unparse(call.func) for call in ast.walk(node) if isinstance(call, ast.Call)}
        is_plain = isinstance(node, ast.Assign | ast.AnnAssign | ast.Expr)
        if not is_plain or not calls <= PLAIN_CALLS | own:
            yield f"{name}:{node.lineno} works while it is parsed: {ast.unparse(node)[:80]}"


def other_name(name: str, text: str) -> Iterator[str]:
    """DAG id = file name, so that whoever reads one finds the other."""
    found = []
    for function in dag_functions(ast.parse(text)):
        decorator = function.decorator_list[0]
        keywords = decorator.keywords if isinstance(decorator, ast.Call) else []
        stated = [keyword.value for keyword in keywords if keyword.arg == "dag_id"]
        stated += decorator.args if isinstance(decorator, ast.Call) else []
        found += [ast.literal_eval(value) for value in stated] or [function.name]
    expected = [] if name in LINES else [name.removesuffix(".py")]
    if found != expected:
        yield f"{name} defines the DAGs {found}; allowed is {expected}"


RULES = (too_long, other_airflow, top_level_work, other_name)
NIGHTLY = """
from airflow.sdk import dag
import pendulum

START = pendulum.datetime(2026, 1, 1)

@dag(start_date=START)
def nightly() -> Any:
    pass

nightly()
"""
BREACHES = [
    (too_long, NIGHTLY + "\n" * 60),
    (other_airflow, "from airflow.operators.python import PythonOperator"),
    (other_airflow, "import airflow.models"),
    (top_level_work, NIGHTLY + "rows = duckdb.connect().execute('select 1')"),
    (top_level_work, NIGHTLY + "for name in names():\n    pass"),
    (top_level_work, NIGHTLY + "SETTINGS = settings.load()"),
    (other_name, NIGHTLY.replace("def nightly", "def evening")),
    (other_name, NIGHTLY.replace("dag(", "dag(dag_id='evening', ")),
    (other_name, NIGHTLY.replace("dag(", "dag('evening', ")),
    (other_name, "import pendulum"),
]


def dag_files() -> list[Path]:
    """The files in `dags/`."""
    return sorted(DAGS.glob("*.py"))


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_dags_keep_the_rule(rule: Any) -> None:
    assert dag_files(), "there is no dags/*.py"
    breaches = [breach for path in dag_files() for breach in rule(path.name, path.read_text())]
    assert not breaches, f"{rule.__doc__}\n" + "\n".join(breaches)


@pytest.mark.parametrize(("rule", "text"), BREACHES, ids=lambda value: getattr(value, "__name__", None))
def test_the_rule_notices_a_breach_in_a_dag(rule: Any, text: str) -> None:
    assert list(rule("nightly.py", text))


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_a_plain_dag_breaks_no_rule(rule: Any) -> None:
    assert not list(rule("nightly.py", NIGHTLY))


LOAD = """
import json, sys
from pathlib import Path
from airflow.dag_processing.dagbag import BundleDagBag
from warehouse.errors import Busy, SmaltiError
bag = BundleDagBag(dag_folder=sys.argv[1], bundle_path=Path(sys.argv[1]), load_op_links=False)
def told(dag):
    turn, tasks = dag.get_task("take_turn"), dag.tasks
    return {
        "missed ticks": dag.catchup, "at a time": dag.max_active_runs, "pools": sorted({task.pool for task in tasks}),
        "first": [task.task_id for task in dag.roots], "setups": [task.task_id for task in tasks if task.is_setup],
        "teardowns": [task.task_id for task in tasks if task.is_teardown],
        "tried again": [task.task_id for task in tasks if task.retries],
        "then": [turn.retry_policy.evaluate(error, 1, 9).action.value for error in (Busy(), SmaltiError(), KeyError())],
        "minutes": [alert.interval.total_seconds() / 60 for alert in dag.deadline],
    }
errors = {file: error.splitlines()[-1] for file, error in bag.import_errors.items()}
print(json.dumps({"errors": errors, "dags": {name: told(dag) for name, dag in sorted(bag.dags.items())}}))
"""


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What Airflow makes of `dags/`."""
    folder = tmp_path_factory.mktemp("airflow")
    environment = os.environ | {
        "AIRFLOW_HOME": str(folder),
        "AIRFLOW__CORE__DAGS_FOLDER": str(DAGS),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "false",
        "SMALTI_HOME": str(folder / "home"),
        "SMALTI_HMAC_KEY": "00" * 32,
        "SMALTI_NAMESPACE": "00000000-0000-0000-0000-000000000001",
        "SMALTI_HOURLY_DEADLINE_MINUTES": "7",
        "SMALTI_NIGHTLY_DEADLINE_MINUTES": "8",
        "SMALTI_WEEKLY_DEADLINE_MINUTES": "9",
    }
    command = [sys.executable, "-c", LOAD, str(DAGS)]
    done = subprocess.run(command, env=environment, cwd=folder, capture_output=True, text=True, check=True, timeout=120)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def test_airflow_loads_each_dag_under_its_file_name(loaded: dict[str, Any]) -> None:
    assert loaded["errors"] == {}
    assert list(loaded["dags"]) == [path.stem for path in dag_files() if path.name not in LINES]


@pytest.mark.parametrize(("dag", "minutes"), [("hourly", 7.0), ("nightly", 8.0), ("weekly", 9.0), ("privacy", 60.0)])
def test_scheduled_dags_take_turns_and_have_a_deadline(loaded: dict[str, Any], dag: str, minutes: float) -> None:
    assert loaded["dags"][dag] == {
        "missed ticks": False,
        "at a time": 1,
        "pools": ["warehouse"],
        "first": ["take_turn"],
        "setups": ["take_turn"],
        "teardowns": ["end_run"] if dag == "privacy" else ["write_report", "end_run"],
        "tried again": ["take_turn"],
        "then": ["retry", "fail", "fail"],
        "minutes": [minutes],
    }
