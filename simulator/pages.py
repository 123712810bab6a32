"""Every page an event can be on, written out once as the JSON that its events share."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from simulator import words
from simulator.catalog import PRODUCTS, Catalog

CATEGORY_PAGE = len(words.PAGES)
PRODUCT_PAGE = CATEGORY_PAGE + len(words.CATEGORIES)
CART_PAGE = PRODUCT_PAGE + PRODUCTS
PURCHASE_PAGE = CART_PAGE + PRODUCTS
SEARCH_PAGE = PURCHASE_PAGE + 1


@dataclass(frozen=True)
class Pages:
    """Members of an event's JSON by page number, in the order of the constants above; `searches` is how many."""

    members: pl.Series
    searches: int


def make_pages(catalog: Catalog) -> Pages:
    """Write out the pages: type, URL, and product, category or query where they apply."""
    categories = [c[0] for c in words.CATEGORIES]
    of_product = [categories[c] for c in catalog.category.tolist()]
    queries = [*words.SEARCHES, *categories, *(thing for c in words.CATEGORIES for thing in c[2])]
    pages = [_page("page_view", path) for path in words.PAGES]
    pages += [_page("page_view", f"/c/{name}", category=name) for name in categories]
    for event_type in ("product_view", "add_to_cart"):
        pages += [
            _page(event_type, f"/p/{product}", product_id=product, category=category)
            for product, category in zip(catalog.ids, of_product, strict=True)
        ]
    pages.append(_page("purchase", "/checkout/thanks"))
    pages += [_page("search", f"/search?q={q.replace(' ', '+')}", search_query=q) for q in queries]
    return Pages(members=pl.Series(pages), searches=len(queries))


def _page(event_type: str, path: str, **more: str) -> str:
    return members({"event_type": event_type, "url": words.SITE + path} | more)


def members(fields: Mapping[str, str | bool]) -> str:
    """The members of a JSON object, each after a comma."""
    return "," + json.dumps(fields, separators=(",", ":"))[1:-1]
