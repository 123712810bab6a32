"""What the page says of recommendations: by whom they were found, beside what is popular, and to whom the head goes."""

import json
from pathlib import Path

import duckdb
import pytest
from pydantic import SecretStr

from reports import recommendations
from reports.material import Material
from reports.section import Part, Section
from warehouse.floor import Floor
from warehouse.settings import Settings

LISTS = {"recall_at_20": 0.2, "ndcg_at_20": 0.15, "coverage_at_10": 0.9, "diversity_at_10": 0.6}
POPULAR = {"recall_at_20": 0.1, "ndcg_at_20": 0.05, "coverage_at_10": 0.02, "diversity_at_10": 0.9}
BESIDE = {"ndcg_at_20_gain": 0.1, "low": 0.08, "high": 0.12, "verdict": "better"}
OK = {
    "status": "ok",
    "rows": 145,
    "version": "v1",
    "metrics": {"lists": LISTS, "popularity": POPULAR, "lists_beside_popularity": BESIDE},
    "warnings": [],
}
AUDITED = {
    "products_recommended": 0.75,
    "share_of_the_head": 0.41,
    "gini_of_products": 0.6,
    "people_with_a_full_list": 1.0,
    "share_of_the_head_by_state": {"loyal": 0.3},
    "share_of_the_head_by_region": {"Fife": 0.5},
}


def told(home: Path, model: dict | None) -> Section:
    settings = Settings(
        home=home, hmac_key=SecretStr("ab" * 32), namespace=SecretStr("6f3c1a52-6f0e-4d5e-9d54-2f6d8f2b7a10")
    )
    for path, found in {
        settings.scores / "night" / "report.json": {"models": {"recommendations": model} if model else {}},
        settings.models / "recommendations" / "v1" / "card.json": {"popularity_and_fairness": AUDITED},
    }.items():
        path.parent.mkdir(parents=True)
        path.write_text(json.dumps(found))
    with duckdb.connect() as connection:
        connection.execute("create schema ops; create schema scores")
        connection.execute("create table ops.control as select 'night' as scores_run_id")
        connection.execute(
            "create table scores.recommendations as"
            " select if(range < 125, 'personal', 'popular') as strategy, 1 + range // 145 as rank from range(290)"
        )
        return recommendations.section(Material(settings, "hour", (), None, connection, Floor(20)))


def part(section: Section, name: str) -> Part:
    return next(one for one in section.parts if one.name == name)


def test_people_are_told_in_whole_floors_by_how_their_first_product_was_found(tmp_path: Path):
    section = told(tmp_path, OK)
    assert part(section, "strategies").rows == (("personal", "120"), ("popular", "20"))
    assert section.answer.startswith("140 people have a list. On a later fortnight the lists are better than")
    assert "+0.080 to +0.120" in section.answer


def test_figures_stand_beside_those_of_what_is_popular(tmp_path: Path):
    section = told(tmp_path, OK)
    assert [row[1:] for row in part(section, "recommended").rows] == [(0.2, 0.1), (0.15, 0.05), (0.9, 0.02), (0.6, 0.9)]
    assert [row[1] for row in part(section, "spread").rows] == ["75%", "41%", "60%", "100%"]
    assert part(section, "head").rows == (("state: loyal", "30%"), ("region: Fife", "50%"))


def test_a_tie_is_called_one(tmp_path: Path):
    metrics = OK["metrics"] | {"lists_beside_popularity": BESIDE | {"low": -0.01, "verdict": "a tie"}}
    warned = OK | {"metrics": metrics, "warnings": ["the lists are a tie beside popularity"]}
    assert "no surer than what is popular" in told(tmp_path, warned).answer


@pytest.mark.parametrize(
    ("model", "answer"),
    [
        (None, "No recommendations have passed their gate yet."),
        ({"status": "too_little_data", "reason": "487 people did nothing"}, "Nothing: 480 people did nothing."),
    ],
)
def test_where_there_is_nothing_it_says_why(tmp_path: Path, model: dict | None, answer: str):
    assert told(tmp_path, model).answer == answer
