"""Name each cluster by what sets it apart most, so that a marketer can read it."""

from collections.abc import Sequence

from models_ml.features import Matrix

# feature: name when it is high, name when it is low, name when most of the group has no value at all
NAMES = {
    "recency_days": ("lapsed buyers", "recent buyers", "yet to buy"),
    "days_since_last_event": ("dormant visitors", "recent visitors", "never seen on the web"),
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
_MOSTLY = 0.5


def name(names: Sequence[str], z: Matrix, null_share: Matrix) -> list[str]:
    """A name for each cluster, no two alike.

    The strongest difference anywhere is named first, and a name once given is taken.

    Args:
        names: the features, in the order of the columns.
        z: how far each cluster lies from everybody, in standard deviations; shape (clusters, features).
        null_share: share of each cluster without a value, same shape.
    """
    order = sorted(
        ((-abs(float(z[c, f])), c, f) for c in range(len(z)) for f in range(len(names)) if names[f] in NAMES),
    )
    given: dict[int, str] = {}
    for _, cluster, feature in order:
        word = _word(names[feature], float(z[cluster, feature]), float(null_share[cluster, feature]))
        if cluster not in given and word not in given.values():
            given[cluster] = word
    return [given.get(cluster, f"group {cluster}") for cluster in range(len(z))]


def _word(feature: str, z: float, null_share: float) -> str:
    high, low, absent = NAMES[feature]
    if absent and z > 0 and null_share > _MOSTLY:
        return absent
    return high if z > 0 else low
