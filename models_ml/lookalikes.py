"""Look-alikes in the registry: a model for each seed, of the people of today, and the newest memberships count.

A champion knows last week's memberships of the very people that would judge it, so it is not compared. The challenger
counts if it tells the seed's people from others better than chance, held out, and if those whom the same recipe would
have found a fortnight ago did not surely come to the seed less often than others.
"""

import json
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl
from threadpoolctl import threadpool_limits

from models_ml import artifacts, seeded
from models_ml.catalog import Applied, Named, Verdict
from models_ml.features import LABEL, digest
from models_ml.seeded import Seeded
from warehouse.lookalikes import Lookalike

LAYOUT = "1"  # of the artifact
PEOPLE, MEMBERS = 500, 50
_CHANCE = 0.5


@dataclass(frozen=True)
class Resemblance:
    """The model of people like those of one seed, with the memberships in a run's folder of features."""

    stated: Lookalike
    folder: Path | None = None
    table: str = "propensity"

    @property
    def name(self) -> str:
        """After its seed."""
        return self.stated.model

    def schema(self) -> dict[str, Any]:
        """As `Model.schema`."""
        from models_ml import propensity

        return propensity.SCHEMA

    def rows(self, frame: pl.DataFrame, as_of: datetime) -> Any:
        """As `Model.rows`, but for what they are: people of today and of a fortnight ago, labelled."""
        found = seeded.read(frame, self.folder, self.stated.seed, as_of)
        names = tuple(name for name in found.names if name not in self.stated.without)
        return Seeded(names, found.people, found.then)

    def lacking(self, rows: Any) -> str | None:
        """As `Model.lacking`; of people below the floor no number is told."""
        from models_ml import resemblance

        people, seed = rows.people, self.stated.seed
        members = int(people[LABEL].sum())
        if people.height < PEOPLE:
            return f"{people.height} people to learn from; at least {PEOPLE} are needed"
        if not members:
            return f"nobody is known to be in {seed}: who was in it is read from the last published version"
        if min(members, people.height - members) < MEMBERS:
            return f"fewer than {MEMBERS} people are in {seed}, or fewer are not; as many are needed of both"
        if not resemblance.varying(people, rows.names):
            return "no feature varies"
        return None if _used(rows) else f"every feature that varies tells by itself who is in {seed}"

    def version(self, rows: Any, champion: Named | None) -> str:  # noqa: ARG002  # nothing goes on from it
        """As `Model.version`."""
        known = [digest(part, rows.names) for part in (rows.people, rows.then)]
        since = [artifacts.sha256(rows.then[name].to_numpy().tobytes()) for name in _since(rows)]
        return artifacts.version(self.name, LAYOUT, json.dumps(_parameters(self.stated)), *known, *since)

    def fit(self, rows: Any, threads: int, champion: Named | None) -> artifacts.Files:  # noqa: ARG002  # on one thread
        """As `Model.fit`."""
        from models_ml import calibration, lookalike_card, resemblance

        # one thread: threads would add up in an order of their own, and the last digits would differ
        with threadpool_limits(1):
            used, label = _used(rows), rows.people[LABEL].to_numpy()
            some = resemblance.sample(label)
            fitted = resemblance.learn(rows.people, used, some)
            own = resemblance.margins(fitted, rows.people.filter(~pl.col(LABEL)))
            tiers = resemblance.bounds(calibration.sigmoid(own), resemblance.size(label))
            card = lookalike_card.card(self.stated, rows, used, fitted, some, _parameters(self.stated))
        return {"model.json": resemblance.dump(fitted, tiers), **lookalike_card.files(card)}

    def judge(
        self,
        champion: artifacts.Files | None,  # noqa: ARG002  # see above
        challenger: artifacts.Files,
        rows: Any,  # noqa: ARG002  # judged when it was fitted
        threads: int,  # noqa: ARG002
    ) -> Verdict:
        """As `Model.judge`: better than chance, and not known to find the wrong people."""
        card = json.loads(challenger["card.json"])
        held_out, since = card["metrics"]["held out"], card["metrics"]["since then"]
        area, low, high = (held_out[name] for name in ("roc_auc", "roc_auc_low", "roc_auc_high"))
        figures = f"ROC-AUC {area:.4f} (95 % {low:.4f} to {high:.4f}) of people held out"
        if low <= _CHANCE:
            return Verdict(is_promoted=False, reason=f"no better than chance: {figures}", detail=held_out)
        if "unknown" not in since and since["joined the seed"]["more than others"][2] < 0:
            reason = f"whom it would have found a fortnight ago joined {self.stated.seed} less often than others"
            return Verdict(is_promoted=False, reason=reason, detail=since)
        return Verdict(is_promoted=True, reason=f"the newest memberships count: {figures}", detail=held_out)

    def needs(self, files: artifacts.Files) -> frozenset[str]:
        """As `Model.needs`."""
        return frozenset(json.loads(files["model.json"])["space"]["names"])

    def apply(self, files: artifacts.Files, version: str, at: datetime, threads: int) -> Applied:  # noqa: ARG002
        """As `Model.apply`: whoever was in the seed at the last publication has no row."""
        from models_ml import propensity, resemblance

        fitted, tiers = resemblance.load(files)
        members = seeded.members(seeded.spells(self.folder, self.stated.seed))
        metrics = json.loads(files["card.json"])["metrics"]

        def score(people: pl.DataFrame) -> pl.DataFrame:
            others = people.join(members, on="customer_id", how="anti", maintain_order="left")
            with threadpool_limits(1):
                return propensity.scores(resemblance.applied(fitted, tiers, others), self.name, version, at)

        return Applied(score, "ok", None, metrics, _warnings(metrics))


def _used(rows: Seeded) -> tuple[str, ...]:
    """The features that do not define the seed, as the people of now have them."""
    from models_ml import resemblance

    defining = resemblance.defining(rows.people, rows.names)
    used = tuple(name for name in rows.names if name not in defining)
    return used if used and resemblance.varying(rows.people, used) else ()


def _since(rows: Seeded) -> tuple[str, ...]:
    return tuple(name for name in (seeded.JOINED, seeded.BOUGHT) if rows.then.height and name in rows.then.columns)


def _parameters(stated: Lookalike) -> dict[str, object]:
    from models_ml import resemblance

    named = {"without": list(stated.without), "defines_above": resemblance.DEFINES, "folds": resemblance.FOLDS}
    return named | {"seed": resemblance.SEED, "high_at_most": resemblance.SHARE}


def _warnings(metrics: dict[str, Any]) -> tuple[str, ...]:
    """What a reader of the figures should look into."""
    gain = metrics["since then"].get("joined the seed", {}).get("more than others")
    if gain is None or gain[1] > 0:
        return ()
    return ("whom it would have found a fortnight ago did not surely join the seed more often than others",)
