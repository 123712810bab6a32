"""The volume gate: what is half of the usual, or nothing, is red; normal days are not."""

import json
import random
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import polars as pl
import pytest

from expectations import volume
from expectations.gate import GateFailed
from expectations.volume import Delivery, bytes_bar, check_volume, checks, deliveries, rows_bar
from warehouse import ledger, manifest
from warehouse.manifest import Line
from warehouse.settings import Settings

SUNDAY = datetime(2026, 8, 30, 4)
DAY, HOUR = timedelta(days=1), timedelta(hours=1)


def line(number: int, rows: int, arrived: datetime, **more: object) -> Line:
    """A delivered file, as a manifest has it."""
    values = {"file": f"{number}.csv", "sha256": str(number), "bytes": rows * 80, "status": "loaded", "run_id": "r"}
    counts = {"rows_in": rows, "rows_loaded": rows, "batch": number, "arrived_at": arrived.isoformat()}
    return Line.model_validate({**values, **counts, **more})


def history(count: int, rows: int = 1000) -> list[Line]:
    """Daily deliveries before that Sunday, nearly alike."""
    return [line(n + 1, rows + n % 5, SUNDAY - (count - n) * DAY) for n in range(count)]


def home(made: SimpleNamespace, folder: Path, lines: Sequence[Line]) -> Settings:
    """A home with these lines of shop orders; the profile of the run has no rows, as after an empty delivery."""
    settings: Settings = made.store_raw(folder, made.profile().clear())
    manifest.write(settings.raw / "shop_orders", list(lines))
    return settings


@pytest.mark.parametrize("removed", [0, 49])
def test_what_is_more_than_half_of_the_usual_passes(made: SimpleNamespace, tmp_path: Path, removed: int) -> None:
    came = line(99, 1000 - 10 * removed, SUNDAY, bytes=80_000)
    assert check_volume(home(made, tmp_path, [*history(20), came]), made.run, 20).evaluated == 2


@pytest.mark.parametrize("removed", [51, 100])
def test_what_is_less_than_half_of_the_usual_is_red(made: SimpleNamespace, tmp_path: Path, removed: int) -> None:
    came = line(99, 1000 - 10 * removed, SUNDAY, bytes=80_000)
    settings = home(made, tmp_path, [*history(20), came])
    with pytest.raises(GateFailed, match="1 of 2 rules failed: volume: shop_orders: a delivery has the rows") as error:
        check_volume(settings, made.run, 20)
    assert f"batch 99, arrived 2026-08-30 04:00: {came.rows_in} rows; expected at least 501, usual 1,002" in str(error)
    assert json.loads((settings.gates / made.run / "volume.json").read_text())["failed"] == 1


def test_an_empty_delivery_is_red_where_many_rows_are_usual_and_none_was_empty(
    made: SimpleNamespace, tmp_path: Path
) -> None:
    empty = line(99, 0, SUNDAY, bytes=1000)
    varying = [line(n, 400 + n * 173 % 1200, SUNDAY - n * DAY) for n in range(1, 21)]
    assert rows_bar(*new(empty, varying)).least == 1
    assert rows_bar(*new(empty, [*varying, line(50, 0, SUNDAY - 30 * DAY)])).least == 0
    assert rows_bar(*new(empty, history(20, rows=10))).least == 0


def new(one: Line, earlier: Sequence[Line]) -> tuple[Delivery, list[Delivery]]:
    return deliveries([one])[0], deliveries(earlier)


def test_below_enough_deliveries_it_only_informs(made: SimpleNamespace, tmp_path: Path) -> None:
    short = home(made, tmp_path / "short", [*history(volume.ENOUGH - 1), line(99, 0, SUNDAY)])
    [check] = checks(short, made.run, 20) or []
    assert "nothing is expected before 8 deliveries, there were 7" in check.rules[0].says
    assert check_volume(short, made.run, 20).failed == 0
    enough = home(made, tmp_path / "enough", [*history(volume.ENOUGH), line(99, 0, SUNDAY)])
    with pytest.raises(GateFailed):
        check_volume(enough, made.run, 20)


