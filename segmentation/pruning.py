"""The garden's proposals as a patch that `git apply` takes: nothing is changed before somebody has read it."""

import difflib
from pathlib import Path

from segmentation.garden import Plot
from warehouse import content
from warehouse.dbt import PROJECT
from warehouse.settings import CHECKOUT

_ACTIVATIONS, _MATRIX = (Path("seeds") / name for name in ("activations.csv", content.MATRIX))


def patch(plots: list[Plot], project: Path = PROJECT) -> str:
    """A unified diff: retired and merged segments go, their activations go or name the other; a roll-up names it.

    Rows of the content matrix that are for one that goes go with it.
    """
    found = list[str]()
    lines, shown = ((project / seed).read_text().splitlines(keepends=True) for seed in (_ACTIVATIONS, _MATRIX))
    for plot in plots:
        if plot.proposal in ("retire", "merge"):
            found += [_removed(project / "models" / "segments" / f"{plot.segment}.{end}") for end in ("sql", "yml")]
            lines = _redirected(lines, plot.segment, plot.into)
            shown = [line for line in shown if line.split(",")[1] != plot.segment]
        if plot.proposal == "roll_up" and plot.into:
            found.append(_with_parent(project / "models" / "segments" / f"{plot.segment}.yml", plot.into))
    return "".join([*found, _changed(project / _ACTIVATIONS, lines), _changed(project / _MATRIX, shown)])


def _removed(path: Path) -> str:
    name, lines = path.relative_to(CHECKOUT), path.read_text().splitlines(keepends=True)
    head = f"diff --git a/{name} b/{name}\ndeleted file mode 100644\n"
    return head + "".join(difflib.unified_diff(lines, [], f"a/{name}", "/dev/null"))


def _changed(path: Path, lines: list[str]) -> str:
    name, before = path.relative_to(CHECKOUT), path.read_text().splitlines(keepends=True)
    if before == lines:
        return ""
    return f"diff --git a/{name} b/{name}\n" + "".join(difflib.unified_diff(before, lines, f"a/{name}", f"b/{name}"))


def _redirected(lines: list[str], segment: str, into: str | None) -> list[str]:
    """The activations without a segment; where it goes into another, that one is sent in its place, once."""
    found: list[str] = []
    for line in lines:
        cells = line.split(",")
        if cells[1] == segment:
            if into is None:
                continue
            line = ",".join([cells[0], into, *cells[2:]])  # noqa: PLW2901 - the line as it will be
        found.append(line)
    return list(dict.fromkeys(found))


def _with_parent(path: Path, parent: str) -> str:
    lines = path.read_text().splitlines(keepends=True)
    at = next(number for number, line in enumerate(lines) if "meta:" in line)
    line = lines[at]
    if "{" in line:
        lines = [*lines[:at], line.replace("{", f"{{parent: {parent}, ", 1), *lines[at + 1 :]]
    else:
        indent = len(line) - len(line.lstrip()) + 2
        lines = [*lines[: at + 1], f"{' ' * indent}parent: {parent}\n", *lines[at + 1 :]]
    return _changed(path, lines)
