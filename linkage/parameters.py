"""The parameters of a model, in Splink's own dictionary: read, and changed into those of another model."""

from collections.abc import Callable, Iterator, Sequence
from copy import deepcopy
from math import log2
from statistics import median
from typing import Any

from linkage import rules

Model = dict[str, Any]
Level = dict[str, Any]
_LEAST = 1e-8  # of m and u
_HOME = ("postcode", "street", "house", "city")
_PERSONAL = ("equal", "same mailbox")  # of e-mail: what a household does not share


def levels(model: Model) -> Iterator[tuple[str, int, Level]]:
    """Field, number as in Splink's `gamma_` columns, and level; those of missing values left out."""
    for comparison in model["comparisons"]:
        stated = [level for level in comparison["comparison_levels"] if not level.get("is_null_level")]
        for at, level in enumerate(stated):
            yield comparison["output_column_name"], len(stated) - 1 - at, level


def prior(model: Model) -> float:
    """The probability that two records taken at random are of one person."""
    return float(model["probability_two_random_records_match"])


def with_prior(model: Model, probability: float) -> Model:
    """The model with another prior, within what has a logarithm."""
    return {**model, "probability_two_random_records_match": min(0.5, max(1e-15, probability))}


def without_matches(model: Model, sampled: Model) -> Model:
    """The model with u as sampled, without the share that pairs of one person have in the sample.

    Among pairs taken at random a share `prior` is of one person and agrees with m: where values are rare, these are
    most of those that agree.
    """
    share = prior(model)

    def corrected(level: Level, seen: Level) -> Level:
        u = seen["u_probability"]
        return {**level, "u_probability": max((u - share * level["m_probability"]) / (1 - share), u / 50, _LEAST)}

    return _paired(model, sampled, corrected)


def complete(model: Model, stated: Model) -> Model:
    """The model with the stated m and u where training saw no pair of a level, and a little of the stated m everywhere.

    What happened to no pair so far is rare, not impossible.
    """

    def filled(level: Level, default: Level) -> Level:
        m = _number(level.get("m_probability")) or default["m_probability"]
        m = (1 - rules.STATED_SHARE) * m + rules.STATED_SHARE * default["m_probability"]
        u = _number(level.get("u_probability")) or default["u_probability"]
        return {**level, "m_probability": m, "u_probability": u}

    return _paired(model, stated, filled)


def _number(value: object) -> float:
    return value if isinstance(value, float) else 0.0


def _paired(model: Model, other: Model, change: Callable[[Level, Level], Level]) -> Model:
    """The model with each level changed by the same level of another model."""
    changed = deepcopy(model)
    beside = {(field, number): level for field, number, level in levels(other)}
    for field, number, level in levels(changed):
        level.update(change(level, beside[field, number]))
    return changed


def together(sampled: Model, taught: Sequence[Model]) -> Model:
    """The model with the median m of all that were trained from it; a field that a rule names learns nothing of it."""
    merged = deepcopy(sampled)
    every = [{(field, number): level for field, number, level in levels(model)} for model in taught]
    for field, number, level in levels(merged):
        found = [_number(model[field, number].get("m_probability")) for model in every]
        if learned := [m for m in found if m not in (0.0, level["m_probability"])]:
            level["m_probability"] = median(learned)
    return merged


def is_of_people(model: Model) -> bool:
    """Whether pairs that training took for one person agree on names and birth date, all but for some errors."""
    unlike = {field: level["m_probability"] for field, number, level in levels(model) if number == 0}
    return all(unlike.get(name, 0) <= rules.MOST_UNLIKE for name in ("given_name", "surname", "birth_date"))


def weight(level: Level) -> float:
    """The match weight of a level: log2 of how much likelier it is in one person's records than in two people's."""
    return log2(max(level["m_probability"], _LEAST) / max(level["u_probability"], _LEAST))


def readable(model: Model) -> dict[str, dict[str, dict[str, float]]]:
    """Give m, u and weight by field and level, rounded; no value of a record is part of a model."""
    shown: dict[str, dict[str, dict[str, float]]] = {}
    for field, _, level in levels(model):
        rounded = {name[0]: float(f"{level[name]:.4g}") for name in ("m_probability", "u_probability")}
        shown.setdefault(field, {})[level["label_for_charts"]] = rounded | {"weight": round(weight(level), 2)}
    return shown


def home_weight_sql(model: Model) -> str:
    """SQL for what the fields of an address add to a pair's match weight."""
    home = [name for name in fields(model) if name in _HOME]
    return " + ".join(f"mw_{field} + mw_tf_adj_{field}" for field in home) or "0"


def relatives_factor_sql(model: Model) -> str:
    """SQL for how much likelier given name, birth date and e-mail are among relatives than in one person's records."""
    shared = {"given_name": rules.NAMESAKES, "birth_date": 0.0, "email": rules.SHARED_EMAIL}
    cases: dict[str, list[str]] = {}
    for field, number, level in levels(model):
        if field in shared:
            cases.setdefault(field, []).append(f"when {number} then {_ratio(level, shared[field])!r}")
    return " * ".join(f"case gamma_{field} {' '.join(whens)} else 1 end" for field, whens in cases.items()) or "1"


def _ratio(level: Level, shared: float) -> float:
    """Relatives who share a value agree on it as one person's records do, others as strangers."""
    alike = shared * (level["label_for_charts"] == "equal") + (1 - shared) * level["u_probability"]
    return float(alike / max(level["m_probability"], 1e-6))


def born_sql(model: Model, missing: str) -> str:
    """SQL for whether both birth dates of a pair are known; `missing` where the data hold none."""
    return "gamma_birth_date >= 0" if "birth_date" in fields(model) else missing


def unproven_sql(model: Model) -> str:
    """SQL for whether neither birth date nor e-mail tells a pair from namesakes of one household.

    Of no pair where the data hold neither e-mail nor phone, as registers do: there the prior of relatives decides.
    """
    present = fields(model)
    if not {"email", "phone"} & set(present):
        return "false"
    unborn = f"not {born_sql(model, 'false')}"
    if "email" not in present:
        return unborn
    personal = [n for field, n, level in levels(model) if field == "email" and level["label_for_charts"] in _PERSONAL]
    return f"({unborn} and gamma_email not in ({', '.join(map(str, personal))}))"


def fields(model: Model) -> list[str]:
    """The fields that are compared."""
    return [comparison["output_column_name"] for comparison in model["comparisons"]]