def test_a_delivery_is_compared_with_those_of_its_weekday_and_hour_then_of_its_hour() -> None:
    rows = {True: 100, False: 1000}  # few on Sundays
    weeks = [line(n, rows[day.weekday() == 6], day) for n, day in enumerate(SUNDAY - n * DAY for n in range(1, 70))]
    assert rows_bar(*new(line(99, 0, SUNDAY), weeks)).usual == 100
    assert rows_bar(*new(line(99, 0, SUNDAY + DAY), weeks)).usual == 1000
    hours = [line(n, 10 + at.hour * 100, at) for n, at in enumerate(SUNDAY - n * HOUR for n in range(1, 24 * 12))]
    assert rows_bar(*new(line(999, 0, SUNDAY.replace(hour=9)), hours)).usual == 910


def test_what_was_as_small_before_and_passed_is_usual() -> None:
    earlier = [*history(20), line(50, 300, SUNDAY - 30 * DAY)]
    assert 150 < rows_bar(*new(line(99, 0, SUNDAY), earlier)).least < 200


def test_a_file_half_as_large_with_as_many_rows_is_red_and_a_packed_one_is_not_compared(
    made: SimpleNamespace, tmp_path: Path
) -> None:
    small = line(99, 1000, SUNDAY, bytes=39_000)
    with pytest.raises(GateFailed, match="1 of 2 rules failed: volume: shop_orders: a delivery has the bytes expected"):
        check_volume(home(made, tmp_path / "small", [*history(20), small]), made.run, 20)
    packed = small.model_copy(update={"file": "99.csv.gz", "bytes": 9_000})
    assert check_volume(home(made, tmp_path / "packed", [*history(20), packed]), made.run, 20).failed == 0


def test_bytes_of_few_rows_may_vary_as_the_rows_do() -> None:
    empty = line(99, 0, SUNDAY, bytes=200)
    assert bytes_bar(*new(empty, history(20, rows=12))).least == 0
    assert bytes_bar(*new(empty, history(20, rows=1000))).least > 0.49 * 1000 * 80


def test_rejected_rows_are_missing_ones_and_repeated_rows_are_not(made: SimpleNamespace, tmp_path: Path) -> None:
    rejected = line(99, 1000, SUNDAY, rows_loaded=400, rows_rejected=600)
    with pytest.raises(GateFailed, match="400 rows"):
        check_volume(home(made, tmp_path / "rejected", [*history(20), rejected]), made.run, 20)
    repeated = line(99, 1000, SUNDAY, rows_loaded=1, rows_duplicate=999)
    assert check_volume(home(made, tmp_path / "repeated", [*history(20), repeated]), made.run, 20).failed == 0


def test_a_replay_is_no_delivery_and_a_quarantined_file_neither(made: SimpleNamespace, tmp_path: Path) -> None:
    replayed = line(99, 3, SUNDAY, sha256="7")
    kept_out = line(98, 0, SUNDAY, status="quarantined")
    settings = home(made, tmp_path, [*history(20), replayed, kept_out])
    assert checks(settings, made.run, 20) is None
    assert check_volume(settings, made.run, 20).skipped


def store_profile(settings: Settings, run_id: str, frame: pl.DataFrame) -> None:
    (settings.gates / run_id).mkdir(parents=True, exist_ok=True)
    frame.write_parquet(settings.gates / run_id / "raw_profile.parquet")


def profiled(made: SimpleNamespace, filled: float) -> pl.DataFrame:
    """A profile in which that share of e-mails is there."""
    nulls = pl.when(pl.col("column") == "email_hmac").then(round(1000 * (1 - filled))).otherwise("nulls")
    return made.profile().with_columns(nulls=nulls)  # type: ignore[no-any-return]


@pytest.fixture
def usual(made: SimpleNamespace, tmp_path: Path) -> Settings:
    """A home in which four of five e-mails were there, ten times; what a gate has stopped is no history."""
    settings = home(made, tmp_path, [])
    for number in range(14):
        with ledger.stage(settings.ledger, f"r{number}", "check_raw") as row:
            row.status = "ok" if number < 10 else "failed"
            store_profile(settings, f"r{number}", profiled(made, 0.8 if number < 10 else 0.0))
    return settings


