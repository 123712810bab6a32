"""What each propensity rests on, whether people have moved since it was fitted, and why this version counts."""

import json
from collections.abc import Mapping
from typing import Any

from reports import charts
from reports.material import Material, Row
from reports.section import Part, Section

_MODELS = {"purchase": "Purchase", "churn": "Churn", "affinity": "Category affinity"}
_FIGURES = {"roc_auc": "ROC-AUC", "average_precision": "average precision", "ece": "gap of promises"}
_FIGURES |= {"top_decile_lift": "best tenth, as a multiple", "base_rate": "rate among all"}
_MOST = 8


def section(run: Material) -> Section:
    """The section about the models behind the propensities of the version."""
    question, found = "What do the models rest on, and what has changed?", _reports(run)
    told = {name: model for name, model in found.items() if model.get("version")}
    if not told:
        return Section(question, "No model counts yet.")
    answer = " ".join(f"{_MODELS[name]}: {_changed(model)}" for name, model in found.items())
    cards = {name: _card(run, name, str(model["version"])) for name, model in told.items()}
    parts = [_champions(told, cards), *(_moves(name, card) for name, card in cards.items())]
    parts += [_groups(name, card) for name, card in cards.items()]
    return Section(question, answer, (*parts, _drift(told, _moved(run))))


def _folder(run: Material) -> Any:
    control = run.query("select scores_run_id from ops.control")
    return run.settings.scores / str(control[0]["scores_run_id"] if control else "")


def _reports(run: Material) -> dict[str, Row]:
    path = _folder(run) / "report.json"
    found = json.loads(path.read_text())["models"] if path.is_file() else {}
    return {name: found[name] for name in _MODELS if name in found}


def _moved(run: Material) -> dict[str, Any]:
    path = _folder(run) / "drift.json"
    found: dict[str, Any] = json.loads(path.read_text()) if path.is_file() else {}
    return found


def _card(run: Material, name: str, version: str) -> dict[str, Any]:
    path = run.settings.models / name / version / "card.json"
    found: dict[str, Any] = json.loads(path.read_text()) if path.is_file() else {}
    return found


def _changed(model: Row) -> str:
    """What the latest training came to; figures of it are in the table."""
    outcome = str((model.get("training") or {}).get("outcome") or "not trained")
    words = {
        "first": "the first that counts",
        "promoted": "a better one took its place in the latest training",
        "kept": "the latest training found none that is better beyond chance",
        "refused": "none beats the base rate",
        "unchanged": "unchanged, on the same data",
        "lacking": "too little data to fit another",
        "rolled back": "a person went back to the one before",
    }
    drifted = "; people have moved, it is trained again next" if model.get("retrain") else ""
    return f"{words.get(outcome, outcome)}{drifted}."


def _champions(told: Mapping[str, Row], cards: Mapping[str, Mapping[str, Any]]) -> Part:
    rows = tuple(
        (_MODELS[name], str(model["version"]), words, model["metrics"].get("model", {}).get(figure), sure)
        for name, model in told.items()
        for figure, words in _FIGURES.items()
        for sure in [_interval(cards[name].get("95 % intervals", {}).get(figure))]
    )
    words = (
        "The version that counts, and its figures on the fortnight that it was judged by, which it had not seen, "
        "with the interval that other people of that fortnight would leave it in, 95 times in 100."
    )
    return Part("champions", "Which model counts?", words, ("model", "version", "figure", "value", "95 %"), rows)


def _interval(found: Mapping[str, float] | None) -> str | None:
    return f"{found['lower']} to {found['upper']}" if found else None


def _moves(name: str, card: Mapping[str, Any]) -> Part:
    shares: dict[str, float] = card.get("what moves the score", {})
    best = sorted(shares, key=lambda one: (-shares[one], one))[:_MOST]
    rows = tuple((feature, f"{shares[feature]:.0%}") for feature in best)
    values = [round(shares[feature], 3) for feature in best]
    figure = charts.bars(best, {"share": (charts.BLUE, values, [row[1] for row in rows])}, "share") if best else None
    words = "How much each feature moves people's scores, in the mean (Shapley values)." if best else "Not told."
    return Part(f"moves_{name}", f"{_MODELS[name]}: what decides?", words, ("feature", "share"), rows, figure)


def _groups(name: str, card: Mapping[str, Any]) -> Part:
    found: dict[str, dict[str, float]] = card.get("groups", {})
    rows = tuple(
        (group, one["roc_auc"], one["ece"], f"{one['promised']:.0%}", f"{one['base_rate']:.0%}")
        for group, one in sorted(found.items())
    )
    words = "The same figures by group, where a group has a hundred people and more." if rows else "No group is told."
    columns = ("group", "ROC-AUC", "gap of promises", "promised", "came true")
    return Part(f"groups_{name}", f"{_MODELS[name]}: as good for everybody?", words, columns, rows)


def _drift(told: Mapping[str, Row], moved: Mapping[str, Any]) -> Part:
    rows = tuple(
        (_MODELS[name], feature, one["psi"], one["ks"])
        for name in told
        for feature, one in _furthest(moved.get(name, {}))
    )
    words = (
        "How far people are from those that the model has learnt from, the furthest first. "
        "PSI: below 0.1 is usual, above 0.25 far; where what decides is so far, the model is trained again."
    )
    columns = ("model", "feature", "PSI", "KS")
    return Part("drift", "Are people still as they were?", words if rows else "Not measured.", columns, rows)


def _furthest(found: Mapping[str, Any]) -> list[tuple[str, dict[str, float]]]:
    every = dict(found.get("features", {})) | ({"score": found["score"]} if found.get("score") else {})
    return sorted(every.items(), key=lambda one: (-one[1]["psi"], one[0]))[:_MOST]
