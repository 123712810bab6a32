"""The parameters of a model: read, changed into those of another, and as SQL over the levels of a pair."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from math import log2
from statistics import median

from linkage import rules
from linkage.comparisons import Comparison, Level

Answer = tuple[str, int]  # a field, and the number of one of its levels
Shares = dict[Answer, float]
_LEAST = 1e-8  # of m and u
_HOME = ("postcode", "street", "house", "city")
_PERSONAL = ("equal", "same mailbox")  # of e-mail: what a household does not share


@dataclass(frozen=True)
class Model:
    """Comparisons with their m and u, and the probability that two records taken at random are of one person."""

    prior: float
    comparisons: tuple[Comparison, ...]

    def levels(self) -> Iterator[tuple[Answer, Level]]:
        """Field and number of each level, with the level."""
        for comparison in self.comparisons:
            for at, level in enumerate(comparison.levels):
                yield (comparison.field, at), level

    def changed(self, change: Callable[[Answer, Level], Level]) -> "Model":
        """The model with each level changed."""
        changed = (
            replace(one, levels=tuple(change((one.field, at), level) for at, level in enumerate(one.levels)))
            for one in self.comparisons
        )
        return replace(self, comparisons=tuple(changed))

    def with_prior(self, probability: float) -> "Model":
        """The model with another prior, within what has a logarithm."""
        return replace(self, prior=min(0.5, max(1e-15, probability)))


def with_u(model: Model, sampled: Shares) -> Model:
    """The model with u as sampled; as stated where the sample has no pair of a level."""
    return model.changed(lambda answer, level: replace(level, u=sampled.get(answer) or level.u))


def with_m(model: Model, taught: Sequence[Shares]) -> Model:
    """The model with the median m of what was learned, and a little of the stated m everywhere.

    What happened to no pair so far is rare, not impossible.
    """

    def learned(answer: Answer, level: Level) -> Level:
        found = [shares[answer] for shares in taught if shares.get(answer)]
        m = median(found) if found else level.m
        return replace(level, m=(1 - rules.STATED_SHARE) * m + rules.STATED_SHARE * level.m)

    return model.changed(learned)


def without_matches(model: Model, sampled: Model) -> Model:
    """The model with u as sampled, without the share that pairs of one person have in the sample.

    Among pairs taken at random a share `prior` is of one person and agrees with m: where values are rare, these are
    most of those that agree.
    """
    seen = dict(sampled.levels())
    share = model.prior

    def corrected(answer: Answer, level: Level) -> Level:
        u = seen[answer].u
        return replace(level, u=max((u - share * level.m) / (1 - share), u / 50, _LEAST))

    return model.changed(corrected)


def is_of_people(model: Model) -> bool:
    """Whether pairs that training took for one person agree on names and birth date, all but for some errors."""
    unlike = {one.field: one.levels[-1].m for one in model.comparisons}
    return all(unlike.get(name, 0) <= rules.MOST_UNLIKE for name in ("given_name", "surname", "birth_date"))


def weight(level: Level) -> float:
    """The match weight of a level: log2 of how much likelier it is in one person's records than in two people's."""
    return log2(max(level.m, _LEAST) / max(level.u, _LEAST))


def readable(model: Model) -> dict[str, dict[str, dict[str, float]]]:
    """Give m, u and weight by field and level, rounded; no value of a record is part of a model."""
    shown: dict[str, dict[str, dict[str, float]]] = {}
    for (field, _), level in model.levels():
        rounded = {"m": float(f"{level.m:.4g}"), "u": float(f"{level.u:.4g}"), "weight": round(weight(level), 2)}
        shown.setdefault(field, {})[level.label] = rounded
    return shown


def weights_sql(comparisons: Sequence[Comparison]) -> str:
    """SQL for what these fields add to a pair's match weight, over `level_<field>` and `share_<term>`."""
    return " + ".join(_case(one, _weight_sql, "0.0") for one in comparisons) or "0.0"


def _weight_sql(level: Level) -> str:
    if not level.term:
        return repr(weight(level))
    return f"{log2(max(level.m, _LEAST))!r} - log2(coalesce(share_{level.term}, {max(level.u, _LEAST)!r}))"


def _case(comparison: Comparison, value: Callable[[Level], str], missing: str) -> str:
    whens = " ".join(f"when {at} then {value(level)}" for at, level in enumerate(comparison.levels))
    return f"case level_{comparison.field} {whens} else {missing} end"


def home(model: Model) -> list[Comparison]:
    """The comparisons of an address."""
    return [one for one in model.comparisons if one.field in _HOME]


def relatives_factor_sql(model: Model) -> str:
    """SQL for how much likelier given name, birth date and e-mail are among relatives than in one person's records."""
    shared = {"given_name": rules.NAMESAKES, "birth_date": 0.0, "email": rules.SHARED_EMAIL}
    factors = [_case(one, _ratio_sql(shared[one.field]), "1.0") for one in model.comparisons if one.field in shared]
    return " * ".join(factors) or "1.0"


def _ratio_sql(shared: float) -> Callable[[Level], str]:
    """Relatives who share a value agree on it as one person's records do, others as strangers."""

    def ratio(level: Level) -> str:
        return repr((shared * (level.label == "equal") + (1 - shared) * level.u) / max(level.m, 1e-6))

    return ratio


def unproven_sql(model: Model) -> str:
    """SQL for whether neither birth date nor e-mail tells a pair from namesakes of one household.

    Of no pair where the data hold neither e-mail nor phone, as registers do: there the prior of relatives decides.
    """
    present = {one.field: one for one in model.comparisons}
    if not present.keys() & {"email", "phone"}:
        return "false"
    born = "level_birth_date = -1" if "birth_date" in present else "true"
    if "email" not in present:
        return born
    personal = [at for at, level in enumerate(present["email"].levels) if level.label in _PERSONAL]
    return f"({born} and level_email not in ({', '.join(map(str, personal))}))"
