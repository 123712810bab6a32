"""What each person is shown, from docs/content.md: loops over the lines of the seeds, one person at a time."""

import csv
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import datetime, time, timedelta
from typing import Any

from tests.pipeline.home import Home
from warehouse.settings import CHECKOUT

Line = dict[str, str]
_SEEDS = CHECKOUT / "dbt_project" / "seeds"
_SENT = """
select destination, channel, customer_id, list(segment_id) from activation.activated_memberships
where is_sendable and has_consent and arm = 'treated' group by all"""
_PEOPLE = """
select customer_id, journey_stage as stage, region, primary_device_class, favourite_category, favourite_brand,
    loyalty_tier
from profiles.customers"""
_PRODUCTS = "select customer_id, list(product_id order by rank) from scores.recommendations group by 1"
_NAMES = ("stage", "region", "primary_device_class", "favourite_category", "favourite_brand", "loyalty_tier")
Shown = dict[tuple[str, str, str], dict[str, Any]]


def shown(home: Home, version: str) -> Shown:
    """Destination, channel and person → payload, as the published profile and segments of that version make it."""
    [(as_of,)] = home.query("select as_of from ops.control", version)
    people = {row[0]: dict(zip(_NAMES, row[1:], strict=True)) for row in home.query(_PEOPLE, version)}
    matrix = defaultdict[str, list[Line]](list)
    for row in _lines("content_matrix"):
        matrix[row["channel"]].append(row)
    blocks = {block["block_id"]: block for block in _lines("content_blocks")}
    tokens = {token["token"]: token for token in _lines("content_tokens")}
    products = dict(home.query(_PRODUCTS, version))
    return {
        (destination, channel, one): _payload(matrix[channel], blocks, tokens, people[one], set(segments), as_of)
        | ({"products": products[one]} if one in products else {})
        for destination, channel, one, segments in home.query(_SENT, version)
    }


def _lines(name: str) -> list[Line]:
    with (_SEEDS / f"{name}.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def _payload(
    matrix: list[Line],
    blocks: Mapping[str, Line],
    tokens: Mapping[str, Line],
    person: Mapping[str, str | None],
    segments: set[str],
    as_of: datetime,
) -> dict[str, Any]:
    rows = sorted((row for row in matrix if _fits(row, person, segments, as_of)), key=_order)
    tried = list[Line]()
    for row in rows:
        tried.append(row)
        if not (row["hours"] or row["devices"] or row["valid_to"]):
            break
    texts = [
        blocks[row[kind]]["template"] for row in tried for kind in ("block_id", "offer_id", "message_id") if row[kind]
    ]
    asked = {name for text in texts for name in re.findall(r"{(\w+)}", text)}
    told = {name: person[tokens[name]["attribute"]] or tokens[name]["default_text"] for name in asked}
    return {"stage": person["stage"], "tokens": told, "variants": [dict(_variant(row, blocks)) for row in tried]}


def _fits(row: Line, person: Mapping[str, str | None], segments: set[str], as_of: datetime) -> bool:
    midnight = [datetime.combine(datetime.fromisoformat(day), time()) if day else None for day in _days(row)]
    return (
        row["segment"] in {"*", *segments}
        and row["stage"] in ("*", person["stage"])
        and (not row["regions"] or person["region"] in row["regions"].split("|"))
        and (not row["usual_devices"] or person["primary_device_class"] in row["usual_devices"].split("|"))
        and (midnight[0] is None or as_of >= midnight[0])
        and (midnight[1] is None or as_of < midnight[1] + timedelta(days=1))
    )


def _days(row: Line) -> tuple[str, str]:
    return row["valid_from"], row["valid_to"]


def _order(row: Line) -> tuple[int, int, str]:
    named = [row["segment"] != "*", row["stage"] != "*", any(_days(row))]
    named += [bool(row[name]) for name in ("regions", "usual_devices", "hours", "devices")]
    return -sum(named), int(row["priority"]), row["row_id"]


def _variant(row: Line, blocks: Mapping[str, Line]) -> Iterator[tuple[str, Any]]:
    yield "row", row["row_id"]
    yield "strategy", blocks[row["block_id"]]["strategy"]
    yield from ((kind, row[f"{kind}_id"]) for kind in ("block", "offer", "message") if row[f"{kind}_id"])
    when: dict[str, Any] = {}
    if row["hours"]:
        when["hours"] = [int(hour) for hour in row["hours"].split("-")]
    if row["devices"]:
        when["devices"] = row["devices"].split("|")
    if row["valid_to"]:
        when["until"] = f"{datetime.fromisoformat(row['valid_to']) + timedelta(days=1):%Y-%m-%dT%H:%M:%SZ}"
    yield "when", when
