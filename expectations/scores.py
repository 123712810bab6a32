"""The gate after scoring: are the score files complete, well formed and about the right people?

The files are checked in full, and against the features and the report of the same run.
"""

import json

import pandas as pd
import polars as pl

from expectations import affinities, gate, migrations, recommendations, resemblances
from expectations.gate import Check, GateFailed, Result, Rule
from warehouse import lookalikes
from warehouse.settings import Settings

SUITE = "scores"
STATUSES = ["ok", "too_little_data", "no_champion"]
TIERS = ["high", "medium", "low"]
COLUMNS = {
    "propensity": {
        "customer_id": "String",
        "model": "String",
        "probability": "Float64",
        "tier": "String",
        "model_version": "String",
        "scored_at": "Datetime(time_unit='us', time_zone=None)",
        "reasons": "List(String)",
        "expected_value_amount": "Float64",
    },
    "clusters": {"customer_id": "String", "cluster": "Int32", "persona": "String", "model_version": "String"},
    "lifetime": {
        "customer_id": "String",
        "model": "String",
        "expected_orders": "Float64",
        "p_alive": "Float64",
        "value_amount": "Float64",
        "value_low_amount": "Float64",
        "value_high_amount": "Float64",
        "horizon_days": "Int32",
        "model_version": "String",
        "scored_at": "Datetime(time_unit='us', time_zone=None)",
    },
}
# by table its models; the first says something of everybody, the others of those whom they are asked of
MODELS = {"propensity": ("purchase", "churn"), "clusters": ("clusters",), "lifetime": ("lifetime",)}


OPTIONAL = frozenset({"expected_value_amount"})  # a model that knows no amounts tells none


def check_scores(settings: Settings, run_id: str) -> Result:
    """Validate every score file of a run.

    Zero rows pass only where the report says why: too little data, or no structure to be found.

    Raises:
        GateFailed: a rule failed, a file is missing, or the gate itself broke.
    """
    return gate.run(settings, run_id, SUITE, lambda: checks(settings, run_id))


def checks(settings: Settings, run_id: str) -> list[Check]:
    """Checks of each score file: the file as a whole, each further model in it, and each of its rows.

    Of recommendations and of affinities there is one each, of counts.

    Raises:
        GateFailed: a file that scoring always writes is missing.
    """
    folder = settings.scores / run_id
    tables = (*MODELS, migrations.TABLE, "recommendations", affinities.TABLE)
    wanted_files = (*(f"{table}.parquet" for table in tables), "report.json")
    absent = [name for name in wanted_files if not (folder / name).exists()]
    if absent:
        raise GateFailed(f"run {run_id} has no {', '.join(absent)}; scoring always writes them")
    report = json.loads((folder / "report.json").read_text())["models"]
    features = pl.scan_parquet(settings.features / run_id / "features.parquet")
    names = features.collect_schema().names()
    scored = features.filter(pl.col("is_scored"))
    wanted = dict.fromkeys(MODELS, scored.select("customer_id").collect()["customer_id"])
    if "order_days_count" in names:  # lifetime value is of people who ever ordered
        wanted["lifetime"] = (
            scored.filter(pl.col("order_days_count") > 0).select("customer_id").collect()["customer_id"]
        )
    built = []
    for table, (first, *others) in MODELS.items():
        frame = pl.read_parquet(folder / f"{table}.parquet")
        built.append(totals_check(table, _of_model(frame, first), wanted[table], report[first]["status"]))
        built += [reasons_check(frame, names)] if "reasons" in frame.columns else []
        built += [
            model_check(one, _of_model(frame, one), wanted[table], report[one]) for one in others if one in report
        ]
        built.append(rows_check(table, frame))
        built += resemblances.checks(settings, run_id, frame, report) if table == resemblances.TABLE else []
    built += migrations.checks(SUITE, pl.read_parquet(folder / f"{migrations.TABLE}.parquet"))
    built.append(recommendations.check(settings, run_id, report["recommendations"]["status"]))
    built.append(affinities.check(settings, run_id, report["affinity"]))
    return built


def _of_model(frame: pl.DataFrame, model: str) -> pl.DataFrame:
    return frame.filter(pl.col("model").is_null() | (pl.col("model") == model)) if "model" in frame.columns else frame


def model_check(model: str, frame: pl.DataFrame, wanted: pl.Series, told: dict[str, object]) -> Check:
    """The check of the rows of a model that is asked of some people only: as many as the report says."""
    known = frame["customer_id"].cast(wanted.dtype) if "customer_id" in frame.columns else wanted.clear()
    seen = {
        "status": told["status"],
        "rows_untold": frame.height - int(str(told["rows"])),
        "not_asked_for": len(known) - known.is_in(wanted.implode()).sum(),
    }
    rules = (
        _in("status", STATUSES, f"the report's status is one of {', '.join(STATUSES)}"),
        _in("rows_untold", [0], "there are as many rows as the report says"),
        _in("not_asked_for", [0], "everybody scored is among the features to score"),
    )
    return Check(f"{SUITE}_{model}", pd.DataFrame([seen]), rules)


