"""What people are recommended: how it was found, whether it beats what is popular, and whether it is all the same."""

import json
from typing import Any

from reports import charts
from reports.material import Material, Row
from reports.section import Part, Section

_FIGURES = {
    "recall_at_20": "of what people turned to, the share among their first 20",
    "ndcg_at_20": "the same, the higher up the better (ndcg; 1 is best)",
    "coverage_at_10": "products that stand in anybody's first 10",
    "diversity_at_10": "how unlike the first 10 are (1: nothing in common)",
}
_SPREAD = {
    "products_recommended": "products on sale that are recommended to anybody",
    "share_of_the_head": "of all recommendations, those of the tenth that is most popular",
    "gini_of_products": "how unevenly products are recommended (Gini; 0% is evenly)",
    "people_with_a_full_list": "people with a full list of ten",
}


def section(run: Material) -> Section:
    """The section about the recommendations that the version holds."""
    question = "What is recommended?"
    model = _model(run)
    if not model:
        return Section(question, "No recommendations have passed their gate yet.")
    if model["status"] != "ok":
        return Section(question, f"Nothing: {run.floor.message(str(model['reason']))}.")
    told = [f"{run.floor.words(model['rows'])} people have a list.", _beside(model), *model.get("warnings", [])]
    return Section(question, " ".join(told), (_strategies(run), _figures(model), *_spread(run, model)))


def _model(run: Material) -> Row:
    control = run.query("select scores_run_id from ops.control")
    path = run.settings.scores / str(control[0]["scores_run_id"] if control else "") / "report.json"
    models: dict[str, Row] = json.loads(path.read_text())["models"] if path.is_file() else {}
    return models.get("recommendations", {})


def _beside(model: Row) -> str:
    beside = model["metrics"]["lists_beside_popularity"]
    words = {"better": "better than", "worse": "worse than", "a tie": "no surer than"}[beside["verdict"]]
    interval = f"{beside['low']:+.3f} to {beside['high']:+.3f}"
    return f"On a later fortnight the lists are {words} what is popular: {interval} of ndcg."


def _strategies(run: Material) -> Part:
    query = (
        "select strategy, count(*) as people from scores.recommendations where rank = 1 group by 1 order by 2 desc, 1"
    )
    found = run.query(query)
    rows = tuple((row["strategy"], run.floor.words(row["people"])) for row in found)
    values = [run.floor.told(row["people"]) for row in found]
    figure = charts.bars(
        [row[0] for row in rows], {"people": (charts.BLUE, values, [row[1] for row in rows])}, "people"
    )
    words = "People by how the first product of their list was found." if rows else "Nobody has a list."
    return Part("strategies", "How is it found?", words, ("strategy", "people"), rows, figure if rows else None)


def _figures(model: Row) -> Part:
    metrics: dict[str, Any] = model["metrics"]
    lists, popular = metrics["lists"], metrics["popularity"]
    rows = tuple((words, lists[name], popular[name]) for name, words in _FIGURES.items())
    words = "On the latest fortnight, of products that people had not seen before, over all products."
    return Part("recommended", "How good is it in figures?", words, ("figure", "lists", "what is popular"), rows)


def _spread(run: Material, model: Row) -> tuple[Part, Part]:
    path = run.settings.models / "recommendations" / str(model["version"]) / "card.json"
    found: dict[str, Any] = json.loads(path.read_text())["popularity_and_fairness"] if path.is_file() else {}
    rows = tuple((words, f"{found[name]:.0%}") for name, words in _SPREAD.items() if name in found)
    groups = tuple(
        (f"{kind}: {name}", f"{share:.0%}")
        for kind in ("state", "region")
        for name, share in found.get(f"share_of_the_head_by_{kind}", {}).items()
    )
    none = "No card is kept with these recommendations."
    spread = Part("spread", "Is it all the same?", "" if rows else none, ("figure", "share"), rows)
    words = "Of the recommendations of each group, those of the tenth of the products that is most popular."
    return spread, Part("head", "Who is shown what is popular?", words if groups else none, ("group", "share"), groups)
