"""The secrets of a team's services: none missing, short, well known or used twice.

Compose refuses an empty one; it cannot tell `changeme` from a secret, so the first container asks here.
"""

import base64
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass

from warehouse.errors import SmaltiError

_WELL_KNOWN = (
    *("airflow", "change-me", "change_me", "changeme", "default", "example", "minioadmin"),
    *("password", "postgres", "qwerty", "secret", "smalti", "versity"),
)
_FEWEST_CHARACTERS = 8


@dataclass(frozen=True)
class Shape:
    """What a secret must look like, in a pattern and in words."""

    pattern: str
    words: str


_LETTERS = Shape(r"[A-Za-z0-9]{20,}", "20 or more letters and digits")
_LONG = Shape(r"[!-~]{32,}", "32 or more characters without a blank")
SHAPES = {
    "POSTGRES_PASSWORD": _LETTERS,
    "AIRFLOW_FERNET_KEY": Shape(r"[A-Za-z0-9_-]{43}=", "32 bytes in URL-safe base64"),
    "AIRFLOW_JWT_SECRET": _LONG,
    "AIRFLOW_SECRET_KEY": _LONG,
    "EXCHANGE_SECRET_KEY": _LETTERS,
}


def random() -> dict[str, str]:
    """A fresh value for each secret that Smalti itself does not need."""
    fernet = base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()
    return {name: secrets.token_hex(32) for name in SHAPES} | {"AIRFLOW_FERNET_KEY": fernet}


def check(environment: Mapping[str, str], own: Mapping[str, str]) -> int:
    """Hold every secret against its rules and say how many there are; `own` are Smalti's, whose shape is known good.

    Raises:
        SmaltiError: names each secret that breaks one, and the rule; never a value.
    """
    found = {name: environment.get(name, "") for name in SHAPES} | dict(own)
    problems = [f"{name} {problem}" for name, value in found.items() if (problem := _problem(name, value))]
    problems += _shared(found)
    if problems:
        raise SmaltiError(f"{'; '.join(problems)}; `smalti init --team` writes random ones to .env where none stand")
    return len(found)


def _problem(name: str, value: str) -> str | None:
    """What is wrong with this value, or None."""
    if not value:
        return "is not set"
    word = next((word for word in _WELL_KNOWN if word in value.casefold()), None)
    if word:
        return f"holds the well-known word {word!r}"
    if name in SHAPES and not re.fullmatch(SHAPES[name].pattern, value):
        return f"must be {SHAPES[name].words}"
    if len(set(value)) < _FEWEST_CHARACTERS or value in (value + value)[1:-1]:
        return "repeats itself, as a random one does not"
    return None


def _shared(found: Mapping[str, str]) -> list[str]:
    names = [name for name, value in found.items() if value and list(found.values()).count(value) > 1]
    return [f"{' and '.join(names)} are the same; each must be its own"] if names else []
