"""Under which key the pseudonyms of a home stand: all under one, or nothing is loaded or run.

Two keys at once would make two people of one, without an error anywhere.
"""

from collections.abc import Sequence

from warehouse import manifest
from warehouse.errors import SmaltiError
from warehouse.manifest import Line
from warehouse.pseudonyms import key_id
from warehouse.settings import Settings

_ROTATE = "`smalti vault rotate` with the key before in SMALTI_HMAC_KEY_OLD"


def marked(settings: Settings, lines: Sequence[Line]) -> list[Line]:
    """The lines, as of rows whose pseudonyms stand under the key in use."""
    return [line.model_copy(update={"key_id": key_id(settings.hmac_key)}) for line in lines]


def standing(settings: Settings) -> set[str | None]:
    """The ids of the keys under which raw stands; None of lines from before keys had names."""
    lines = (line for path in settings.raw.glob("*/manifest.jsonl") for line in manifest.read(path.parent))
    return {line.key_id for line in lines if line.status != "quarantined"}


def hold(settings: Settings) -> None:
    """Refuse to go on unless everything stands under the key in use.

    Raises:
        SmaltiError: a rotation is not complete, or the key is another one than that of the rows.
    """
    if settings.rotation.exists():
        raise SmaltiError(f"rotation of the key is not complete · {settings.home} · allowed: {_ROTATE}, to its end")
    found, own = standing(settings), key_id(settings.hmac_key)
    foreign = sorted(one for one in found if one not in (None, own))
    if foreign:
        keys = f"SMALTI_HMAC_KEY is key {own}, the pseudonyms are of key {', '.join(foreign)}"
        raise SmaltiError(f"{keys} · {settings.home} · allowed: that key, or {_ROTATE}")
    if None in found and settings.hmac_key_old.get_secret_value():
        raise SmaltiError(f"SMALTI_HMAC_KEY_OLD is set, and nothing was rotated · {settings.home} · allowed: {_ROTATE}")
