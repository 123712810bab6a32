"""How two values of a field are compared, from equal to unlike: one comparison a kind of field.

The m of each level (its share among pairs of one person) and u (among pairs of two people) stated here hold where the
data are too few to estimate them. They are rounded from the data that was tuned on (docs/linkage.md).
"""

import re
from dataclasses import dataclass

_LIKE = "jaro_winkler_similarity({0}_l, {0}_r) >= {1}"
# what is cheap comes first: strings of one length that are one edit apart differ in two places at most, dates that are
# two edits apart in four
_EDITS = """case
    when length({0}_l) <> length({0}_r) then
        abs(length({0}_l) - length({0}_r)) <= {1} and damerau_levenshtein({0}_l, {0}_r) <= {1}
    when hamming({0}_l, {0}_r) <= 2 * {1} then damerau_levenshtein({0}_l, {0}_r) <= {1}
    else false end"""
# the given name stands in the surname's place: in both records, or in the one that has no surname
_SWAPPED = """(
    (jaro_winkler_similarity(given_name_l, surname_r) >= 0.9 and jaro_winkler_similarity(surname_l, given_name_r) >= 0.9)
    or (given_name_l = surname_r and (surname_l is null or given_name_r is null))
    or (surname_l = given_name_r and (given_name_l is null or surname_r is null)))"""  # noqa: E501
_DAYS_APART = "abs(date_diff('day', try_cast(birth_date_l as date), try_cast(birth_date_r as date)))"
_DAY_IS_MONTH = (
    "left(birth_date_l, 4) = left(birth_date_r, 4) and substr(birth_date_l, 6, 2) = right(birth_date_r, 2) "
    "and right(birth_date_l, 2) = substr(birth_date_r, 6, 2)"
)
# pearl.orme1 and pearl.orme7 are two people of one name
_SAME_DIGITS = "regexp_replace(email_l, '[^0-9]', '', 'g') = regexp_replace(email_r, '[^0-9]', '', 'g')"
_SAME_INITIAL = (
    "(length(given_name_l) = 1 or length(given_name_r) = 1) and left(given_name_l, 1) = left(given_name_r, 1)"
)


@dataclass(frozen=True)
class Level:
    """One answer to how like two values are: SQL over `<field>_l` and `<field>_r`, and how often it is the answer.

    `m` is its share among pairs of one person, `u` among pairs of two; of values that are equal, the share of people
    who have the value of `term` stands in for u.
    """

    label: str
    sql: str
    m: float
    u: float
    term: str | None = None


@dataclass(frozen=True)
class Comparison:
    """Levels from equal to unlike: the first that holds is the answer, none where `missing` holds."""

    field: str
    missing: str
    levels: tuple[Level, ...]

    def level_sql(self) -> str:
        """SQL for the number of the level, 0 for equal; -1 where a value is missing."""
        whens = " ".join(f"when {level.sql} then {at}" for at, level in enumerate(self.levels))
        return f"cast(case when {self.missing} then -1 {whens} end as tinyint)"

    def columns(self) -> set[str]:
        """The columns of a record that its SQL names."""
        sql = " ".join((self.missing, *(level.sql for level in self.levels)))
        return set(re.findall(r"\b(\w+)_l\b", sql))


def of(fields: set[str]) -> tuple[Comparison, ...]:
    """The comparisons of these fields, in one order."""
    return tuple(make() for name, make in _COMPARISONS.items() if name in fields)


def _given_name() -> Comparison:
    # swapped names count once, here: the surname then says nothing more
    nothing = f"(given_name_l is null or given_name_r is null) and not coalesce({_SWAPPED}, false)"
    return _comparison(
        "given_name",
        nothing,
        _equal("given_name", 0.75, 0.005),
        Level("swapped", _SWAPPED, 0.03, 0.00005),
        Level("nickname", "list_has_any(given_names_l, given_names_r)", 0.05, 0.002),
        Level("initial", _SAME_INITIAL, 0.01, 0.01),
        Level("close", _LIKE.format("given_name", 0.9), 0.08, 0.002),
        Level("near", _LIKE.format("given_name", 0.8), 0.02, 0.005),
        _else(0.06, 0.976),
    )


