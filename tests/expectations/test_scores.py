"""The score gate lets whole scores through, and every one of its rules can stop a run."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace

import polars as pl
import pytest

from expectations import scores
from expectations.gate import Check, GateFailed
from expectations.scores import check_scores
from warehouse.settings import Settings

Failures = Callable[[Sequence[Check]], list[str]]
Change = Callable[[pl.DataFrame], pl.DataFrame]


def put(column: str, value: object) -> Change:
    """Replace the column's second value."""
    return lambda frame: frame.with_columns(
        pl.Series(column, [value if i == 1 else old for i, old in enumerate(frame[column])], dtype=frame.schema[column])
    )


CANARY = "canary-7f3a@example.org"
MUTANTS: list[tuple[str, Change, str]] = [
    ("propensity", put("probability", 1.0001), "probability is between 0 and 1"),
    ("propensity", put("probability", -0.0001), "probability is between 0 and 1"),
    ("propensity", put("probability", None), "probability is not null"),
    ("propensity", put("probability", float("nan")), "probability is not null"),
    ("propensity", put("tier", "gold"), "tier is one of"),
    ("propensity", put("tier", None), "tier is not null"),
    ("propensity", put("model", "luck"), "model is one of purchase, churn"),
    ("propensity", put("model", "churn"), "everybody to score is scored"),
    ("propensity", put("model_version", None), "model_version is not null"),
    ("propensity", put("scored_at", None), "scored_at is not null"),
    ("propensity", put("reasons", None), "reasons is not null"),
    ("propensity", put("reasons", ["spent 312.50"]), "reasons are names of features"),
    ("propensity", put("expected_value_amount", -0.01), "expected_value_amount is 0 or more"),
    ("propensity", put("customer_id", None), "customer_id is not null"),
    ("propensity", put("customer_id", "d"), "customer_id and model occur once together"),
    ("propensity", put("customer_id", "nobody"), "everybody scored is among the features"),
    ("propensity", put("customer_id", "old"), "everybody scored is among the features"),
    ("propensity", lambda frame: frame.head(3), "everybody to score is scored"),
    ("propensity", lambda frame: frame.clear(), "everybody to score is scored"),
    ("propensity", lambda frame: frame.cast({"probability": pl.Float32}), "columns and types are as specified"),
    ("propensity", lambda frame: frame.drop("tier"), "columns and types are as specified"),
    ("propensity", lambda frame: frame.drop("customer_id"), "columns and types are as specified"),
    ("propensity", lambda frame: frame.with_columns(more=1), "columns and types are as specified"),
    ("clusters", put("customer_id", "d"), "customer_id occurs once"),
    ("clusters", put("customer_id", None), "customer_id is not null"),
    ("clusters", put("cluster", None), "cluster is not null"),
    ("clusters", put("cluster", -2), "cluster is -1 or more"),
    ("clusters", put("persona", None), "persona is not null"),
    ("clusters", put("model_version", None), "model_version is not null"),
    ("clusters", lambda frame: frame.head(3), "everybody to score is scored"),
    ("clusters", lambda frame: frame.cast({"cluster": pl.Int64}), "columns and types are as specified"),
    ("lifetime", put("customer_id", "c"), "customer_id occurs once"),
    ("lifetime", put("customer_id", "d"), "everybody scored is among the features"),
    ("lifetime", lambda frame: frame.head(2), "everybody to score is scored"),
    ("lifetime", put("model", "purchase"), "model is lifetime"),
    ("lifetime", put("p_alive", 1.0001), "p_alive is between 0 and 1"),
    ("lifetime", put("p_alive", float("nan")), "p_alive is not null"),
    ("lifetime", put("expected_orders", -0.1), "expected_orders is 0 or more"),
    ("lifetime", put("value_amount", -0.1), "value_amount is 0 or more"),
    ("lifetime", put("value_low_amount", -0.1), "value_low_amount is 0 or more"),
    ("lifetime", put("value_low_amount", 100.1), "value_high_amount is no less than value_low_amount"),
    ("lifetime", put("value_high_amount", None), "value_high_amount is not null"),
    ("lifetime", lambda frame: frame.drop("value_low_amount"), "columns and types are as specified"),
    ("affinities", put("probability", None), "no column is null"),
    ("affinities", put("tier", "top"), "tier is one of"),
    ("affinities", put("probability", 1.1), "probability is between 0 and 1"),
    ("affinities", put("probability", float("nan")), "probability is between 0 and 1"),
    ("affinities", put("category", "plates"), "every pair scored is among the features to score"),
    ("affinities", put("customer_id", "old"), "every pair scored is among the features to score"),
    ("affinities", lambda frame: pl.concat([frame, frame.head(1)]), "customer_id and category occur once together"),
    ("affinities", lambda frame: frame.head(2), "every pair to score is scored"),
    ("affinities", lambda frame: frame.head(2), "as many people as the report says"),
    ("affinities", lambda frame: frame.drop("tier"), "columns and types are as specified"),
    ("cluster_migrations", put("from_cluster", None), "from_cluster is not null"),
    ("cluster_migrations", put("from_persona", None), "from_persona is not null"),
    ("cluster_migrations", put("into_version", None), "into_version is not null"),
    ("cluster_migrations", put("from_version", None), "from_version is not null"),
    ("cluster_migrations", put("people", 0), "people are 1 or more"),
    ("cluster_migrations", put("share", None), "share is not null"),
    ("cluster_migrations", put("share", 0.35), "the shares of each former group are 1 together"),
    ("cluster_migrations", put("into_cluster", 0), "from_cluster and into_cluster occur once together"),
    ("cluster_migrations", lambda frame: frame.drop("people"), "columns and types are as specified"),
    ("cluster_migrations", lambda frame: frame.cast({"people": pl.Int32}), "columns and types are as specified"),
    ("recommendations", put("customer_id", "nobody"), "everybody with recommendations is among the features"),
    ("recommendations", lambda frame: frame.head(5), "everybody to score has recommendations"),
    ("recommendations", lambda frame: frame.clear(), "everybody to score has recommendations"),
    *(("recommendations", put(column, None), "no column is null") for column in ("product_id", "model_version")),
    ("recommendations", put("rank", 2), "customer_id and rank occur once together"),
    ("recommendations", put("rank", 3), "ranks go from 1 to at most 10, and none is left out"),
    ("recommendations", put("rank", 0), "ranks go from 1 to at most 10, and none is left out"),
    ("recommendations", put("product_id", "p2"), "no product is recommended to a person twice"),
    ("recommendations", put("product_id", "sold_out"), "every product is in the catalogue and on sale"),
    ("recommendations", put("product_id", "unheard_of"), "every product is in the catalogue and on sale"),
    ("recommendations", put("customer_id", CANARY), "nobody is recommended what they bought"),
    ("recommendations", lambda frame: frame.head(6), "who has fewer than 10 has all that is on sale"),
    ("recommendations", put("score", 1.0001), "score is between 0 and 1"),
    ("recommendations", put("score", float("nan")), "score is between 0 and 1"),
    ("recommendations", put("strategy", "magic"), "strategy is one of"),
    ("recommendations", lambda frame: frame.cast({"rank": pl.Int64}), "columns and types are as specified"),
    ("recommendations", lambda frame: frame.drop("strategy"), "columns and types are as specified"),
]


