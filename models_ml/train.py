"""features → champions: fit what is due, hold it against what counts, and let the better one count.

A training may be killed anywhere and repeated: artifacts are named by what they are made of, a decision is written down
before the registry follows it, and the registry moves by one alias.
"""

import json
from collections.abc import Mapping
from datetime import datetime

import polars as pl

from models_ml import artifacts, catalog, champions, due
from models_ml.catalog import Model, Verdict
from models_ml.features import Split, naive, read
from warehouse import decisions
from warehouse.decisions import Decision
from warehouse.settings import Settings


def train(settings: Settings, run_id: str, as_of: datetime, *, is_asked: bool) -> dict[str, Decision]:
    """Train the models that are due, all of them where it is asked for; the decision on each by name.

    Args:
        settings: says where features and models are, and holds the signing key.
        run_id: names the folder of features read.
        as_of: the moment of the run, UTC; labels are closed before it.
        is_asked: train though nothing else demands it, as each week.

    Raises:
        NoFeatures: the run has no features.
        ValueError: the features break their contract.
        models_ml.artifacts.Tampered: a stored model is not what was signed.
    """
    frame = read(settings.features / run_id / "features.parquet")
    wanted = due.models(settings, settings.features / run_id, is_asked=is_asked)
    return {name: _decide(settings, run_id, model, frame, as_of) for name, model in wanted.items()}


def _decide(settings: Settings, run_id: str, model: Model, frame: pl.DataFrame, as_of: datetime) -> Decision:
    """What becomes of one model in this run; decided once, then only carried out."""
    earlier = [one for one in decisions.read(settings.ledger, model.name) if one.run_id == run_id]
    decision = earlier[0] if earlier else _weighed(settings, run_id, model, model.rows(frame, as_of), as_of)
    decision = decisions.keep(settings.ledger, decision)
    if not _is_carried_out(settings, decision):
        _carry_out(settings, decision)
    return decision


def _is_carried_out(settings: Settings, decision: Decision) -> bool:
    """Whether the registry stands as decided; a promotion's last step is that its version is no challenger any more."""
    champion, challenger = (
        champions.named(settings, alias).get(decision.model) for alias in (champions.CHAMPION, champions.CHALLENGER)
    )
    if decision.outcome in ("lacking", "unchanged"):
        return champion is None or champion != challenger
    if decision.is_promoted:
        return champion == decision.challenger != challenger
    return challenger == decision.challenger


def _weighed(settings: Settings, run_id: str, model: Model, rows: Split, as_of: datetime) -> Decision:
    from models_ml.likelihood import NoFit  # scipy is slow to import

    champion = champions.named(settings).get(model.name)
    if champion and not (settings.models / model.name / champion).is_dir():
        champion = None  # its files are gone: whatever is fitted is the first again
    decided = (run_id, model.name, naive(as_of).isoformat())
    if reason := model.lacking(rows):
        return Decision(*decided, "lacking", reason, champion)
    old = champions.load(settings, model.name, champion) if champion else None
    named = (champion, old) if champion and old is not None else None
    version = model.version(rows, named)
    if version == champion:
        return Decision(*decided, "unchanged", "the same data give the same model", champion, version)
    try:
        files = _fitted(settings, model, rows, version, named)
    except NoFit as none:
        return Decision(*decided, "lacking", str(none), champion)
    if version in _rolled_back(settings, model.name):
        return Decision(*decided, "kept", "a person has rolled it back", champion, version)
    why = catalog.absent(model, old, rows.names) if old else None
    verdict = model.judge(None if why else old, files, rows, settings.threads)
    reason = f"{why}; {verdict.reason}" if why else verdict.reason
    return Decision(*decided, _outcome(verdict, champion), reason, champion, version, verdict.detail)


def _outcome(verdict: Verdict, champion: str | None) -> str:
    if verdict.is_promoted:
        return "promoted" if champion else "first"
    return "kept" if champion else "refused"


def _fitted(
    settings: Settings, model: Model, rows: Split, version: str, champion: catalog.Named | None
) -> artifacts.Files:
    folder = settings.models / model.name / version
    if not folder.exists():
        artifacts.save(folder, model.fit(rows, settings.threads, champion), settings.hmac_key.get_secret_value())
    # read back even what was just written, so that the first run and the hundredth use the same bytes
    return champions.load(settings, model.name, version)


def _rolled_back(settings: Settings, model: str) -> set[str]:
    """Versions that a person left: a training must not bring them back."""
    found = decisions.read(settings.ledger, model)
    return {str(one.champion) for one in found if one.outcome == "rolled back"}


def _carry_out(settings: Settings, decision: Decision) -> None:
    from models_ml.registry import Registry  # seconds to import

    registry, model, version = Registry(settings), decision.model, decision.challenger
    if version and decision.outcome != "unchanged":
        registry.register(model, version, tags(champions.load(settings, model, version)))
    if version and decision.is_promoted:
        registry.promote(model, version)
    registry.settle(model)


def tags(files: artifacts.Files) -> Mapping[str, str]:
    """What the registry tells of a version: hashes of contents, and its figures."""
    card = json.loads(files["card.json"])
    figures = {name: artifacts.dump(card[name]).decode() for name in ("metrics", "data") if name in card}
    return {**{f"sha256.{name}": artifacts.sha256(content) for name, content in files.items()}, **figures}


def rollback(settings: Settings, run_id: str, model: str, as_of: datetime, *, dry_run: bool) -> Decision:
    """Let the former champion count again, from the next scoring on.

    Raises:
        SmaltiError: there is no such model, or none to go back to.
        models_ml.champions.Lost: its files are gone.
    """
    from models_ml.registry import Registry

    registry = Registry(settings)
    former, champion = registry.former(model), champions.named(settings)[model]
    champions.load(settings, model, former)  # whole, or there is nothing to go back to
    decision = Decision(run_id, model, naive(as_of).isoformat(), "rolled back", "by a person", champion, former)
    if not dry_run:
        decisions.keep(settings.ledger, decision)
        registry.promote(model, former)
    return decision


def names() -> tuple[str, ...]:
    """The models that there are."""
    return tuple(model.name for model in catalog.models())
