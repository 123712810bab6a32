"""How a rule's errors speak: a value shortened, what is allowed in a row, the likeliest of it named."""

import difflib
from collections.abc import Iterable

_SHOWN = 40


def shown(value: object) -> str:
    """A value as it was written, or as much of it as tells what it is."""
    kinds: dict[type, str] = {dict: "a mapping", list: "a list", type(None): "nothing", bool: str(value).lower()}
    if type(value) in kinds:
        return kinds[type(value)]
    text = ascii(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}… ({len(str(value))} characters)"


def listed(names: Iterable[str]) -> str:
    """Names in a row."""
    return ", ".join(names)


def close(name: object, allowed: Iterable[str]) -> str:
    """The allowed name that was probably meant, as the end of a sentence; empty where none is near."""
    near = difflib.get_close_matches(str(name)[: 2 * _SHOWN], list(allowed), n=1)
    return f", did you mean {near[0]!r}?" if near else ""
