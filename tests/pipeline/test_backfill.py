"""A backfill publishes past days in order, and its last day is what one run alone would have published."""

import json
from pathlib import Path

import pytest

from tests.pipeline.home import Home
from tests.pipeline.shop import simulate


@pytest.mark.slow
def test_days_are_published_in_order_and_the_last_equals_a_run_of_its_own(tmp_path: Path) -> None:
    home, alone = (Home(tmp_path / name, {"SMALTI_SEGMENT_FLOOR": "10"}) for name in ("home", "alone"))
    exports = tmp_path / "exports"
    simulate(home, exports, customers=300, days=30)
    backfill = ("run", "hourly", "--data", exports, "--every", "day", "--json")
    first = home.smalti(*backfill, "--since", "2026-08-28", "--until", "2026-08-28")
    assert first.returncode == 0, first.stderr
    taken_up = home.smalti(*backfill, "--since", "2026-08-28", "--until", "2026-08-29T00:00:00")
    assert [run["as_of"] for run in json.loads(taken_up.stdout)] == ["2026-08-29T00:00:00"], taken_up.stderr
    moments = [version["as_of"] for version in json.loads(home.smalti("publish", "list", "--json").stdout)]
    assert moments == [f"2026-08-{day} 00:00:00" for day in (28, 29)]
    back = home.smalti(*backfill, "--since", "2026-08-28", "--until", "2026-08-28")
    assert back.returncode == 1
    assert "2026-08-29 00:00:00 is published, history is only appended" in back.stderr
    earlier = home.smalti("run", "hourly", "--data", exports, "--as-of", "2026-08-28")
    assert earlier.returncode == 1
    assert "history is only appended: allowed is 2026-08-29 00:00:00 or later" in earlier.stderr
    assert alone.smalti("run", "hourly", "--data", exports, "--as-of", "2026-08-29").returncode == 0
    for table in ("profiles.customers", "segments.memberships"):
        columns = "customer_id, state, orders_count" if "customers" in table else "segment_id, customer_id"
        query = f"select {columns} from {table} order by all"
        assert home.query(query) == alone.query(query)
        assert home.query(query)
    _a_past_day_can_be_read_and_built_again(home)


def _a_past_day_can_be_read_and_built_again(home: Home) -> None:
    moved = "select customer_id, state from profiles.customers_history where valid_to = timestamp '2026-08-29'"
    customer, state = home.query(f"{moved} order by customer_id limit 1")[0]
    shown = home.smalti("person", "show", customer, "--as-of", "2026-08-28T12:00:00", "--json")
    found = json.loads(shown.stdout)
    assert (found["customer_id"], found["profile"]["state"], found["notes"]) == (customer, state, [])
    versions = [row["name"] for row in json.loads(home.smalti("publish", "list", "--json").stdout)]
    verified = [home.smalti("publish", "verify", version, "--json") for version in versions]
    assert [ended.returncode for ended in verified] == [0, 0], verified
    assert len({json.loads(ended.stdout)["rebuilt"] for ended in verified}) == 2
    unknown = home.smalti("publish", "verify", "none")
    assert (unknown.returncode, "the latest are" in unknown.stderr) == (1, True)
