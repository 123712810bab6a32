import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

# rows share keys, break the contract or repeat: what is loaded must not depend on how they were delivered
ROW = st.tuples(st.integers(0, 6), st.sampled_from(["completed", "lost"]))
DELIVERIES = st.lists(st.tuples(st.integers(0, 2), st.integers(1, 9), ROW), min_size=1, max_size=14)


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(deliveries=DELIVERIES)
def test_any_split_into_files_and_loads_gives_the_same_keys(
    desk_at: Callable[[Path], Any], deliveries: list[tuple[int, int, tuple[int, str]]]
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        desk = desk_at(Path(folder) / "split")
        rows_in = 0
        for load in range(3):
            for day in range(1, 10):
                rows = [row for at, on, row in deliveries if (at, on) == (load, day)]
                if rows:
                    orders = [desk.order(number, status=status) for number, status in rows]
                    desk.csv(f"load{load}/orders_2026-08-0{day}.csv", "shop_orders", orders)
            outcome = desk.load("shop_orders")
            out = outcome.rows_loaded + outcome.rows_rejected + outcome.rows_duplicate + outcome.rows_suppressed
            assert outcome.rows_in == out
            rows_in += outcome.rows_in
        expected = {f"o{number}" for _, _, (number, status) in deliveries if status == "completed"}
        loaded = [key for (key,) in desk.raw("shop_orders", "order_id")]
        assert sorted(loaded) == sorted(expected)
        assert rows_in <= len(deliveries)
