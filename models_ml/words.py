"""What features are called when they set people apart: a name for more, for less and for no value, and a sentence."""

import math

AVERAGE = "average customers"
# feature: name when it is high, name when it is low, name when most of the group has no value at all
NAMES = {
    "recency_days": ("lapsed buyers", "recent buyers", "yet to buy"),
    "days_since_last_event": ("dormant visitors", "recent visitors", "not seen of late"),
    "orders_90d_count": ("active buyers", "quiet this quarter", None),
    "orders_count": ("frequent buyers", "few orders", None),
    "spend_90d_amount": ("big spenders this quarter", "low spend this quarter", None),
    "spend_total_amount": ("big spenders", "small spenders", None),
    "mean_order_amount": ("big baskets", "small baskets", None),
    "sessions_28d_count": ("frequent visitors", "rare visitors", None),
    "product_views_28d_count": ("browsers", "few product views", None),
    "carts_28d_count": ("cart fillers", "empty carts", None),
    "searches_28d_count": ("searchers", "rare searchers", None),
    "categories_28d_count": ("explorers", "narrow interests", None),
    "cancellations_count": ("frequent cancellers", "rare cancellers", None),
    "tenure_days": ("long-standing customers", "newcomers", None),
}
# what a name for no value says already: these features are low for it, and say nothing more
IMPLIED = {
    "yet to buy": {"orders_count", "orders_90d_count", "spend_total_amount", "spend_90d_amount", "mean_order_amount"},
    "not seen of late": {
        *("sessions_28d_count", "product_views_28d_count", "carts_28d_count", "searches_28d_count"),
        "categories_28d_count",
    },
}
# how a difference is said: many times as much, more, less, half as much, next to nothing
_OFTEN = (
    *("{does} {times} as often as others", "{does} more often than others", "{does} less often than others"),
    *("{does} half as often as others", "rarely {does}"),
)
_MUCH = (
    *("{does} {times} as much as others", "{does} more than others", "{does} less than others"),
    *("{does} half as much as others", "{does} hardly anything"),
)
_MANY = (
    *("{does} {times} as many categories as others", "{does} more categories than others"),
    *(
        "{does} fewer categories than others",
        "{does} half as many categories as others",
        "{does} hardly any categories",
    ),
)
_AGO = (
    *("{does} {times} as long ago as others", "{does} longer ago than others", "{does} more recently than others"),
    *("{does} half as long ago as others", "{does} far more recently than others"),
)
_LONG = (
    *("{does} {times} as long as others", "{does} longer than others", "{does} for less time than others"),
    *("{does} half as long as others", "{does} for a short time only"),
)
# feature: how it is said, what the reader hears about only once, what people do, when
_SAID = {
    "orders_count": (_OFTEN, "order", "order", ""),
    "orders_90d_count": (_OFTEN, "order", "order", " this quarter"),
    "sessions_28d_count": (_OFTEN, "visit", "visit", ""),
    "product_views_28d_count": (_OFTEN, "browse", "browse", ""),
    "carts_28d_count": (_OFTEN, "cart", "fill a cart", ""),
    "searches_28d_count": (_OFTEN, "search", "search", ""),
    "cancellations_count": (_OFTEN, "cancel", "cancel", ""),
    "spend_total_amount": (_MUCH, "spend", "spend", ""),
    "spend_90d_amount": (_MUCH, "spend", "spend", " this quarter"),
    "mean_order_amount": (_MUCH, "basket", "spend", " an order"),
    "categories_28d_count": (_MANY, "categories", "look at", ""),
    "recency_days": (_AGO, "last order", "last ordered", ""),
    "days_since_last_event": (_AGO, "visit", "last came", ""),
    "tenure_days": (_LONG, "tenure", "have been customers", ""),
}
_NEVER = {
    "recency_days": ("order", "have not ordered yet"),
    "days_since_last_event": ("visit", "have not come of late"),
}
_TIMES = {2: "twice", 3: "three times", 4: "four times", 5: "five times", 6: "six times", 7: "seven times"}
_TIMES |= {8: "eight times", 9: "nine times", 10: "ten times"}
_TWICE, _ABOUT_HALF, _HARDLY = 1.75, (0.4, 0.6), 0.2


def phrase(feature: str, word: str, ratio: float) -> tuple[str, str]:
    """The theme of a difference, and how it is said.

    Args:
        feature: one that has names.
        word: which of its names the group has.
        ratio: the group's mean as a multiple of everybody else's; NaN where that says nothing.
    """
    high, _, absent = NAMES[feature]
    if word == absent:
        return _NEVER[feature]
    (times, more, less, half, hardly), theme, does, when = _SAID[feature]
    if word == high:
        said = times if ratio >= _TWICE else more
    else:
        said = hardly if ratio < _HARDLY else half if _ABOUT_HALF[0] <= ratio <= _ABOUT_HALF[1] else less
    return theme, said.format(does=does, times=_times(ratio)) + when


def _times(ratio: float) -> str:
    return _TIMES.get(round(ratio), "more than ten times") if math.isfinite(ratio) else "far more"