def test_whole_scores_pass(made: SimpleNamespace, tmp_path: Path) -> None:
    result = check_scores(made.store_scores(tmp_path, made.scores()), made.run)
    assert (result.failed, result.skipped) == (0, False)
    assert result.evaluated == 80


@pytest.mark.parametrize(("table", "change", "rule"), MUTANTS)
def test_each_rule_goes_red(
    made: SimpleNamespace, tmp_path: Path, failures: Failures, table: str, change: Change, rule: str
) -> None:
    frames = made.scores()
    settings = made.store_scores(tmp_path, {**frames, table: change(frames[table])})
    found = failures(scores.checks(settings, made.run))
    assert any(text.startswith(f"scores_{table}") and rule in text for text in found)


def test_a_rule_that_goes_red_stops_the_run_and_names_nobody(made: SimpleNamespace, tmp_path: Path) -> None:
    frames = made.scores()
    twice = {**frames, "clusters": put("customer_id", made.canary)(frames["clusters"])}
    settings = made.store_scores(tmp_path, twice)
    with pytest.raises(GateFailed, match="scores_clusters: customer_id occurs once") as error:
        check_scores(settings, made.run)
    assert made.canary not in str(error.value)
    assert not [p for p in settings.gates.rglob("*") if p.is_file() and made.canary.encode() in p.read_bytes()]


