"""A small shop in a home of its own, after a night, an hour and a run that failed; and the pages of all three."""

import pytest

from tests.reports.pages import Pages, write_pages


@pytest.fixture(scope="session")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Pages:
    return write_pages(tmp_path_factory.mktemp("pages"))
