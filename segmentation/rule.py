"""The grammar of a rule, as it stands under `config.meta.rule` of a segment's sidecar.

Shape only: which keys go together and what kind of value each has. That a column, a threshold or a segment exists, and
is compared with what it can be compared with, is held against the tables in `check.py`.
"""

import math
import re
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    PlainValidator,
    Tag,
    TypeAdapter,
    model_validator,
)
from pydantic_core import PydanticCustomError

from segmentation.wording import close, listed, shown

NAME = r"[a-z][a-z0-9_]*"
LONGEST, LARGEST, MOST = 80, 10**15, 100
_DURATION = re.compile(rf"([0-9]{{1,5}}|{NAME}) (minute|hour|day|week)s?")
_JINJA = ("{{", "{%", "{#")


def wrong(told: str, key: str | None = None) -> PydanticCustomError:
    """An error in our words; `key` is the key at which it stands, where that is not the whole."""
    return PydanticCustomError("rule", "{told}", {"told": told, "key": key})


@dataclass(frozen=True)
class Duration:
    """A length of time; the amount is a number or the name of a threshold."""

    amount: int | str
    unit: str


def _duration(value: object) -> Duration:
    found = _DURATION.fullmatch(value) if isinstance(value, str) else None
    if not found:
        raise wrong(f"is {shown(value)}; allowed is a number or a threshold, and a unit: 30 days, 12 hours")
    return Duration(int(found[1]) if found[1].isdigit() else found[1], found[2])


def _moment(value: object) -> Duration:
    if not isinstance(value, str) or not _DURATION.fullmatch(value.removesuffix(" ago")) or not value.endswith(" ago"):
        raise wrong(f"is {shown(value)}; allowed is a moment before the run: 30 days ago, 12 hours ago")
    return _duration(value.removesuffix(" ago"))


def _value(value: object) -> bool | float | str:
    if isinstance(value, str):
        if len(value) > LONGEST or not value.isprintable() or any(opens in value for opens in _JINJA):
            allowed = f"text of at most {LONGEST} printable characters, without {listed(_JINJA)}"
            raise wrong(f"is {shown(value)}; allowed is {allowed}")
        return value
    if not isinstance(value, int | float) or not math.isfinite(value) or abs(value) > LARGEST:
        raise wrong(f"is {shown(value)}; allowed is a text, a number up to {LARGEST}, true or false")
    return value


def _number(value: object) -> float | str:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise wrong(f"is {shown(value)}; allowed is a number, or the name of a threshold")
    return _value(value)


def _short(value: object) -> object:
    """`books` is short for `{is: books}`, `[ios, android]` for `{in: [ios, android]}`."""
    if isinstance(value, list):
        return {"in": value}
    return value if isinstance(value, dict) else {"is": value}


Value = Annotated[bool | float | str, PlainValidator(_value)]
Number = Annotated[float | str, PlainValidator(_number)]
Moment = Annotated[Duration, PlainValidator(_moment)]


def unwritten(alias: str | None = None) -> Any:
    """A key that need not stand there; whether it does, `model_fields_set` tells, for null is no value of a rule."""
    return Field(default=None, alias=alias)


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)
    one_of: ClassVar[tuple[str, ...]] = ()

    @model_validator(mode="before")
    @classmethod
    def _only_known_keys(cls, data: object) -> object:
        allowed = [field.alias or name for name, field in cls.model_fields.items()]
        if not isinstance(data, dict):
            raise wrong(f"is {shown(data)}; allowed is a mapping with: {listed(allowed)}")
        for key in data:
            if key not in allowed:
                raise wrong(f"unknown key {shown(key)}{close(key, allowed)}; allowed: {listed(allowed)}", key)
        if cls.one_of and len([key for key in cls.one_of if key in data]) != 1:
            raise wrong(f"allowed is exactly one of: {listed(cls.one_of)}")
        return data

    def given(self) -> tuple[tuple[str, Any], ...]:
        """The keys that stand there, as written, with their values, in the order of the grammar."""
        fields = type(self).model_fields.items()
        written = self.model_fields_set
        return tuple((field.alias or name, getattr(self, name)) for name, field in fields if name in written)


