"""What every test may ask for: settings in a folder of their own, with keys of their own."""

from pathlib import Path

import pytest
from pydantic import SecretStr

from warehouse.settings import Settings


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Settings whose state lies in the test's own folder."""
    return Settings(
        home=tmp_path / "home",
        hmac_key=SecretStr("5a" * 32),
        namespace=SecretStr("6f0d2b5c-94a7-4f6e-8f35-0c3d1f6a7b21"),
    )
