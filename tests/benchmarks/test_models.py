"""The bench of models measures what it says, on few people; the reference of clusters reads the customers there are."""

from datetime import date
from pathlib import Path

import pytest

from benchmarks import models, reference_clusters
from warehouse.settings import CHECKOUT

DATA = CHECKOUT.parent / "shared" / "data"


@pytest.mark.parametrize("step", [step for step in models.STEPS if step != "groups"])
def test_each_step_says_what_it_took(step: str, tmp_path: Path) -> None:
    found = models.measured(step, tmp_path, 4_000)
    assert found.people in {2_000, 4_000, 8_000}, "affinity counts pairs, two of each person"
    assert 0 <= found.cpu_seconds < 20
    assert found.peak_gb > 0


def test_without_data_nothing_is_made_up(tmp_path: Path) -> None:
    [line] = reference_clusters.measure(tmp_path)
    assert (line.verdict, line.ours) == ("not measured", None)


@pytest.mark.skipif(not (DATA / reference_clusters.MASTER).exists(), reason="CDNOW is not there")
def test_the_customers_of_cdnow_are_those_of_the_published_file() -> None:
    now, earlier = (
        reference_clusters._rfm(DATA / reference_clusters.MASTER, until)
        for until in (reference_clusters.END, date(1998, 3, 31))
    )
    assert now.height == earlier.height == 23_570
    assert now["orders_count"].sum() > earlier["orders_count"].sum() > 60_000
    assert now["recency_days"].min() == 0
    assert now["spend_total_amount"].sum() == pytest.approx(2_500_315.63)