def _surname() -> Comparison:
    swapped = f"coalesce({_SWAPPED}, false) and surname_l <> surname_r and given_name_l <> given_name_r"
    return _comparison(
        "surname",
        f"surname_l is null or surname_r is null or ({swapped})",
        _equal("surname", 0.8, 0.003),
        Level("close", _LIKE.format("surname", 0.9), 0.1, 0.002),
        Level("near", _LIKE.format("surname", 0.8), 0.03, 0.003),
        _else(0.07, 0.992),
    )


def _birth_date() -> Comparison:
    return _comparison(
        "birth_date",
        _missing("birth_date"),
        _equal("birth_date", 0.85, 0.00005),
        Level("one edit", _EDITS.format("birth_date", 1), 0.08, 0.001),
        Level("day and month swapped", _DAY_IS_MONTH, 0.005, 0.00002),
        Level("two edits", _EDITS.format("birth_date", 2), 0.02, 0.014),
        Level("within a month", f"{_DAYS_APART} <= 31", 0.005, 0.002),
        Level("within a year", f"{_DAYS_APART} <= 366", 0.005, 0.02),
        _else(0.035, 0.963),
    )


def _postcode() -> Comparison:
    return _comparison(
        "postcode",
        _missing("postcode"),
        _equal("postcode", 0.75, 0.0005),
        Level("one edit", _EDITS.format("postcode", 1), 0.08, 0.005),
        Level("same area", "left(postcode_l, 3) = left(postcode_r, 3)", 0.05, 0.015),
        _else(0.12, 0.9795),
    )


def _street() -> Comparison:
    return _close("street", (0.7, 0.0005), (0.1, 0.0005), (0.2, 0.999))


def _house() -> Comparison:
    return _comparison(
        "house",
        _missing("house"),
        _equal("house", 0.75, 0.015),
        Level("one edit", _EDITS.format("house", 1), 0.06, 0.2),
        _else(0.19, 0.785),
    )


def _city() -> Comparison:
    return _close("city", (0.75, 0.02), (0.1, 0.002), (0.15, 0.978))


def _phone() -> Comparison:
    return _comparison(
        "phone",
        _missing("phone"),
        _equal("phone", 0.7, 0.00005),
        Level("one edit", _EDITS.format("phone", 1), 0.05, 0.0002),
        _else(0.25, 0.99975),
    )


def _email() -> Comparison:
    return _comparison(
        "email",
        _missing("email"),
        _equal("email", 0.6, 0.00005),
        Level("same mailbox", "mailbox_l = mailbox_r", 0.1, 0.0003, term="mailbox"),
        Level("close", f"case when {_LIKE.format('email', 0.9)} then {_SAME_DIGITS} end", 0.05, 0.0005),
        _else(0.25, 0.99915),
    )


_COMPARISONS = {
    "given_name": _given_name,
    "surname": _surname,
    "birth_date": _birth_date,
    "postcode": _postcode,
    "street": _street,
    "house": _house,
    "city": _city,
    "phone": _phone,
    "email": _email,
}


def _close(name: str, equal: tuple[float, float], close: tuple[float, float], other: tuple[float, float]) -> Comparison:
    like = Level("close", _LIKE.format(name, 0.9), *close)
    return _comparison(name, _missing(name), _equal(name, *equal), like, _else(*other))


def _comparison(field: str, missing: str, *levels: Level) -> Comparison:
    return Comparison(field, missing, levels)


def _missing(field: str) -> str:
    return f"{field}_l is null or {field}_r is null"


def _equal(field: str, m: float, u: float) -> Level:
    return Level("equal", f"{field}_l = {field}_r", m, u, term=field)


def _else(m: float, u: float) -> Level:
    return Level("unlike", "true", m, u)
