"""One simulated shop, looked at by several tests."""

import duckdb
import pytest

from simulator.shop import Summary, simulate
from tests.simulator.exports import CUSTOMERS, DAYS, END, SEED, tables


@pytest.fixture(scope="session")
def summary(tmp_path_factory: pytest.TempPathFactory) -> Summary:
    """What was written of the shop, and where."""
    return simulate(CUSTOMERS, DAYS, SEED, tmp_path_factory.mktemp("sim") / "out", END, events_per_customer=40)


@pytest.fixture(scope="session")
def shop(summary: Summary) -> duckdb.DuckDBPyConnection:
    """Its exports as tables."""
    return tables(summary.folder)