class Comparison(_Part):
    """What a value must be; several hold together. Null meets none of them but `is_null: true`."""

    is_: Value = unwritten("is")
    in_: Annotated[list[Value], Field(min_length=1, max_length=MOST)] = unwritten("in")
    at_least: Number = unwritten()
    more_than: Number = unwritten()
    at_most: Number = unwritten()
    less_than: Number = unwritten()
    between: Annotated[list[Number], Field(min_length=2, max_length=2)] = unwritten()
    after: Moment = unwritten()
    since: Moment = unwritten()
    before: Moment = unwritten()
    until: Moment = unwritten()
    is_null: bool = unwritten()

    def comparisons(self) -> tuple[tuple[str, Any], ...]:
        """Each comparison as written: its key and its value."""
        return tuple((key, value) for key, value in self.given() if key in COMPARISONS)

    @model_validator(mode="after")
    def _compares(self) -> Self:
        if not self.comparisons():
            raise wrong(f"compares with nothing; allowed is one or more of: {listed(COMPARISONS)}")
        return self


COMPARISONS = tuple(field.alias or name for name, field in Comparison.model_fields.items())
Short = Annotated[Comparison, BeforeValidator(_short)]


class OfColumn(Comparison):
    """A comparison of what a column comes to."""

    of: str


class Attribute(Comparison):
    """A column of `profiles.customers`."""

    attribute: str


class _Occurrence(_Part):
    """Events or orders of a person, those that `where` and `within` leave, as one figure."""

    one_of = ("count", "distinct", "sum", "last")
    where: dict[str, Short] = {}
    within: Annotated[Duration, PlainValidator(_duration)] = unwritten()
    count: Comparison = unwritten()
    distinct: OfColumn = unwritten()
    sum: OfColumn = unwritten()
    last: Comparison = unwritten()
    as_: Annotated[str, Field(pattern=f"^{NAME}$", max_length=30)] = unwritten("as")

    @property
    def measure(self) -> tuple[str, Comparison]:
        """Which figure, and what it must be."""
        return next((key, value) for key, value in self.given() if key in self.one_of)


class Event(_Occurrence):
    """What a person did on the web or in an app."""

    event: str

    @property
    def kind(self) -> str:
        """Which events."""
        return self.event


class Order(_Occurrence):
    """What a person ordered."""

    order: str

    @property
    def kind(self) -> str:
        """Which orders."""
        return self.order


class Score(_Part):
    """What a model said in this run."""

    one_of = ("tier", "probability", "cluster", "persona")
    score: str
    tier: Short = unwritten()
    probability: Short = unwritten()
    cluster: Short = unwritten()
    persona: Short = unwritten()

    @property
    def measure(self) -> tuple[str, Comparison]:
        """Which column, and what it must be."""
        return next((key, value) for key, value in self.given() if key in self.one_of)


class Member(_Part):
    """Members of another segment."""

    segment: str


class AllOf(_Part):
    """Every condition is met."""

    all_: "Conditions" = Field(alias="all")


class AnyOf(_Part):
    """At least one condition is met."""

    any_: "Conditions" = Field(alias="any")


class Not(_Part):
    """The condition is not met; what is unknown meets nothing, and so counts here."""

    not_: "Condition" = Field(alias="not")


KINDS = ("all", "any", "not", "attribute", "event", "order", "score", "segment")


def _of_a_kind(value: object) -> object:
    keys = list(value) if isinstance(value, dict) else []
    if len([kind for kind in KINDS if kind in keys]) == 1:
        return value
    told = f"is {shown(value)}" if not isinstance(value, dict) else "names no kind, or several"
    guess = next((hint for key in keys if (hint := close(key, KINDS))), "")
    raise wrong(f"a condition {told}{guess}; allowed is exactly one of: {listed(KINDS)}")


def _kind(value: Any) -> str:
    """The kind as a tag that is no key, so that the place of an error leads through keys alone."""
    return next(f"<{kind}>" for kind in KINDS if kind in value)


Condition = Annotated[
    Annotated[AllOf, Tag("<all>")]
    | Annotated[AnyOf, Tag("<any>")]
    | Annotated[Not, Tag("<not>")]
    | Annotated[Attribute, Tag("<attribute>")]
    | Annotated[Event, Tag("<event>")]
    | Annotated[Order, Tag("<order>")]
    | Annotated[Score, Tag("<score>")]
    | Annotated[Member, Tag("<segment>")],
    Discriminator(_kind),
    BeforeValidator(_of_a_kind),
]
Conditions = Annotated[list[Condition], Field(min_length=1, max_length=MOST)]
Rule = AllOf | AnyOf | Not | Attribute | Event | Order | Score | Member

for part in (AllOf, AnyOf, Not):
    part.model_rebuild()
GRAMMAR: TypeAdapter[Rule] = TypeAdapter(Condition)
