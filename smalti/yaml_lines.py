"""Where in a YAML file something stands, so that a message can name the line."""

from collections.abc import Sequence
from pathlib import Path

import yaml


def line(path: Path, place: Sequence[int | str]) -> int:
    """The line of what the keys and positions lead to; where they lead no further, of the last that is there."""
    node = yaml.compose(path.read_text())
    found = node.start_mark.line if node else 0
    for step in place:
        under = {key.value: (key, value) for key, value in node.value} if isinstance(node, yaml.MappingNode) else {}
        if isinstance(node, yaml.SequenceNode):
            under = {at: (value, value) for at, value in enumerate(node.value)}
        if step not in under:
            break
        key, node = under[step]
        found = key.start_mark.line
    return int(found) + 1
