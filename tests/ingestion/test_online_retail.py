import io
import tarfile
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

ARCHIVE = Path(__file__).resolve().parents[3] / "shared/data/online_retail/by-day.tar.zst"


@pytest.fixture
def by_day(desk: Any) -> Any:
    if not ARCHIVE.exists():
        pytest.skip(f"needs {ARCHIVE.name} of the data set Online Retail in ../shared/data")
    with pa.input_stream(str(ARCHIVE), compression="zstd") as stream:
        content = io.BytesIO(stream.read())
    with tarfile.open(fileobj=content) as archive:
        archive.extractall(desk.exports, filter="data")
    return desk


def test_online_retail_arrives_whole(by_day: Any) -> None:
    outcome = by_day.load("online_retail")
    assert (outcome.files_new, outcome.files_quarantined) == (305, 0)
    assert (outcome.rows_in, outcome.rows_loaded, outcome.rows_rejected) == (541_909, 541_909, 0)
    [(amount, first, last)] = by_day.raw(
        "online_retail", "sum(quantity * unit_price_amount), min(_arrived_at)::varchar, max(_arrived_at)::varchar"
    )
    assert round(amount, 2) == Decimal("9747747.93")
    assert (first, last) == ("2010-12-01 08:26:00", "2011-12-09 12:50:00")
    again = by_day.load("online_retail")
    assert (again.files_new, again.files_known, again.rows_in) == (0, 305, 0)
