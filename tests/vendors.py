"""The vendors' sample files: beside the checkout in `../shared/data`, never in it."""

import tarfile
from pathlib import Path

import pyarrow as pa
import pytest

DATA = Path(__file__).resolve().parents[2] / "shared/data"


def unpacked(archive: str, folder: Path) -> Path:
    """Unpack `archive` (named without `.tar.zst`) into `folder` and return that; skip where there is none."""
    packed = DATA / f"{archive}.tar.zst"
    if not packed.exists():
        pytest.skip(f"needs {archive}.tar.zst of the real data in ../shared/data")
    with (
        pa.input_stream(str(packed), compression="zstd") as stream,
        tarfile.open(fileobj=stream, mode="r|") as archived,
    ):
        archived.extractall(folder, filter="data")
    return folder
