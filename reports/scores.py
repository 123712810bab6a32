"""Whether the scores can be trusted: calibration and gains on a later fortnight, tiers, groups."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

from reports import charts, clusters
from reports.material import Material, Row
from reports.section import Part, Section

_METRICS = {
    "roc_auc": "ranks a buyer above another (ROC-AUC; 0.5 is chance)",
    "average_precision": "average precision (chance: the share of buyers)",
    "top_decile_lift": "buyers in the best tenth, as a multiple of the average",
    "ece": "gap between promised and true rate (0 is best)",
    "base_rate": "share of buyers",
}
_TIERS = {"high": charts.GREEN, "medium": charts.AMBER, "low": charts.GREY}
Bin = dict[str, float]


@dataclass(frozen=True)
class _Words:
    """How the curves of a model are called, and what they tell of."""

    calibration: str
    gains: str
    promises: str
    finds: str
    true: str  # what those with the label did
    true_of: str
    kind: str


_WORDS = {
    "purchase": _Words(
        "calibration", "gains", "Do promises hold?", "Does it find the buyers?", "bought", "to buy", "buyers"
    ),
    "churn": _Words(
        "calibration_churn", "gains_churn", "Churn: do promises hold?", "Churn: does it find who falls silent?",
        "fell silent", "to fall silent", "the silent",
    ),
}  # fmt: skip


def section(run: Material) -> Section:
    """The section about the models whose scores the version holds."""
    question = "Can the scores be trusted?"
    models = _models(run)
    if not models:
        return Section(question, "No scores have passed their gate yet.")
    purchase, groups = models.get("purchase", {}), models.get("clusters", {})
    told = [_told(run, "purchase", purchase), _told(run, "groups", groups), *purchase.get("warnings", [])]
    curves = (*_curves(run, "purchase", purchase), *_curves(run, "churn", models.get("churn", {})))
    parts = (*curves, _figures(purchase), _tiers(run), *clusters.parts(run, groups))
    return Section(question, " ".join(told), parts)


def _models(run: Material) -> dict[str, Row]:
    control = run.query("select scores_run_id from ops.control")
    path = run.settings.scores / str(control[0]["scores_run_id"] if control else "") / "report.json"
    found: dict[str, Row] = json.loads(path.read_text())["models"] if path.is_file() else {}
    return found


def _told(run: Material, name: str, model: Row) -> str:
    if model.get("status") == "ok":
        return f"{name.capitalize()}: {run.floor.words(model['rows'])} people scored."
    return f"{name.capitalize()}: none, {run.floor.message(str(model.get('reason') or 'not fitted'))}."


def _curves(run: Material, name: str, model: Row) -> tuple[Part, Part]:
    words, path = _WORDS[name], run.settings.models / name / str(model.get("version"))
    path /= "curves.json"
    found: dict[str, list[Bin]] = json.loads(path.read_text()) if path.is_file() else {}
    told = {name: _merged(bins, run.floor.people) for name, bins in found.items()}
    if not told or len(told["model"]) < 2:  # noqa: PLR2004  # a curve needs two points
        none = "No curves are kept with these scores."
        return Part(words.calibration, words.promises, none), Part(words.gains, words.finds, none)
    return _calibration(told, words), _gains(told, words)


def _merged(bins: Sequence[Bin], fewest: int) -> list[Bin]:
    """Neighbours together until each has enough people for a rate to be told; what is left over joins the last."""
    groups: list[list[Bin]] = [[]]
    for one in bins:
        if sum(part["rows"] for part in groups[-1]) >= fewest:
            groups.append([])
        groups[-1].append(one)
    if len(groups) > 1 and sum(part["rows"] for part in groups[-1]) < fewest:
        last = groups.pop()
        groups[-1] += last
    return [_mean(group) for group in groups]


def _mean(group: list[Bin]) -> Bin:
    rows = sum(one["rows"] for one in group)
    rates = {name: sum(one[name] * one["rows"] for one in group) / rows for name in ("predicted", "observed")}
    return {"rows": rows, **rates}


def _percent(share: float) -> str:
    return f"{share:.0%}"


def _calibration(told: dict[str, list[Bin]], of: _Words) -> Part:
    points = [(round(one["predicted"], 3), round(one["observed"], 2)) for one in told["model"]]
    rows = tuple(
        (number, _percent(one["predicted"]), _percent(one["observed"]))
        for number, one in enumerate(told["model"], start=1)
    )
    words = (
        f"Customers of a later fortnight in groups of equal size, from the least to the most likely {of.true_of}: "
        f"the rate that the model promised, and the rate at which they {of.true}. On the dotted line both are the same."
    )
    figure = charts.lines({"model": points}, ("promised", of.true), percent=True, diagonal="as good as its word")
    return Part(of.calibration, of.promises, words, ("group", "promised", of.true), rows, figure)


def _gains(told: dict[str, list[Bin]], of: _Words) -> Part:
    curves = {words: _cumulated(told[name]) for name, words in _CURVES.items() if name in told}
    rows = tuple(
        (name, _percent(people), _percent(buyers)) for name, points in curves.items() for people, buyers in points[1:]
    )
    words = f"Of the customers ranked highest, how many of all {of.kind} are among them; steeper at the left is better."
    figure = charts.lines(curves, ("share of customers", f"share of {of.kind}"), percent=True, diagonal="at random")
    columns = ("ranked by", "share of customers", f"share of {of.kind}")
    return Part(of.gains, of.finds, words, columns, rows, figure)


_CURVES = {"model": "model", "baseline": "recency and frequency alone"}


def _cumulated(bins: Sequence[Bin]) -> list[tuple[float, float]]:
    best = list(reversed(bins))
    people = list(accumulate(one["rows"] for one in best))
    buyers = list(accumulate(one["rows"] * one["observed"] for one in best))
    return [
        (0.0, 0.0),
        *((round(p / people[-1], 2), round(b / (buyers[-1] or 1), 2)) for p, b in zip(people, buyers, strict=True)),
    ]


def _figures(model: Row) -> Part:
    metrics: dict[str, Any] = model.get("metrics", {})
    own, plain = metrics.get("model", {}), metrics.get("baseline", {})
    rows = tuple((words, own[name], plain.get(name)) for name, words in _METRICS.items() if name in own)
    words = (
        "On the latest fortnight whose end is known, which the model has not seen." if rows else "No model was judged."
    )
    columns = ("figure", "model", "recency and frequency alone")
    return Part("figures", "How good is it in figures?", words, columns, rows)


def _tiers(run: Material) -> Part:
    found = {
        row["tier"]: row["people"]
        for row in run.query(
            "select tier, count(*) as people from scores.propensity where model = 'purchase' group by 1"
        )
    }
    rows = tuple((tier, run.floor.words(found[tier])) for tier in _TIERS if tier in found)
    values = [run.floor.told(found[tier]) for tier, _ in rows]
    figure = charts.bars(
        [row[0] for row in rows], {"people": (charts.BLUE, values, [row[1] for row in rows])}, "people"
    )
    words = "People by how much is to be expected of them within a fortnight." if rows else "Nobody is scored."
    return Part("tiers", "Of whom is most to be expected?", words, ("tier", "people"), rows, figure if rows else None)
