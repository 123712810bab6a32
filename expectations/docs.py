"""Great Expectations at its edge: validate frames, and render what was found as Data Docs.

Data Docs show the latest result of every suite; what each run found stands in its own JSON file.
Importing this module loads the library, which takes seconds: `gate.run` does so when it is called.
"""

import logging
import shutil
from collections.abc import Sequence
from pathlib import Path

import great_expectations as gx
import great_expectations.expectations as gxe
from great_expectations.core import ExpectationSuiteValidationResult, ExpectationValidationResult, RunIdentifier
from great_expectations.data_context.data_context.abstract_data_context import AbstractDataContext
from great_expectations.data_context.types.base import DataContextConfig, ProgressBarsConfig
from great_expectations.data_context.types.resource_identifiers import (
    ExpectationSuiteIdentifier,
    ValidationResultIdentifier,
)

from expectations.gate import Check, GateFailed


def validate(gates: Path, run_id: str, checks: Sequence[Check]) -> list[str]:
    """What failed, in the words of the rules; an empty list where all held.

    Raises:
        GateFailed: fewer rules were evaluated than a check has.
    """
    context = open_context(gates)
    failures: list[str] = []
    for check in checks:
        found = evaluate(context, check)
        _record(context, gates, run_id, check, found)
        failures += failed(check, found)
    context.build_data_docs()
    return failures


def open_context(gates: Path) -> AbstractDataContext:
    """A context in memory, but for results and suites: Data Docs list those of earlier gates, too."""
    logging.getLogger("great_expectations").setLevel(logging.ERROR)
    on_disk = {"expectations_store": "ExpectationsStore", "validation_results_store": "ValidationResultsStore"}
    in_memory = {"checkpoint_store": "CheckpointStore", "validation_definition_store": "ValidationDefinitionStore"}
    stores = {
        name: {"class_name": kind, "store_backend": _files(gates / "store" / name)} for name, kind in on_disk.items()
    }
    stores |= {
        name: {"class_name": kind, "store_backend": {"class_name": "InMemoryStoreBackend"}}
        for name, kind in in_memory.items()
    }
    site = {
        "class_name": "SiteBuilder",
        "store_backend": _files(gates / "data_docs"),
        "site_index_builder": {"class_name": "DefaultSiteIndexBuilder"},
        "show_how_to_buttons": False,
    }
    return gx.get_context(
        mode="ephemeral",
        project_config=DataContextConfig(
            stores=stores,
            expectations_store_name="expectations_store",
            validation_results_store_name="validation_results_store",
            checkpoint_store_name="checkpoint_store",
            data_docs_sites={"smalti": site},
            analytics_enabled=False,
            progress_bars=ProgressBarsConfig(globally=False),
        ),
    )


def _files(folder: Path) -> dict[str, object]:
    backend: dict[str, object] = {"class_name": "TupleFilesystemStoreBackend", "base_directory": str(folder)}
    return backend if folder.name == "data_docs" else {**backend, "filepath_suffix": ".json"}


def evaluate(context: AbstractDataContext, check: Check) -> ExpectationSuiteValidationResult:
    """Validate one frame; the result holds successes only, never a value or an exception's text."""
    # all at once: added one by one, each would write the whole suite again
    expectations = [
        getattr(gxe, rule.expectation)(**rule.arguments, description=rule.says, meta={"rule": number})
        for number, rule in enumerate(check.rules)
    ]
    suite = gx.ExpectationSuite(name=check.name, expectations=expectations)
    context.suites.add_or_update(suite)
    source = context.data_sources.add_or_update_pandas(check.name)
    batch = source.add_dataframe_asset("frame").add_batch_definition_whole_dataframe("all")
    found = batch.get_batch({"dataframe": check.frame}).validate(suite, result_format="BOOLEAN_ONLY")
    for one in found.results:
        one.result = {}
        if _broke(one.exception_info):
            one.exception_info = {
                "raised_exception": True,
                "exception_message": "the rule could not be evaluated",
                "exception_traceback": "",
            }
    return found


def _record(
    context: AbstractDataContext, gates: Path, run_id: str, check: Check, found: ExpectationSuiteValidationResult
) -> None:
    """Keep this result as the suite's latest."""
    for earlier in (gates / "store" / "validation_results_store", gates / "data_docs" / "validations"):
        shutil.rmtree(earlier / check.name, ignore_errors=True)
    run, suite = RunIdentifier(run_name=run_id), ExpectationSuiteIdentifier(check.name)
    found.meta |= {"run_id": run, "validation_time": run.run_time}
    context.validation_results_store.store_validation_results(
        suite_validation_result=found,
        suite_validation_result_identifier=ValidationResultIdentifier(suite, run, "frame"),
        expectation_suite_identifier=suite,
    )


def failed(check: Check, found: ExpectationSuiteValidationResult) -> list[str]:
    """What failed of a check, in the words of its rules.

    Raises:
        GateFailed: the result does not answer each rule once.
    """
    seen = {_number(one): one for one in found.results}
    if sorted(seen) != list(range(len(check.rules))):
        raise GateFailed(f"{check.name}: {len(seen)} of {len(check.rules)} rules were evaluated; it must be all")
    broke = {number for number, one in seen.items() if _broke(one.exception_info)}
    return [
        f"{check.name}: {rule.says}{' (the rule could not be evaluated)' if number in broke else ''}"
        for number, rule in enumerate(check.rules)
        if not seen[number].success or number in broke
    ]


def _number(one: ExpectationValidationResult) -> int:
    """Which of the check's rules a result answers; -1 where it does not say."""
    meta = one.expectation_config.meta if one.expectation_config else None
    return int((meta or {}).get("rule", -1))


def _broke(info: object) -> bool:
    """Whether an exception was raised; the library nests the answer by metric where there are several."""
    if not isinstance(info, dict):
        return False
    return bool(info.get("raised_exception")) or any(_broke(inner) for inner in info.values())
