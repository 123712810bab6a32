"""What a sender promises of a file, in a sidecar beside it: `<name>.manifest.json` with size, sha256 and rows."""

import csv
import io
from dataclasses import replace
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from ingestion import dialect
from ingestion.delivery import Delivery
from ingestion.ready import SIDECAR, open_file, sidecar
from warehouse.contracts import Contract

_LARGEST = 1 << 16  # bytes of a sidecar


class Promise(BaseModel):
    """Size in bytes and digest of the file as delivered, and how many records it holds."""

    model_config = ConfigDict(frozen=True, extra="ignore", strict=True)

    size: int
    sha256: str
    rows: int


def held(one: Delivery, contract: Contract) -> Delivery:
    """The inspected file, at fault where it is not what its sidecar promises; as it is where there is none."""
    beside = sidecar(one.path)
    if one.fault or one.waits or not beside:
        return one
    return replace(one, fault=_broken(one, beside, contract))


def _broken(one: Delivery, beside: Path, contract: Contract) -> str | None:
    try:
        with open_file(beside) as file:
            promise = Promise.model_validate_json(file.read(_LARGEST))
    except (OSError, ValidationError):
        return f"{SIDECAR} cannot be read; allowed: one JSON object with size, sha256 and rows"
    if (one.size, one.sha256) != (promise.size, promise.sha256.lower()):
        return f"size or sha256 differs from {SIDECAR}: {one.size} bytes are here, {promise.size} promised"
    if promise.rows not in (one.records, _recounted(one, contract)):
        return f"rows differ from {SIDECAR}: {one.records} are here, {promise.rows} promised"
    return None


def _recounted(one: Delivery, contract: Contract) -> int:
    """The records as they are read singly: a quote within a value deceives the count by bytes."""
    if contract.format != "csv":
        return one.records
    count = -1 if contract.has_header else 0
    with io.TextIOWrapper(one.plain.open("rb"), encoding="utf-8", newline="") as file:
        records = dialect.records(file, contract)
        while True:
            try:
                count += bool(next(records))
            except StopIteration:
                return count
            except csv.Error:
                count += 1
