"""The card of a linkage: what it was made of, how good it is on labelled data, and where it must not be trusted."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from linkage import forms, model, parameters, reuse, rules
from linkage.model import Fitted

Card = dict[str, object]
Section = Mapping[str, Any]
MEASURED = Path(__file__).with_name("measured.json")
_LIMITS = [
    "Records that differ in one letter of everything may be of two people; the threshold accepts some such errors.",
    "Namesakes of one household are told apart by birth date or e-mail; where neither tells, they are not linked.",
    "Data with neither e-mail nor phone have no such rule: there the prior of relatives decides.",
    "Nicknames are those of English; other names are compared by spelling.",
    "Quality on labelled data says what the rules can do, not how clean the records of this home are.",
    "Not to be used for credit, eligibility, or anything with legal effect on a person.",
]


def rules_version() -> str:
    """Names the rules by all that decides on a pair before training (12 hex digits)."""
    names = {name: value for name, value in vars(rules).items() if name.isupper()}
    stated = model.stated({*forms.COMPARED, "mailbox", "given_root"}, rules.BLOCKING)
    text = json.dumps([names, stated, forms.compared_sql("records")], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def make(fitted: Fitted | None, sources: list[str], links: int, reason: str | None) -> Card:
    """The card of one run; `reason` says why nothing was compared, where that is so."""
    return {
        "model": "linkage",
        "what": "Links between records of one person that have no common key.",
        "reason": reason,
        "data": {"sources": sources, "records": fitted.records if fitted else 0, "links": links},
        "training": _training(fitted) if fitted else {},
        "parameters": parameters.readable(fitted.model) if fitted else {},
        "rules": {
            "version": rules_version(),
            "threshold": rules.THRESHOLD,
            "seed": rules.SEED,
            "blocking": list(fitted.blocking) if fitted else [],
        },
        "measured": json.loads(MEASURED.read_text()),
        "software": {name: version(name) for name in reuse.LIBRARIES},
        "limits": _LIMITS,
    }


def _training(fitted: Fitted) -> Card:
    return {
        "trained": fitted.is_trained,
        "strict_pairs": fitted.strict_pairs,
        "candidates": fitted.candidates,
        "prior": float(f"{parameters.prior(fitted.model):.4g}"),
        "prior_of_relatives": float(f"{fitted.relatives_prior:.4g}"),
    }


def markdown(card: Card) -> str:
    """The same card for a reader."""
    lines = [f"# Model card: {card['model']}", "", str(card["what"]), ""]
    if card["reason"]:
        lines += [f"Nothing was compared: {card['reason']}.", ""]
    if card.get("links_of"):
        lines += [f"No record changed since the run {card['links_of']}: its links hold.", ""]
    for title, section in card.items():
        if isinstance(section, Mapping) and section:
            lines += [f"## {title.capitalize()}", "", *_SECTIONS.get(title, _listed)(section), ""]
    return "\n".join([*lines, "## Limits", "", *(f"- {limit}" for limit in _LIMITS), ""])


def _listed(section: Section) -> list[str]:
    return [f"- {name}: {_inline(inner)}" for name, inner in section.items()]


def measured_table(section: Section) -> list[str]:
    """What was measured on labelled data, as a Markdown table."""
    names = ("pairs", "closed", "exact")
    rows = [
        [name, "tuned on" if one["is_tuned_on"] else "held out", f"{one['records']:,}"]
        + [", ".join(f"{one[found][value]:.4f}" for value in ("precision", "recall", "f1")) for found in names]
        + [f"{one['cpu_seconds']:.1f}"]
        for name, one in section["data"].items()
    ]
    said = [f"{name}: precision, recall, F1" for name in ("pairs", "closed", "exact keys")]
    return table(["data", "labels", "records", *said, "CPU-s"], rows)


def weights_table(section: Section) -> list[str]:
    """Match weight, m and u of each level, as a Markdown table."""
    rows = [
        [field, level, f"{one['weight']:+.2f}", f"{one['m']:.4g}", f"{one['u']:.4g}"]
        for field, levels in section.items()
        for level, one in levels.items()
    ]
    return table(["field", "level", "match weight", "m", "u"], rows)


def table(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """The lines of a Markdown table."""
    return [f"| {' | '.join(cells)} |" for cells in (titles, ["---"] * len(titles), *rows)]


def _inline(value: object) -> str:
    if isinstance(value, Mapping):
        return "; ".join(
            f"{name} ({_inline(inner)})" if isinstance(inner, Mapping) else f"{name} {_inline(inner)}"
            for name, inner in value.items()
        )
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


_SECTIONS = {"measured": measured_table, "parameters": weights_table}
