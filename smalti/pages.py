"""Pages of runs: the one asked for, written where it is not there yet."""

from reports import write
from warehouse import ledger
from warehouse.errors import SmaltiError
from warehouse.settings import Settings


def report(settings: Settings, run_id: str | None) -> dict[str, str]:
    """Run and path of a report, of the latest run unless one is named.

    Raises:
        SmaltiError: there was no run yet, none of that name, or its version is no longer kept.
    """
    runs = list(dict.fromkeys(str(row["run_id"]) for row in ledger.stages(settings.ledger)))
    if not runs:
        raise SmaltiError(f"no run in {settings.home} yet; `smalti run nightly --data DIR` comes first")
    wanted = run_id or runs[-1]
    path = write.path(settings, wanted)
    if wanted not in runs or not path.exists():
        path = write.write(settings, wanted)
    return {"run_id": wanted, "path": str(path)}