@pytest.mark.parametrize("filled", [0.80, 0.41])
def test_a_column_about_people_may_be_filled_half_as_much_as_usual(
    made: SimpleNamespace, usual: Settings, filled: float
) -> None:
    store_profile(usual, made.run, profiled(made, filled))
    [check] = checks(usual, made.run, 20) or []
    columns = [rule.arguments["column"] for rule in check.rules]
    assert columns == ["shop_orders.order_id.filled", "shop_orders.email_hmac.filled"]
    assert check_volume(usual, made.run, 20).failed == 0


@pytest.mark.parametrize("filled", [0.39, 0.0])
def test_a_column_about_people_that_is_filled_less_is_red(
    made: SimpleNamespace, usual: Settings, filled: float
) -> None:
    store_profile(usual, made.run, profiled(made, filled))
    said = r"1 of 2 rules.*email_hmac: is filled as expected .*at least 40%, usual 80% by 10 earlier"
    with pytest.raises(GateFailed, match=said):
        check_volume(usual, made.run, 20)


def of_few(made: SimpleNamespace, filled: int, people: int) -> pl.DataFrame:
    """A profile of 24 rows of so many people; so many of them have an e-mail."""
    email = pl.col("column") == "email_hmac"
    few = made.profile().with_columns(rows=pl.lit(24, pl.Int64), nulls=pl.lit(0, pl.Int64))
    return few.with_columns(  # type: ignore[no-any-return]
        nulls=pl.when(email).then(24 - filled).otherwise("nulls"),
        distinct_approx=pl.when(email).then(people).otherwise("distinct_approx"),
    )


@pytest.mark.parametrize(("people", "failed"), [(3, 0), (24, 1)])
def test_rows_of_few_people_are_filled_or_not_together(
    made: SimpleNamespace, tmp_path: Path, people: int, failed: int
) -> None:
    settings = home(made, tmp_path, [])
    for number in range(10):
        with ledger.stage(settings.ledger, f"r{number}", "check_raw"):
            store_profile(settings, f"r{number}", of_few(made, 22 - number % 2, people))
    store_profile(settings, made.run, of_few(made, 1, 1))
    [check] = checks(settings, made.run, 20) or []
    [least] = [rule.arguments["min_value"] for rule in check.rules if "email_hmac" in str(rule.arguments["column"])]
    assert (least > 1 / 24) == bool(failed)  # type: ignore[operator]


def test_a_history_that_cannot_be_read_fails_the_gate(made: SimpleNamespace, tmp_path: Path) -> None:
    settings = home(made, tmp_path, history(9))
    with (settings.raw / "shop_orders" / "manifest.jsonl").open("a") as file:
        file.write('{"file": "cut')
    with pytest.raises(GateFailed, match=r"the gate itself broke: ValidationError at volume\.py"):
        check_volume(settings, made.run, 5)


def a_day(dice: random.Random, day: datetime, usual: float) -> list[Line]:
    """A file an hour: few at night, half at weekends, visitors by chance, three rows each."""
    weekend = 0.5 if day.weekday() > 4 else 1.0
    found = []
    for hour in range(24):
        visitors = usual * weekend * (0.15 if hour < 7 else 1.0)
        rows = 3 * max(0, round(dice.gauss(visitors, visitors**0.5)))
        arrived = day.replace(hour=hour)
        found.append(line(int(f"{arrived:%y%m%d%H}"), rows, arrived))
    return found


@pytest.mark.parametrize("usual", [3, 30, 300])
def test_at_most_one_of_90_normal_days_trips_and_most_halved_ones_of_a_large_shop_do(usual: float) -> None:
    dice = random.Random(7)
    days = [a_day(dice, SUNDAY.replace(hour=0) + n * DAY, usual) for n in range(118)]
    trips, found = 0, 0
    for number in range(28, 118):
        earlier = deliveries([one for day in days[:number] for one in day])
        today = deliveries(days[number])
        trips += any(one.rows < rows_bar(one, earlier).least for one in today)
        found += any(one.rows * 0.35 < rows_bar(one, earlier).least for one in today)
    assert trips <= 1
    assert found >= (75 if usual == 300 else 0)