def totals_check(table: str, frame: pl.DataFrame, wanted: pl.Series, status: str) -> Check:
    """The check of a score file as a whole: a one-row frame of its shape and whom it covers."""
    scored = frame["customer_id"].drop_nulls().unique() if "customer_id" in frame.columns else wanted.clear()
    scored = scored.cast(wanted.dtype)
    seen = {
        "columns": ", ".join(f"{name} {kind}" for name, kind in frame.schema.items()),
        "rows": frame.height,
        "status": status,
        "without_score": len(wanted) - wanted.is_in(scored.implode()).sum(),
        "not_asked_for": len(scored) - scored.is_in(wanted.implode()).sum(),
    }
    expected = ", ".join(f"{name} {kind}" for name, kind in COLUMNS[table].items())
    statuses = STATUSES + (["no_structure"] if table == "clusters" else [])
    rules = [
        _in("columns", [expected], "columns and types are as specified"),
        _in("status", statuses, f"the report's status is one of {', '.join(statuses)}"),
        _in("not_asked_for", [0], "everybody scored is among the features to score"),
    ]
    full = _in("without_score", [0], "everybody to score is scored, for the report says ok")
    empty = _in("rows", [0], "there are no rows, for the report says there was too little data or structure")
    return Check(f"{SUITE}_{table}_totals", pd.DataFrame([seen]), (*rules, full if status == "ok" else empty))


def reasons_check(frame: pl.DataFrame, names: list[str]) -> Check:
    """The check that reasons are names of features, and never a value of somebody's."""
    told = frame["reasons"].explode().drop_nulls().cast(pl.String)
    seen = {"unknown_reasons": len(told) - int(told.is_in(names).sum())}
    rules = (_in("unknown_reasons", [0], "reasons are names of features"),)
    return Check(f"{SUITE}_propensity_reasons", pd.DataFrame([seen]), rules)


def rows_check(table: str, frame: pl.DataFrame) -> Check:
    """The check of every row of a score file; rules are left out for columns that are missing.

    That a column is missing fails the file's totals.
    """
    rules = [
        Rule("ExpectColumnValuesToNotBeNull", {"column": name}, f"{name} is not null")
        for name in COLUMNS[table]
        if name not in OPTIONAL
    ] + RULES[table]()
    kept = [rule for rule in rules if _needs(rule) <= set(frame.columns)]
    cells = pd.DataFrame({name: frame[name].to_numpy() for name in frame.columns if name in COLUMNS[table]})
    return Check(f"{SUITE}_{table}", cells, tuple(kept))


def _propensity_rules() -> list[Rule]:
    between = {"column": "probability", "min_value": 0.0, "max_value": 1.0}
    once = {"column_list": ["customer_id", "model"]}
    value = {"column": "expected_value_amount", "min_value": 0.0}
    known = [*MODELS["propensity"], *(one.model for one in lookalikes.declared())]
    return [
        Rule("ExpectColumnValuesToBeBetween", between, "probability is between 0 and 1"),
        Rule("ExpectColumnValuesToBeBetween", value, "expected_value_amount is 0 or more"),
        _in("tier", TIERS, f"tier is one of {', '.join(TIERS)}"),
        _in("model", known, f"model is one of {', '.join(known)}"),
        Rule("ExpectCompoundColumnsToBeUnique", once, "customer_id and model occur once together"),
    ]


def _cluster_rules() -> list[Rule]:
    return [
        Rule("ExpectColumnValuesToBeUnique", {"column": "customer_id"}, "customer_id occurs once"),
        # -1 is whom a method by density leaves in no group
        Rule("ExpectColumnValuesToBeBetween", {"column": "cluster", "min_value": -1}, "cluster is -1 or more"),
    ]


def _lifetime_rules() -> list[Rule]:
    never_below = ["expected_orders", "value_amount", "value_low_amount"]
    alive = {"column": "p_alive", "min_value": 0.0, "max_value": 1.0}
    bounds = {
        "column_A": "value_high_amount",
        "column_B": "value_low_amount",
        "or_equal": True,
        "ignore_row_if": "either_value_is_missing",
    }
    return [
        Rule("ExpectColumnValuesToBeUnique", {"column": "customer_id"}, "customer_id occurs once"),
        Rule("ExpectColumnValuesToBeBetween", alive, "p_alive is between 0 and 1"),
        *(
            Rule("ExpectColumnValuesToBeBetween", {"column": name, "min_value": 0.0}, f"{name} is 0 or more")
            for name in never_below
        ),
        Rule("ExpectColumnPairValuesAToBeGreaterThanB", bounds, "value_high_amount is no less than value_low_amount"),
        _in("model", list(MODELS["lifetime"]), "model is lifetime"),
    ]


RULES = {"propensity": _propensity_rules, "clusters": _cluster_rules, "lifetime": _lifetime_rules}


def _in(column: str, allowed: list[object] | list[str] | list[int], says: str) -> Rule:
    return Rule("ExpectColumnValuesToBeInSet", {"column": column, "value_set": allowed}, says)


def _needs(rule: Rule) -> set[str]:
    if "column" in rule.arguments:
        return {str(rule.arguments["column"])}
    if "column_A" in rule.arguments:
        return {str(rule.arguments["column_A"]), str(rule.arguments["column_B"])}
    columns = rule.arguments["column_list"]
    return set(columns) if isinstance(columns, list) else set()
