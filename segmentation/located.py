"""YAML whose values know their line: an error of a rule names where it stands, and nothing in it can run or swell.

Of YAML a rule needs mappings, lists, texts, numbers and truth values. Tags, anchors and keys that stand twice are
refused, and so is nesting that no person wrote.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import yaml

from segmentation.wording import shown

DEEPEST = 24
_PLAIN = {f"tag:yaml.org,2002:{kind}" for kind in ("str", "int", "float", "bool", "null", "map", "seq")}
Path = tuple[str | int, ...]


@dataclass(frozen=True)
class Wrong:
    """What is wrong at a place, counted from 1, and what is allowed."""

    line: int
    column: int
    told: str


def compose(text: str | bytes) -> yaml.Node | Wrong:
    """The document as nodes with their places, or why there is none."""
    try:
        return yaml.compose(text, Loader=yaml.SafeLoader) or Wrong(1, 1, "is empty; allowed is one YAML document")
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        return Wrong(mark.line + 1 if mark else 1, mark.column + 1 if mark else 1, f"is no YAML: {error.problem}")
    except yaml.reader.ReaderError as error:
        return Wrong(1, 1, f"is no YAML: character {error.position + 1} is not allowed")
    except RecursionError:
        return Wrong(1, 1, f"is nested deeper than anybody can read; allowed are {DEEPEST} levels")


def child(node: yaml.Node | None, key: str | int) -> yaml.Node | None:
    """The node under a key or at a position, if there is one."""
    if isinstance(node, yaml.MappingNode):
        return next((value for name, value in node.value if name.value == key), None)
    if isinstance(node, yaml.SequenceNode) and isinstance(key, int) and key < len(node.value):
        return node.value[key]  # type: ignore[no-any-return]
    return None


def under(node: yaml.Node, *keys: str | int) -> yaml.Node | None:
    """The node at the end of a path, if there is one."""
    found: yaml.Node | None = node
    for key in keys:
        found = child(found, key)
    return found


def at(node: yaml.Node, told: str) -> Wrong:
    """Something wrong where a node begins."""
    return Wrong(node.start_mark.line + 1, node.start_mark.column + 1, told)


def place(node: yaml.Node, path: Path, told: str, key: object = None) -> Wrong:
    """Something wrong at the end of a path, or at a key there; steps that lead nowhere are passed over."""
    for step in path:
        node = child(node, step) or node
    keys = [name for name, _ in node.value if name.value == key] if isinstance(node, yaml.MappingNode) else []
    return at(keys[-1] if keys else node, told)


def faults(node: yaml.Node) -> Iterator[Wrong]:
    """What a rule may not hold, whatever its grammar."""
    seen: set[int] = set()
    waiting = [(node, 1)]
    while waiting:
        each, depth = waiting.pop()
        if id(each) in seen:
            yield at(each, "an anchor is used again; allowed is to write it out")
            return
        seen.add(id(each))
        if each.tag not in _PLAIN:
            yield at(each, f"is of type {shown(each.tag.rpartition(':')[2])}; allowed are plain values: quote a text")
        if depth > DEEPEST:
            yield at(each, f"is nested deeper than {DEEPEST} levels; allowed is less")
            return
        yield from _twice(each)
        waiting += [(inner, depth + 1) for inner in _inner(each)]


def _inner(node: yaml.Node) -> list[yaml.Node]:
    if isinstance(node, yaml.MappingNode):
        return [part for pair in node.value for part in pair]
    return list(node.value) if isinstance(node, yaml.SequenceNode) else []


def _twice(node: yaml.Node) -> Iterator[Wrong]:
    seen: set[str] = set()
    for key, _ in node.value if isinstance(node, yaml.MappingNode) else []:
        if not isinstance(key, yaml.ScalarNode):
            yield at(key, "a key that is no text; allowed is a text")
        elif key.value in seen:
            yield at(key, f"the key {shown(key.value)} stands twice; allowed is once")
        else:
            seen.add(key.value)


def plain(node: yaml.Node) -> Any:
    """The values of a node without faults."""
    if isinstance(node, yaml.MappingNode):
        return {key.value: plain(value) for key, value in node.value}
    if isinstance(node, yaml.SequenceNode):
        return [plain(value) for value in node.value]
    return _SCALARS.construct_object(node)


_SCALARS = yaml.constructor.SafeConstructor()
