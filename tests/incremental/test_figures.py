"""What people come to is what a plain program finds in the same rows: a thousand histories, in steps and at once."""

from functools import cache

import pytest

from tests.incremental.facts import Exports
from tests.incremental.figures import Figures, expected, found
from tests.incremental.histories import CORRECTED_IN, MOMENTS, corrected, generate
from tests.incremental.test_histories import at_once, in_steps, models
from tests.incremental.warehouse import Node, Warehouse
from tests.pipeline.oracle import RULES

__all__ = ["models"]
LAST = len(MOMENTS)
# three carts or eleven products in an app are more than a small history holds; the exports on the boundaries have them
RARE = {"frequent_cart_abandoners", "northern_app_browsers"}


@cache
def _exports(count: int, seed: int) -> Exports:
    return corrected(generate(count, seed), seed)


@cache
def _expected(count: int, seed: int, batch: int = LAST) -> Figures:
    return expected(_exports(count, seed), MOMENTS[batch - 1], batch)


def test_a_thousand_histories_are_the_oracles_in_steps_and_at_once(models: list[Node]) -> None:
    wanted = _expected(1000, 1)
    for warehouse in (in_steps(models, _exports(1000, 1)), at_once(models, _exports(1000, 1))):
        assert found(warehouse.connection).differences(wanted) == []


def test_the_histories_have_somebody_for_each_answer() -> None:
    wanted = _expected(1000, 1)
    states = {(row["state"], row["journey_stage"]) for row in wanted.customers.values()}
    assert {state for state, _ in states} == {"browsing", "considering", "customer", "loyal", "lapsed"}
    assert {stage for _, stage in states} == {"browsing", "cart_abandoned", "post_purchase"}
    members = {name: sum(segment == name for segment, _ in wanted.memberships) for name in RULES}
    assert [name for name, size in members.items() if size < 2 and name not in RARE] == []
    assert set(wanted.consents.values()) == {True, False}


def test_three_hundred_histories_are_the_oracles_at_every_moment(models: list[Node]) -> None:
    warehouse = Warehouse.of(models, _exports(300, 2))
    for batch, moment in enumerate(MOMENTS, 1):
        warehouse.run(batch, moment)
        assert warehouse.control.is_full == (batch in {1, CORRECTED_IN})
        assert found(warehouse.connection).differences(_expected(300, 2, batch)) == []


_AS_OF = '(select as_of from "memory"."ops"."control")'
# model → SQL, and what it is replaced by
FAULTS = {
    "half an hour already parts": ("sessions", "> interval 30 minute", ">= interval 30 minute"),
    "a visit begins at its last page": ("sessions", "arg_min(page", "arg_max(page"),
    "two events are a bounce": ("sessions", "sum(events_count) = 1 as", "sum(events_count) <= 2 as"),
    "the last campaign counts": ("sessions", "filter (where utm_source", "filter (where utm_medium"),
    "the thirtieth day still counts": (
        "customer_activity",
        f"(where occurred_at > {_AS_OF} - interval 30 day)",
        f"(where occurred_at >= {_AS_OF} - interval 30 day)",
    ),
    "a cart just made is left behind": (
        "customers",
        f"and last_cart_at <= {_AS_OF} - interval 1 hour",
        f"and last_cart_at < {_AS_OF} - interval 1 hour",
    ),
    "ninety days ago is lapsed": ("customers", "last_ordered_at < (", "last_ordered_at <= ("),
    "a buyer of two is loyal": ("customers", "orders_count >= 3", "orders_count >= 2"),
    "a year ago is within the year": ("customers", "ordered_at > (", "ordered_at >= ("),
    "the contact updated first speaks": ("customers", "contacts.updated_at desc", "contacts.updated_at asc"),
    "returns are revenue": ("customer_orders", "orders.status = 'completed' as", "true as"),
    "what came first of an order holds": ("stg_shop__orders", "order by arrival desc", "order by arrival asc"),
    "who was new last week": ("new_visitors", "first_seen_at > (", "first_seen_at >= ("),
    "ten minutes are nine": ("category_enthusiast", "interval 10 minute", "interval 599 second"),
    "ten minutes and a second": ("high_engagement", "interval 10 minute", "interval 601 second"),
    "five o'clock is not evening": (
        "northern_evening_app_readers",
        "extract('hour' from occurred_at) >=",
        "extract('hour' from occurred_at) >",
    ),
    "two orders may be price sensitive": ("price_sensitive", "orders_count >= ", "orders_count + 1 >= "),
    "the first word on a permission counts": ("customer_consents", "recorded_at desc", "recorded_at asc"),
    "yes wins at the same moment": ("customer_consents", "is_granted asc", "is_granted desc"),
    "nobody unsubscribes": ("stg_email__consents", "'unsubscribed'", "'none'"),
    "a bot is interested": ("event_interests", " and not touched_events.is_bot", ""),
    "half as long a half-life": ("event_interests", "/ 86400.0 / signals.half", "/ 43200.0 / signals.half"),
    "a day more is remembered": ("customer_habits", "interval 90 day", "interval 91 day"),
    "the ninetieth day is forgotten": ("customer_habits", "block_at >=", "block_at >"),
    "the day begins in the middle": ("event_blocks", "interval 6 hour", "interval 12 hour"),
    "Friday is of the weekend": ("customer_habits", "from block_at) >= 6", "from block_at) >= 5"),
    "the device of fewest events": (
        "customer_habits",
        "order by events_count desc",
        "order by events_count asc",
    ),
    "favourites share with themselves alone": (
        "customer_favourites",
        "over (partition by customer_id, dimension) as",
        "over () as",
    ),
    "the fourth is a favourite": ("customer_favourites", "rank <= 3", "rank <= 4"),
    "one order is enough to be sensitive": ("customer_prices", "orders_count >= 2", "orders_count >= 1"),
    "what costs the same is cheaper": ("customer_prices", "category, price_amount) / 2", "category, price_amount)"),
    "a refusal opts in": (
        "customer_relationship",
        "bool_or(is_granted and purpose = 'marketing",
        "bool_or(purpose = 'marketing",
    ),
    "a cancelled order was returned": ("customers", "where status = 'returned'", "where not is_revenue"),
    "thirty days ago is within thirty days": (
        "customer_messages",
        "count(*) filter (where sent_at >",
        "count(*) filter (where sent_at >=",
    ),
    "a bounce is unopened": ("customer_messages", "having not bool_or(event_type = 'bounced')", ""),
    "closing solves": ("stg_support__tickets", "min(renamed.updated_at)", "max(renamed.updated_at)"),
    "solved a year ago is within the year": ("customer_tickets", "solved_at > (", "solved_at >= ("),
    "what was returned is of interest": ("interests", "where customer_orders.is_revenue", ""),
}


@pytest.mark.slow
@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_in_what_people_come_to_is_noticed(models: list[Node], fault: str) -> None:
    model, old, new = FAULTS[fault]
    warehouse = Warehouse.of(models, _exports(1000, 1), **{model: (old, new)})
    warehouse.run(LAST, MOMENTS[-1])
    assert found(warehouse.connection).differences(_expected(1000, 1)) != []
