"""Every rule that Great Expectations evaluates can go red alone, and no rule is there that nobody can break."""

from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace

import polars as pl
import pytest

from expectations import gate, raw, scores, volume
from expectations.gate import Check, GateFailed, Rule
from ingestion import source
from tests.expectations.mutation import broken, without_column
from tests.expectations.test_volume import SUNDAY, history, line
from warehouse import ledger, manifest
from warehouse.contracts import Contract

Failures = Callable[[Sequence[Check]], list[str]]
Kind = tuple[str, str, bool, bool]


def raw_check(made: SimpleNamespace, tmp_path: Path) -> list[Check]:
    return raw.checks(made.store_raw(tmp_path, made.profile()), made.run) or []


def score_checks(made: SimpleNamespace, tmp_path: Path) -> list[Check]:
    return scores.checks(made.store_scores(tmp_path, made.scores()), made.run)


def checks_without_scores(made: SimpleNamespace, tmp_path: Path) -> list[Check]:
    frames = {name: frame.clear() for name, frame in made.scores().items()}
    none = dict.fromkeys(("purchase", "lifetime", "recommendations"), "too_little_data")
    settings = made.store_scores(tmp_path, frames, clusters="no_structure", **none)
    return [check for check in scores.checks(settings, made.run) if check.name.endswith("totals")]


def volume_check(made: SimpleNamespace, tmp_path: Path) -> list[Check]:
    settings = made.store_raw(tmp_path, made.profile())
    manifest.write(settings.raw / "shop_orders", [*history(20), line(99, 1000, SUNDAY + timedelta(days=1))])
    for number in range(volume.ENOUGH):
        with ledger.stage(settings.ledger, f"r{number}", "check_raw"):
            (settings.gates / f"r{number}").mkdir()
            made.profile().write_parquet(settings.gates / f"r{number}" / "raw_profile.parquet")
    return volume.checks(settings, made.run, 20) or []


GATES = {"raw": raw_check, "scores": score_checks, "no scores": checks_without_scores, "volume": volume_check}


def mutants(made: SimpleNamespace, check: Check) -> Iterator[tuple[Rule, Check]]:
    for rule in check.rules:
        is_about_columns = rule.expectation == "ExpectColumnToExist"
        yield rule, without_column(made.contract, made.profile(), rule) if is_about_columns else broken(check, rule)


@pytest.mark.parametrize("name", GATES)
def test_a_mutant_of_each_rule_turns_exactly_that_rule_red(
    made: SimpleNamespace, tmp_path: Path, failures: Failures, name: str
) -> None:
    checks = GATES[name](made, tmp_path)
    assert failures(checks) == []
    wrong = {}
    for check in checks:
        assert check.rules, f"{check.name} has no rule"
        for rule, mutant in mutants(made, check):
            if (red := failures([mutant])) != [f"{check.name}: {rule.says}"]:
                wrong[rule.says] = red
    assert not wrong


def kinds(check: Check) -> set[Kind]:
    """What the rules do, whatever their column: expectation, measure, and whether they have a lower or upper bound."""
    return {
        (
            rule.expectation,
            str(rule.arguments["column"]).rpartition(".")[2],
            rule.arguments.get("min_value") is not None,
            rule.arguments.get("max_value") is not None,
        )
        for rule in check.rules
    }


def good_profile(contract: Contract) -> pl.DataFrame:
    """The profile of a load that keeps this contract."""
    times = [raw.EARLIEST, raw.LATEST]
    rows = [
        (contract.source, name, kind, 100, 0, 100, *(times if name == contract.event_time else [1e9, 1e9]))
        for name, kind in contract.raw_columns().items()
    ]
    names = ["source", "column", "type", "rows", "nulls", "distinct_approx", "minimum", "maximum"]
    return pl.DataFrame(rows, schema=names, orient="row")


@pytest.mark.parametrize("name", source.names())
def test_each_rule_of_a_real_contract_is_of_a_kind_that_was_seen_red(
    made: SimpleNamespace, tmp_path: Path, name: str
) -> None:
    contract = source.load_source(name).contract
    check = raw.source_check(contract, good_profile(contract))
    [known] = raw_check(made, tmp_path)
    assert kinds(check) <= kinds(known)
    columns = {str(rule.arguments["column"]).rpartition(".")[0] for rule in check.rules}
    assert columns == {"", *contract.raw_columns()}, "but for `rows`, each rule is about a column"


def test_a_rule_of_a_new_kind_needs_a_mutant() -> None:
    unknown = Rule("ExpectColumnMeanToBeBetween", {"column": "a"}, "the mean of a")
    with pytest.raises(KeyError, match="ExpectColumnMeanToBeBetween"):
        broken(Check("c", pl.DataFrame({"a": [1]}).to_pandas(), (unknown,)), unknown)


@pytest.mark.parametrize("name", GATES)
def test_a_gate_whose_rules_are_gone_is_red(made: SimpleNamespace, tmp_path: Path, name: str) -> None:
    bare = [Check(check.name, check.frame, ()) for check in GATES[name](made, tmp_path)]
    with pytest.raises(GateFailed, match="no rule to evaluate"):
        gate.run(made.settings(tmp_path), "r", name, lambda: bare)


@pytest.mark.parametrize(("module", "place"), [(raw, "source_check"), (scores, "rows_check"), (volume, "deliveries")])
def test_a_gate_that_breaks_is_red_and_quotes_nothing(
    made: SimpleNamespace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, module: object, place: str
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError(made.canary)

    settings = made.store_raw(tmp_path, made.profile())
    made.store_scores(tmp_path, made.scores())
    monkeypatch.setattr(module, place, fail)
    gates = {
        raw: lambda: raw.check_raw(settings, made.run),
        scores: lambda: scores.check_scores(settings, made.run),
        volume: lambda: volume.check_volume(settings, made.run, 0),
    }
    with pytest.raises(GateFailed, match="the gate itself broke: RuntimeError") as error:
        gates[module]()  # type: ignore[index]
    assert made.canary not in str(error.value)


def test_of_several_gates_each_red_one_is_told(made: SimpleNamespace, tmp_path: Path) -> None:
    settings = made.settings(tmp_path)
    red = [lambda name=name: gate.run(settings, "r", name, list) for name in ("one", "two")]  # type: ignore[misc]
    green = lambda: gate.Result("three", 1, 0)  # noqa: E731
    with pytest.raises(GateFailed, match=r"'one': no rule to evaluate.*'two': no rule to evaluate"):
        gate.all_of([red[0], green, red[1]])
    assert gate.all_of([green]) == [gate.Result("three", 1, 0)]