@pytest.mark.parametrize(
    ("model", "table", "status"),
    [
        ("purchase", "propensity", "too_little_data"),
        ("clusters", "clusters", "too_little_data"),
        ("clusters", "clusters", "no_structure"),
        ("lifetime", "lifetime", "too_little_data"),
        ("recommendations", "recommendations", "too_little_data"),
        ("affinity", "affinities", "too_little_data"),
        ("affinity", "affinities", "no_champion"),
    ],
)
def test_zero_rows_pass_when_the_report_says_why(
    made: SimpleNamespace, tmp_path: Path, failures: Failures, model: str, table: str, status: str
) -> None:
    frames = made.scores()
    some = made.store_scores(tmp_path, frames, **{model: status})
    assert "there are no rows" in failures(scores.checks(some, made.run))[0]
    none = made.store_scores(tmp_path, {**frames, table: frames[table].clear()}, **{model: status})
    built = scores.checks(none, made.run)
    assert failures(built) == []
    assert sum(len(check.rules) for check in built) == {"recommendations": 70, "affinities": 74}.get(table, 80)


def test_a_status_that_nobody_knows_fails(made: SimpleNamespace, tmp_path: Path) -> None:
    with pytest.raises(GateFailed, match="status is one of ok, too_little_data"):
        check_scores(made.store_scores(tmp_path, made.scores(), purchase="no_structure"), made.run)


@pytest.mark.parametrize(
    "name",
    [
        *(
            f"{table}.parquet"
            for table in ("propensity", "clusters", "cluster_migrations", "recommendations", "affinities")
        ),
        "report.json",
    ],
)
def test_a_missing_file_fails(made: SimpleNamespace, tmp_path: Path, name: str) -> None:
    settings = made.store_scores(tmp_path, made.scores())
    (settings.scores / made.run / name).unlink()
    with pytest.raises(GateFailed, match=f"has no {name}"):
        check_scores(settings, made.run)


def test_a_file_cut_short_fails(made: SimpleNamespace, tmp_path: Path) -> None:
    settings = made.store_scores(tmp_path, made.scores())
    file = settings.scores / made.run / "propensity.parquet"
    file.write_bytes(file.read_bytes()[:-20])
    with pytest.raises(GateFailed, match=r"the gate itself broke: ComputeError at scores\.py"):
        check_scores(settings, made.run)


ASKED = ["b", "c"]
CHURN: list[tuple[Change, dict[str, object], str]] = [
    (lambda frame: frame.head(1), {"status": "ok", "rows": 2}, "as many rows as the report says"),
    (lambda frame: frame, {"status": "too_little_data", "rows": 0}, "as many rows as the report says"),
    (lambda frame: frame, {"status": "fine", "rows": 2}, "status is one of"),
    (put("customer_id", "old"), {"status": "ok", "rows": 2}, "everybody scored is among the features"),
]


def churn(made: SimpleNamespace) -> pl.DataFrame:
    asked = made.scores()["propensity"].filter(pl.col("customer_id").is_in(ASKED))
    return asked.with_columns(model=pl.lit("churn"))


def test_a_model_that_is_asked_of_some_people_passes_beside_one_asked_of_all(
    made: SimpleNamespace, tmp_path: Path, failures: Failures
) -> None:
    frames = made.scores()
    both = {**frames, "propensity": pl.concat([frames["propensity"], churn(made)])}
    settings = made.store_scores(tmp_path, both)
    tell(settings, made.run, {"status": "ok", "rows": 2})
    assert failures(scores.checks(settings, made.run)) == []


@pytest.mark.parametrize(("change", "told", "rule"), CHURN)
def test_each_rule_of_such_a_model_goes_red(
    made: SimpleNamespace, tmp_path: Path, failures: Failures, change: Change, told: dict[str, object], rule: str
) -> None:
    frames = made.scores()
    both = {**frames, "propensity": pl.concat([frames["propensity"], change(churn(made))])}
    settings = made.store_scores(tmp_path, both)
    tell(settings, made.run, told)
    found = failures(scores.checks(settings, made.run))
    assert any(text.startswith("scores_churn:") and rule in text for text in found)


def tell(settings: Settings, run: str, told: dict[str, object]) -> None:
    """Let the report tell of the churn model too."""
    path = settings.scores / run / "report.json"
    report = json.loads(path.read_text())
    report["models"]["churn"] = told
    path.write_text(json.dumps(report))
