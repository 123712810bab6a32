"""Models as a person asks for them: what counts, its card, the way back."""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from models_ml import champions, train
from warehouse import decisions, lease, slot
from warehouse.decisions import Decision
from warehouse.errors import SmaltiError
from warehouse.settings import Settings

_ALIASES = (champions.CHAMPION, champions.FORMER, champions.CHALLENGER)


@dataclass(frozen=True)
class Card:
    """A model's card, for machines and for readers."""

    as_json: dict[str, Any]
    text: str


def listed(settings: Settings) -> list[dict[str, Any]]:
    """Version by alias and the latest decision, a row a model."""
    named = {alias: champions.named(settings, alias) for alias in _ALIASES}
    latest = {one.model: one for one in decisions.read(settings.ledger)}
    return [
        {"model": model, **{alias: versions.get(model) for alias, versions in named.items()}}
        | {
            "decided": latest[model].as_of if model in latest else None,
            "outcome": latest[model].outcome if model in latest else None,
            "reason": latest[model].reason if model in latest else None,
        }
        for model in train.names()
    ]


def card(settings: Settings, model: str, version: str | None) -> Card:
    """The card of a version, or of the champion.

    Raises:
        SmaltiError: there is no such model, or none of its versions counts.
        models_ml.champions.Lost: the version's files are not there.
    """
    _known(model)
    wanted = version or champions.named(settings).get(model)
    if wanted is None:
        raise SmaltiError(f"no version of {model!r} counts yet; `smalti models list` says why")
    files = champions.load(settings, model, wanted)
    return Card(json.loads(files["card.json"]), files["card.md"].decode())


def rollback(settings: Settings, model: str, now: datetime, *, dry_run: bool) -> Decision:
    """Let the former champion count; alone in the home, for a run reads what counts twice.

    Raises:
        Busy: a run goes on.
        SmaltiError: there is no such model, or none to go back to.
    """
    _known(model)
    moment = now.replace(tzinfo=None, microsecond=0)
    with slot.take(settings):
        lease.refuse_while_held(settings.ledger, moment)
        name = f"rollback-{moment:%Y%m%dT%H%M%S}"
        return train.rollback(settings, name, model, moment, dry_run=dry_run)


def _known(model: str) -> None:
    if model not in train.names():
        raise SmaltiError(f"no model {model!r}; there are: {', '.join(train.names())}")
