"""How a source writes CSV, said to DuckDB and to Python's csv in the same words."""

import csv
from collections.abc import Iterable, Iterator

from warehouse.contracts import Contract
from warehouse.sql import literal


def options(contract: Contract) -> str:
    """The options of `read_csv` for a plain file of the contract."""
    return (
        f"header = {contract.has_header}, auto_detect = false, delim = {literal(contract.delimiter)}, "
        f"quote = {literal(contract.quote or '')}, escape = {literal(contract.escape or contract.quote or '')}, "
        "comment = '', strict_mode = true, compression = 'none'"
    )


def records(lines: Iterable[str], contract: Contract) -> Iterator[list[str]]:
    """The records of the contract's CSV; a `csv.Error` costs one record and does not end them."""
    return csv.reader(
        lines,
        delimiter=contract.delimiter,
        quotechar=contract.quote,
        escapechar=contract.escape,
        doublequote=contract.escape is None,
        quoting=csv.QUOTE_MINIMAL if contract.quote else csv.QUOTE_NONE,
        strict=True,
    )
