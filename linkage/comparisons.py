"""How two values of a field are compared, from equal to unlike: one comparison a kind of field.

The m of each level (its share among pairs of one person) and u (among pairs of two people) stated here hold where the
data are too few to estimate them. They are rounded from the data that was tuned on (docs/linkage.md).
"""

from splink.comparison_level_library import CustomLevel, ElseLevel, ExactMatchLevel, NullLevel
from splink.comparison_library import CustomComparison
from splink.internals.comparison_level_creator import ComparisonLevelCreator

_LIKE = "jaro_winkler_similarity({0}_l, {0}_r) >= {1}"
# what is cheap comes first, by `case`, as DuckDB computes both sides of an `and`: one edit between two lengths needs no
# damerau_levenshtein, and so many edits of one length show in twice as many places at most (dates have one length)
_ONE_EDIT = """case
    when abs(length({0}_l) - length({0}_r)) = 1 then levenshtein({0}_l, {0}_r) = 1
    when length({0}_l) <> length({0}_r) then false
    when hamming({0}_l, {0}_r) <= 2 then damerau_levenshtein({0}_l, {0}_r) <= 1
    else false end"""
_TWO_EDITS = """case
    when hamming(birth_date_l, birth_date_r) <= 4 then damerau_levenshtein(birth_date_l, birth_date_r) <= 2
    else false end"""
# the given name stands in the surname's place: in both records, or in the one that has no surname
_SWAPPED = """(
    case when jaro_winkler_similarity(given_name_l, surname_r) >= 0.9
        then jaro_winkler_similarity(surname_l, given_name_r) >= 0.9 end
    or (given_name_l = surname_r and (surname_l is null or given_name_r is null))
    or (surname_l = given_name_r and (given_name_l is null or surname_r is null)))"""
_DAYS_APART = "abs(date_diff('day', try_cast(birth_date_l as date), try_cast(birth_date_r as date)))"
_DAY_IS_MONTH = (
    "left(birth_date_l, 4) = left(birth_date_r, 4) and substr(birth_date_l, 6, 2) = right(birth_date_r, 2) "
    "and right(birth_date_l, 2) = substr(birth_date_r, 6, 2)"
)
# pearl.orme1 and pearl.orme7 are two people of one name
_SAME_DIGITS = "regexp_replace(email_l, '[^0-9]', '', 'g') = regexp_replace(email_r, '[^0-9]', '', 'g')"
_SAME_INITIAL = (
    "case when length(given_name_l) = 1 or length(given_name_r) = 1 "
    "then left(given_name_l, 1) = left(given_name_r, 1) end"
)


def of(fields: set[str]) -> list[CustomComparison]:
    """The comparisons of these fields, in one order."""
    return [make() for name, make in _COMPARISONS.items() if name in fields]


def _given_name() -> CustomComparison:
    # swapped names count once, here: the surname then says nothing more
    nothing = f"(given_name_l is null or given_name_r is null) and not coalesce({_SWAPPED}, false)"
    return _comparison(
        "given_name",
        _null(nothing),
        _equal("given_name", 0.75, 0.005),
        _level("swapped", _SWAPPED, 0.03, 0.00005),
        _level("nickname", "list_has_any(given_names_l, given_names_r)", 0.05, 0.002),
        _level("initial", _SAME_INITIAL, 0.01, 0.01),
        _level("close", _LIKE.format("given_name", 0.9), 0.08, 0.002),
        _level("near", _LIKE.format("given_name", 0.8), 0.02, 0.005),
        _else(0.06, 0.976),
    )


def _surname() -> CustomComparison:
    swapped = f"coalesce({_SWAPPED}, false) and surname_l <> surname_r and given_name_l <> given_name_r"
    return _comparison(
        "surname",
        _null(f"surname_l is null or surname_r is null or ({swapped})"),
        _equal("surname", 0.8, 0.003),
        _level("close", _LIKE.format("surname", 0.9), 0.1, 0.002),
        _level("near", _LIKE.format("surname", 0.8), 0.03, 0.003),
        _else(0.07, 0.992),
    )


def _birth_date() -> CustomComparison:
    return _comparison(
        "birth_date",
        NullLevel("birth_date"),
        _equal("birth_date", 0.85, 0.00005),
        _level("one edit", _ONE_EDIT.format("birth_date"), 0.08, 0.001),
        _level("day and month swapped", _DAY_IS_MONTH, 0.005, 0.00002),
        _level("two edits", _TWO_EDITS, 0.02, 0.014),
        _level("within a month", f"{_DAYS_APART} <= 31", 0.005, 0.002),
        _level("within a year", f"{_DAYS_APART} <= 366", 0.005, 0.02),
        _else(0.035, 0.963),
    )


def _postcode() -> CustomComparison:
    return _comparison(
        "postcode",
        NullLevel("postcode"),
        _equal("postcode", 0.75, 0.0005),
        _level("one edit", _ONE_EDIT.format("postcode"), 0.08, 0.005),
        _level("same area", "left(postcode_l, 3) = left(postcode_r, 3)", 0.05, 0.015),
        _else(0.12, 0.9795),
    )


def _street() -> CustomComparison:
    return _close("street", (0.7, 0.0005), (0.1, 0.0005), (0.2, 0.999))


def _house() -> CustomComparison:
    return _comparison(
        "house",
        NullLevel("house"),
        _equal("house", 0.75, 0.015),
        _level("one edit", _ONE_EDIT.format("house"), 0.06, 0.2),
        _else(0.19, 0.785),
    )


def _city() -> CustomComparison:
    return _close("city", (0.75, 0.02), (0.1, 0.002), (0.15, 0.978))


def _phone() -> CustomComparison:
    return _comparison(
        "phone",
        NullLevel("phone"),
        _equal("phone", 0.7, 0.00005),
        _level("one edit", _ONE_EDIT.format("phone"), 0.05, 0.0002),
        _else(0.25, 0.99975),
    )


def _email() -> CustomComparison:
    mailbox = _level("same mailbox", "mailbox_l = mailbox_r", 0.1, 0.0003)
    return _comparison(
        "email",
        NullLevel("email"),
        _equal("email", 0.6, 0.00005),
        mailbox.configure(tf_adjustment_column="mailbox", tf_adjustment_weight=1.0),
        _level("close", f"case when {_LIKE.format('email', 0.9)} then {_SAME_DIGITS} end", 0.05, 0.0005),
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


def _close(
    name: str, equal: tuple[float, float], close: tuple[float, float], other: tuple[float, float]
) -> CustomComparison:
    like = _level("close", _LIKE.format(name, 0.9), *close)
    return _comparison(name, NullLevel(name), _equal(name, *equal), like, _else(*other))


def _comparison(name: str, *levels: ComparisonLevelCreator) -> CustomComparison:
    return CustomComparison(list(levels), output_column_name=name)


def _null(sql: str) -> ComparisonLevelCreator:
    return CustomLevel(sql, "missing").configure(is_null_level=True)


def _equal(name: str, m: float, u: float) -> ComparisonLevelCreator:
    level = ExactMatchLevel(name, term_frequency_adjustments=True)
    return level.configure(m_probability=m, u_probability=u, label_for_charts="equal")


def _level(label: str, sql: str, m: float, u: float) -> ComparisonLevelCreator:
    return CustomLevel(sql, label).configure(m_probability=m, u_probability=u)


def _else(m: float, u: float) -> ComparisonLevelCreator:
    return ElseLevel().configure(m_probability=m, u_probability=u, label_for_charts="unlike")
