"""Where a file and its contract differ, and which line of the contract to change if the file is right."""

import importlib.util
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from ingestion import sources
from ingestion.containers import ContentError
from ingestion.delivery import Delivery, columns
from warehouse.contracts import Column, Contract
from warehouse.settings import CHECKOUT


class Rejected(Protocol):
    """Rows that are rejected for one reason."""

    @property
    def reason(self) -> str:
        """Parts `column: why`, apart by semicolons."""

    @property
    def rows(self) -> int:
        """How many."""


def place(contract: Contract, column: Column | None = None) -> str:
    """`file:line` of the column in the source's file; of its list of columns where none is named."""
    found = importlib.util.find_spec(f"{sources.__name__}.{contract.source}")
    if found is None or found.origin is None:
        return contract.source
    path = Path(found.origin)
    words = rf'name="{column.name}"' if column else r"columns=\("
    lines = path.read_text().splitlines()
    number = next((number for number, line in enumerate(lines, 1) if re.search(words, line)), 1)
    return f"{path.relative_to(CHECKOUT) if path.is_relative_to(CHECKOUT) else path.name}:{number}"


def places(contract: Contract, reason: str) -> tuple[str, ...]:
    """The contract's lines that a reject's reason speaks of."""
    named = [part.split(":")[0] for part in reason.split("; ")]
    return tuple(place(contract, column) for column in contract.columns if column.name in named)


def header(one: Delivery, contract: Contract) -> list[str]:
    """Missing, new and swapped columns. Names of the file are told only where most of the contract's are among them.

    What stands in the first record otherwise may be somebody's row.
    """
    try:
        found = columns(one.plain, contract) if one.encoding else []
    except ContentError:
        return []
    expected = {column.in_file: column for column in contract.delivered}
    present = [name for name in found if name in expected]
    if not found or found == list(expected) or len(present) * 2 < len(expected):
        return []
    told = [_missing(name, column, found, contract) for name, column in expected.items() if name not in found]
    told += [
        f"new column {name!r} · position {number} · {place(contract)}: add it there, or leave it out of the export"
        for number, name in enumerate(found, 1)
        if name not in expected
    ]
    if contract.format != "parquet" and present != [name for name in expected if name in present]:
        told.append(f"columns swapped or repeated: {', '.join(found)} · {place(contract)}: keep the file's order")
    return told


def _missing(name: str, column: Column, found: Sequence[str], contract: Contract) -> str:
    expected = [column.in_file for column in contract.delivered]
    number = expected.index(name)
    stands = found[number] if number < len(found) and found[number] not in expected else None
    rename = f'header="{stands}" if it was renamed, ' if stands else ""
    return f"missing column {name!r} · position {number + 1} · {place(contract, column)}: {rename}remove it if it ended"


def types(contract: Contract, rejects: Sequence[Rejected], rows: int) -> list[str]:
    """Columns whose type at least half of the rows do not keep: the export's type has probably changed."""
    told = []
    for column in contract.columns:
        wrong = sum(one.rows for one in rejects if re.search(rf"(^|; ){column.name}: not an? ", one.reason))
        if wrong and wrong * 2 >= rows:
            told.append(
                f"retyped column {column.in_file!r}: {wrong} of {rows} rows are no {column.type} · "
                f"{place(contract, column)}: change `type` if the export has changed for good"
            )
    return told
