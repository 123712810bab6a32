"""A home beside the real one, in which raw is as it was: past moments are built there, and nothing waits for it."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from warehouse import dbt, ledger, manifest
from warehouse.manifest import Line
from warehouse.settings import Settings

Known = Callable[[str, list[Line]], list[Line]]


@contextmanager
def home(settings: Settings, name: str, known: Known, decided_by: str) -> Iterator[Settings]:
    """The same Parquet, of each source's manifest the lines that `known` makes of it, and nothing decided after.

    The folder of that name under the home is removed at the end. `decided_by` is a moment in ISO 8601, UTC: of the
    separations those are there that were decided by then and still stand.
    """
    there = settings.model_copy(update={"home": settings.home / name})
    shutil.rmtree(there.home, ignore_errors=True)
    try:
        for source in sorted(path.parent for path in settings.raw.glob("*/contract.json")):
            folder = there.raw / source.name
            folder.mkdir(parents=True)
            for path in source.iterdir():
                if path.name != "manifest.jsonl":
                    (folder / path.name).symlink_to(path)
            manifest.write(folder, known(source.name, manifest.read(source)))
        there.links.symlink_to(settings.links)
        if dbt.copy_of(settings).exists():
            dbt.copy_of(there).symlink_to(dbt.copy_of(settings))
        _separations(settings, there, decided_by)
        yield there
    finally:
        shutil.rmtree(there.home, ignore_errors=True)


def _separations(settings: Settings, there: Settings, decided_by: str) -> None:
    with ledger.connect(settings.ledger) as book:
        rows = [tuple(row) for row in book.execute("select * from separations")]
    with ledger.connect(there.ledger) as book:
        decided = [row for row in rows if row[-1] <= decided_by]
        book.executemany("insert into separations values (?, ?, ?, ?, ?, ?)", decided)
