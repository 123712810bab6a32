"""The rows of raw that count, as SQL: what the manifest names, without the rows that are withheld."""

from collections.abc import Sequence
from pathlib import Path

from warehouse import manifest
from warehouse.manifest import Line
from warehouse.sql import literal


def rows(folder: Path, lines: Sequence[Line], aside: Path | None = None) -> str:
    """SQL for the rows that these lines of the source's manifest loaded, with the columns of today's contract.

    Parquet is never changed: rows that turned out to be duplicates stand in the line's `withheld` (those of its batch,
    for such a row may come again in a later one), and superseded lines say which files count no more, wherever their
    rows lie. What is not yet in its place is read in `aside`.
    """

    def listed(names: Sequence[str]) -> str:
        placed = [aside / name if aside and (aside / name).exists() else folder / name for name in names]
        return f"[{', '.join(map(literal, placed))}]"

    live = manifest.live(lines)
    named = sorted({name for line in live for name in line.parquet})
    gone = sorted(
        {line.sha256 for line in lines if line.status == "superseded" and not {*line.parquet}.isdisjoint(named)}
    )
    relation = f"from read_parquet({listed(['empty.parquet', *named])}, union_by_name = true) as loaded"
    conditions = [f"loaded._file not in ({', '.join(map(literal, gone))})"] if gone else []
    if withheld := sorted({line.withheld for line in live if line.withheld}):
        conditions.append(
            f"not exists (select 1 from read_parquet({listed(withheld)}) as withheld "
            "where withheld.file = loaded._file and withheld.position = loaded._position "
            "and withheld.batch = loaded._batch)"
        )
    return f"select * {relation}" + (f" where {' and '.join(conditions)}" if conditions else "")


def rejects(folder: Path, lines: Sequence[Line]) -> str | None:
    """SQL for the rejected rows of the lines that count; None where there are none.

    Files of a load share the Parquet of their rejects: what a superseded one has there is left out.
    """
    named = sorted({line.rejects for line in manifest.live(lines) if line.rejects})
    if not named:
        return None
    listed = ", ".join(literal(folder / name) for name in named)
    gone = {(line.rejects, line.file) for line in lines if line.status == "superseded" and line.rejects in named}
    pairs = ", ".join(f"({literal(folder / str(name))}, {literal(file)})" for name, file in sorted(gone, key=str))
    only = f" where (filename, file) not in ({pairs})" if gone else ""
    return f"select * exclude (filename) from read_parquet([{listed}], filename = true){only}"
