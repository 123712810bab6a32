"""The house rules over all Python code: each is a function that names what breaks it, and is seen to do so."""

import ast
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
PACKAGES = (
    *("ingestion", "linkage", "models_ml", "expectations", "segmentation", "reverse_etl", "reports"),
    *("warehouse", "simulator", "smalti"),
)
LINES = 400
ENVIRONMENT = {
    "warehouse/dbt.py": "the environment of the dbt process",
    "warehouse/slot.py": "whether a parent handed the slot down",
    "smalti/": "the environment of the processes that a command starts",
}
NEVER_IMPORTED = {"pickle", "cPickle", "joblib", "dill", "cloudpickle", "shelve", "marshal"}
UNSAFE_YAML = {"load", "load_all", "unsafe_load", "unsafe_load_all", "full_load", "full_load_all"}

Rule = Callable[[str, ast.Module], Iterator[str]]


def python_files(*folders: str) -> list[Path]:
    """Python files of the checkout in these folders, tests and hidden folders left out unless named."""
    found = [path for folder in folders for path in sorted((CHECKOUT / folder).rglob("*.py"))]
    assert found, f"no Python file under {', '.join(folders)}"
    return found


def imported(tree: ast.Module) -> Iterator[tuple[str, int]]:
    """Each imported module and the line of its import."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield f"{'.' * node.level}{node.module or ''}", node.lineno


def attributes(tree: ast.Module) -> Iterator[tuple[str, str, int]]:
    """Each `name.attribute`: the last name before the dot, the attribute, the line."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            owner = node.value
            name = owner.id if isinstance(owner, ast.Name) else owner.attr if isinstance(owner, ast.Attribute) else ""
            yield name, node.attr, node.lineno


def airflow_outside_dags(name: str, tree: ast.Module) -> Iterator[str]:
    """Only `dags/` imports Airflow: everything else runs and is tested without a scheduler."""
    for module, line in imported(tree):
        if module.split(".")[0] == "airflow" and not name.startswith(("dags/", "tests/")):
            yield f"{name}:{line} imports {module}; only dags/ may"


def unsafe_formats(name: str, tree: ast.Module) -> Iterator[str]:
    """No format that runs code when it is read: models are LightGBM text and JSON, YAML is read safely."""
    for module, line in imported(tree):
        if module.split(".")[0] in NEVER_IMPORTED:
            yield f"{name}:{line} imports {module}; allowed are JSON, Parquet and LightGBM text"
    for owner, attribute, line in attributes(tree):
        if owner == "yaml" and attribute in UNSAFE_YAML:
            yield f"{name}:{line} calls yaml.{attribute}; allowed is yaml.safe_load"
        if owner in ("pd", "pandas") and attribute in ("read_pickle", "to_pickle"):
            yield f"{name}:{line} calls {owner}.{attribute}; allowed is Parquet"


def environment_read_elsewhere(name: str, tree: ast.Module) -> Iterator[str]:
    """Settings are one typed object built at the edge: nobody asks the environment on their own."""
    if name == "warehouse/settings.py" or name.startswith(tuple(ENVIRONMENT)):
        return
    for owner, attribute, line in attributes(tree):
        if owner == "os" and attribute in ("environ", "environb", "getenv", "putenv", "unsetenv"):
            yield f"{name}:{line} uses os.{attribute}; settings are passed down (warehouse/settings.py)"
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module == "os":
            for alias in node.names:
                if alias.name in ("environ", "getenv"):
                    yield f"{name}:{node.lineno} imports os.{alias.name}; settings are passed down"


def second_writer(name: str, tree: ast.Module) -> Iterator[str]:
    """One writer: only the warehouse opens the working file; everyone else reads a published version."""
    if name.startswith("warehouse/"):
        return
    for owner, attribute, line in attributes(tree):
        if attribute == "working":
            yield f"{name}:{line} uses {owner}.working; allowed is a published version (settings.current)"


def too_long(name: str, tree: ast.Module) -> Iterator[str]:
    """A module that is read in one go."""
    last = max((node.end_lineno or 0 for node in tree.body), default=0)
    if last > LINES:
        yield f"{name} has {last} lines; allowed are {LINES}"


