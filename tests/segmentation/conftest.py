"""A published version to ask, and definitions to ask it about."""

from collections.abc import Callable
from pathlib import Path

import pytest

from segmentation.definition import Definition
from tests.segmentation.version import Published, publish

_SQL = """
with

customers as (

    select * from {{{{ ref('customers') }}}}

),

{name} as (

    select customer_id
    from customers
    where {where}

)

select * from {name}
"""


@pytest.fixture
def published(tmp_path: Path) -> Published:
    return publish(tmp_path / "home")


@pytest.fixture
def of() -> Callable[..., Definition]:
    def made(where: str, name: str = "candidate", **thresholds: float) -> Definition:
        return Definition(name, _SQL.format(name=name, where=where), {"thresholds": thresholds})

    return made
