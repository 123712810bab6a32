"""What benchmarks measured, as files of this folder's `results`: one a benchmark and day, a list of runs, none lost."""

import json
import os
import platform
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil

FOLDER = Path(__file__).with_name("results")


def machine() -> dict[str, Any]:
    """What a figure depends on beside the code: processors, memory, and how busy they are with other work."""
    return {
        "processor": platform.machine(),
        "cores": os.cpu_count(),
        "memory_gb": round(psutil.virtual_memory().total / 2**30, 1),
        "load": round(os.getloadavg()[0], 1),
        "python": platform.python_version(),
    }


def keep(name: str, found: dict[str, Any], folder: Path = FOLDER) -> Path:
    """Add a run to the file of this benchmark and day; return the file."""
    now = datetime.now(UTC)
    file = folder / f"{name}-{now:%Y-%m-%d}.json"
    folder.mkdir(parents=True, exist_ok=True)
    runs = json.loads(file.read_text()) if file.exists() else []
    runs.append({"measured_at": now.strftime("%Y-%m-%dT%H:%M:%SZ"), **found})
    file.write_text(json.dumps(runs, indent=1) + "\n")
    return file