def utils(name: str, _: ast.Module) -> Iterator[str]:
    """A module is named for what it holds."""
    if re.search(r"(^|[/_])utils?([/_.]|$)", name):
        yield f"{name}: no utils; name the module for what it holds"


RULES: tuple[Rule, ...] = (
    airflow_outside_dags,
    unsafe_formats,
    environment_read_elsewhere,
    second_writer,
    too_long,
    utils,
)
BREACHES = [
    (airflow_outside_dags, "smalti/cli.py", "def go() -> Any:\n    from airflow.models import DagBag"),
    (airflow_outside_dags, "warehouse/run.py", "import airflow"),
    (unsafe_formats, "models_ml/a.py", "import pickle"),
    (unsafe_formats, "models_ml/a.py", "from joblib import dump"),
    (unsafe_formats, "smalti/a.py", "import yaml\nyaml.load(text)"),
    (unsafe_formats, "smalti/a.py", "import pandas as pd\npd.read_pickle(path)"),
    (environment_read_elsewhere, "ingestion/a.py", "import os\nos.environ['X']"),
    (environment_read_elsewhere, "warehouse/publish.py", "import os\nos.getenv('X')"),
    (environment_read_elsewhere, "reverse_etl/a.py", "from os import environ"),
    (second_writer, "reverse_etl/a.py", "duckdb.connect(settings.working)"),
    (second_writer, "smalti/a.py", "open(self.settings.working)"),
    (too_long, "ingestion/a.py", "\n".join("a = 1" for _ in range(LINES + 1))),
    (utils, "warehouse/utils.py", ""),
    (utils, "ingestion/utils/text.py", ""),
    (utils, "ingestion/csv_utils.py", ""),
]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_code_keeps_the_rule(rule: Any) -> None:
    files = python_files(*PACKAGES, "dags", "tests") if rule in (too_long, utils) else python_files(*PACKAGES, "dags")
    breaches = [
        breach
        for path in files
        for breach in rule(path.relative_to(CHECKOUT).as_posix(), ast.parse(path.read_text(), str(path)))
    ]
    assert not breaches, f"{rule.__doc__}\n" + "\n".join(breaches)


@pytest.mark.parametrize(("rule", "name", "code"), BREACHES, ids=lambda value: getattr(value, "__name__", None))
def test_the_rule_notices_a_breach(rule: Any, name: str, code: str) -> None:
    assert list(rule(name, ast.parse(code)))


@pytest.mark.parametrize("name", ["warehouse/settings.py", *ENVIRONMENT])
def test_each_exception_of_the_environment_rule_still_exists(name: str) -> None:
    assert (CHECKOUT / name).exists(), f"{name} is gone: remove its exception"


def lint_imports(folder: Path) -> subprocess.CompletedProcess[str]:
    """Hold the packages in `folder` against its `.importlinter`."""
    command = [Path(sys.executable).with_name("lint-imports"), "--no-cache", "--no-logo"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=60)


def test_imports_go_one_way() -> None:
    done = lint_imports(CHECKOUT)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("importer", "module"),
    [
        ("ingestion", "reverse_etl.plan"),
        ("models_ml", "expectations"),
        ("segmentation", "models_ml"),
        ("linkage", "ingestion"),
        ("warehouse", "ingestion"),
        ("reverse_etl", "smalti"),
        ("reports", "reverse_etl.plan"),
        ("simulator", "warehouse.settings"),
        ("smalti", "airflow"),
    ],
)
def test_an_import_the_wrong_way_is_noticed(tmp_path: Path, importer: str, module: str) -> None:
    shutil.copy(CHECKOUT / ".importlinter", tmp_path)
    for package in PACKAGES:
        (tmp_path / package).mkdir()
        (tmp_path / package / "__init__.py").touch()
    (tmp_path / "reverse_etl" / "plan.py").touch()
    (tmp_path / "warehouse" / "settings.py").touch()
    (tmp_path / importer / "wrong.py").write_text(f"import {module}\n")
    done = lint_imports(tmp_path)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "BROKEN" in done.stdout
