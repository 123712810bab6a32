"""A rotation of the key as a person asks for it: alone in the home, the keys of `.env` written and settled."""

import secrets
from datetime import UTC, datetime

from pydantic import SecretStr

from ingestion import rotation
from models_ml import artifacts
from reverse_etl import rows
from warehouse import keys, lease, slot
from warehouse import settings as configuration
from warehouse.errors import SmaltiError
from warehouse.settings import Settings

_KEY_BYTES = 32


def rotate(settings: Settings, *, new_key: bool, dry_run: bool) -> rotation.Outcome:
    """Replace the key of all pseudonyms; with `new_key` by a random one, written to `.env` first.

    Raises:
        Busy: a run goes on.
        SmaltiError: the keys do not allow it, or something would be lost.
    """
    with slot.take(settings):
        lease.refuse_while_held(settings.ledger, datetime.now(UTC).replace(tzinfo=None))
        if new_key:
            settings = _with_new_key(settings, dry_run=dry_run)
        old, new = (key.get_secret_value() for key in (settings.hmac_key_old, settings.hmac_key))
        also = (lambda: artifacts.sign_again(settings.models, old, new), lambda: rows.rekey(settings))
        found = rotation.rotate(settings, lambda: [act() for act in also], dry_run=dry_run)
    if found.is_done:
        configuration.settle_env()
    return found


def _with_new_key(settings: Settings, *, dry_run: bool) -> Settings:
    if settings.hmac_key_old.get_secret_value():
        raise SmaltiError(
            "SMALTI_HMAC_KEY_OLD is set: a rotation is not complete · allowed: the same without --new-key"
        )
    keys.hold(settings)
    new = SecretStr(secrets.token_hex(_KEY_BYTES))
    if not dry_run:
        configuration.rotate_env(settings.hmac_key, new)
    return settings.model_copy(update={"hmac_key": new, "hmac_key_old": settings.hmac_key})
