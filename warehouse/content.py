"""The content matrix: which block, offer and message a segment gets on a channel at a stage, as the seeds say.

A row that could never be shown, or a segment that is sent somewhere and would be shown nothing, stops the build.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from warehouse import attributes, seeds
from warehouse.errors import SmaltiError
from warehouse.seeds import Line, Rows
from warehouse.settings import CHECKOUT

SEEDS = CHECKOUT / "dbt_project" / "seeds"
BLOCKS, MATRIX, TOKENS = FILES = ("content_blocks.csv", "content_matrix.csv", "content_tokens.csv")
ANY = "*"
STAGES = ("browsing", "cart_abandoned", "post_purchase")  # `journey_stage` of `customers`
_TOKEN = re.compile(r"\{([a-z][a-z0-9_]*)\}")


def _parts(text: str | None) -> tuple[str, ...]:
    return tuple(text.split("|")) if text else ()


def _hours(text: str | None) -> list[str] | None:
    return text.split("-") if text else None


Name = Annotated[str, Field(pattern="^[a-z][a-z0-9_]*$")]
NameOrAny = Annotated[str, Field(pattern=r"^(\*|[a-z][a-z0-9_]*)$")]
Tags = Annotated[tuple[NameOrAny, ...], BeforeValidator(_parts), Field(min_length=1)]
Text = Annotated[str, Field(min_length=1, pattern=r"^\S")]
Stage = Literal["*", "browsing", "cart_abandoned", "post_purchase"]
Strategy = Literal["popular", "recent", "personal", "cart_offer", "complements", "loyalty", "referral"]
Device = Literal["desktop", "mobile", "tablet", "other"]
Devices = Annotated[tuple[Device, ...], BeforeValidator(_parts)]
Hour = Annotated[int, Field(ge=0, le=23)]
Hours = Annotated[tuple[Hour, Hour] | None, BeforeValidator(_hours)]


def _or_none(text: str | None) -> str | None:
    return text or None


class Block(Line):
    """A block, offer or message of the library, with where it may stand: `*` is anywhere."""

    block_id: Name
    kind: Literal["block", "offer", "message"]
    strategy: Annotated[Strategy | None, BeforeValidator(_or_none)]
    channels: Annotated[tuple[Name, ...], BeforeValidator(_parts), Field(min_length=1)]
    segments: Tags
    stages: Annotated[tuple[Stage, ...], BeforeValidator(_parts), Field(min_length=1)]
    template: Text

    @model_validator(mode="after")
    def _has_a_strategy(self) -> Self:
        if (self.kind == "block") != (self.strategy is not None):
            raise ValueError("a block has a strategy; an offer and a message have none")
        return self

    @property
    def tokens(self) -> list[str]:
        """What is put in for each person."""
        return _TOKEN.findall(self.template)


class Row(Line):
    """A row of the matrix: for whom, on which channel, at which stage, under which conditions, and what is shown."""

    row_id: Name
    segment: NameOrAny
    channel: Name
    stage: Stage
    priority: Annotated[int, Field(ge=0)]
    block_id: Name
    offer_id: Annotated[Name | None, BeforeValidator(_or_none)]
    message_id: Annotated[Name | None, BeforeValidator(_or_none)]
    regions: Annotated[tuple[Text, ...], BeforeValidator(_parts)]
    usual_devices: Devices
    hours: Hours
    devices: Devices
    valid_from: Annotated[date | None, BeforeValidator(_or_none)]
    valid_to: Annotated[date | None, BeforeValidator(_or_none)]

    @model_validator(mode="after")
    def _can_hold(self) -> Self:
        if self.hours and self.hours[0] == self.hours[1]:
            raise ValueError("hours begin when they end; allowed: two hours as 17-23, or none at all")
        if self.valid_from and self.valid_to and self.valid_to < self.valid_from:
            raise ValueError("valid_to lies before valid_from; allowed: the same day or a later one")
        return self

    @property
    def conditions(self) -> tuple[str, ...]:
        """Names of the conditions that it states besides segment, channel and stage."""
        names = ("regions", "usual_devices", "hours", "devices", "valid_from", "valid_to")
        return tuple(name for name in names if getattr(self, name))

    @property
    def order(self) -> tuple[int, int, str]:
        """Less comes first: who names more, then the lower priority number, then the id."""
        dated = bool(self.valid_from or self.valid_to)
        others = sum(not name.startswith("valid_") for name in self.conditions)
        return -((self.segment != ANY) + (self.stage != ANY) + others + dated), self.priority, self.row_id


class Token(Line):
    """A token of templates: the attribute that it stands for, and what stands there where that is not known."""

    token: Name
    attribute: Name
    default_text: Text


@dataclass(frozen=True)
class Cell:
    """What whoever is in this segment gets on the channel at the stage whatever else is true of them.

    `is_fallback`: the row is for any segment. `row_id` is None where there is no row: a gap.
    """

    destination: str
    segment: str
    channel: str
    stage: str
    row_id: str | None
    is_fallback: bool
    conditional_rows: int


@dataclass(frozen=True)
class Content:
    """The seeds as they stand, each line by its number."""

    blocks: dict[int, Block]
    matrix: dict[int, Row]
    tokens: dict[int, Token]
    activations: Rows
    purposes: Rows


def read(folder: Path = SEEDS) -> Content:
    """The library and the matrix.

    Raises:
        SmaltiError: a line is malformed; each stands on a line of the message.
    """
    if found := list(_malformed(folder)):
        raise SmaltiError("\n".join(found))
    return Content(
        {at: Block.model_validate(row) for at, row in seeds.rows(folder / BLOCKS)},
        {at: Row.model_validate(row) for at, row in seeds.rows(folder / MATRIX)},
        {at: Token.model_validate(row) for at, row in seeds.rows(folder / TOKENS)},
        seeds.rows(folder / "activations.csv"),
        seeds.rows(folder / "purposes.csv"),
    )


def problems(folder: Path = SEEDS) -> list[str]:
    """One line for each thing wrong: file and line, what, what is allowed."""
    if found := list(_malformed(folder)):
        return found
    content = read(folder)
    library = {block.block_id: block for block in content.blocks.values()}
    return [
        *_repeated(BLOCKS, content.blocks, lambda block: block.block_id),
        *_repeated(MATRIX, content.matrix, lambda row: row.row_id),
        *_repeated(TOKENS, content.tokens, lambda token: token.token),
        *_untold(content, folder.parent),
        *(f"{MATRIX}:{at}: {why}" for at, row in content.matrix.items() for why in _unfit(row, library)),
        *_unsent(content),
        *_gaps(content),
    ]


def coverage(content: Content) -> list[Cell]:
    """A cell for each destination, segment that is sent there, and stage."""
    sent = sorted({(line["destination"], line["segment"], line["channel"]) for _, line in content.activations})
    return [_cell(content, *where, stage) for where in sent for stage in STAGES]


def listed(content: Content, channel: str | None = None) -> list[dict[str, Any]]:
    """The rows of the matrix, of one channel or all, by channel and stage, in the order in which they are tried.

    Raises:
        SmaltiError: there is no row for the channel.
    """
    strategies = {block.block_id: block.strategy for block in content.blocks.values()}
    rows = sorted(content.matrix.values(), key=lambda row: (row.channel, row.stage, row.order))
    if channel and channel not in (channels := {row.channel for row in rows}):
        raise SmaltiError(f"no content for channel {channel!r}; there is for: {_listed(channels)}")
    wanted = [row for row in rows if channel in (None, row.channel)]
    return [row.model_dump(mode="json") | {"strategy": strategies[row.block_id]} for row in wanted]


def _cell(content: Content, destination: str, segment: str, channel: str, stage: str) -> Cell:
    fitting = [
        row
        for row in content.matrix.values()
        if row.channel == channel and row.segment in (segment, ANY) and row.stage in (stage, ANY)
    ]
    always = min((row for row in fitting if not row.conditions), key=lambda row: row.order, default=None)
    conditional = sum(bool(row.conditions) for row in fitting)
    is_fallback = always is not None and always.segment == ANY
    row_id = always.row_id if always else None
    return Cell(destination, segment, channel, stage, row_id, is_fallback, conditional)


def _malformed(folder: Path) -> Iterator[str]:
    lines: dict[str, type[Line]] = {BLOCKS: Block, MATRIX: Row, TOKENS: Token}
    for name, line in lines.items():
        for at, row in seeds.rows(folder / name):
            yield from (f"{name}:{at}: {why}" for why in seeds.faults(line, row))


def _repeated(name: str, lines: dict[int, Any], key: Callable[[Any], str]) -> Iterator[str]:
    seen: dict[str, int] = {}
    for at, line in lines.items():
        if (first := seen.setdefault(key(line), at)) != at:
            yield f"{name}:{at}: {key(line)} stands on line {first} already; allowed: each id once"


def _untold(content: Content, project: Path) -> Iterator[str]:
    """Tokens that are not declared, or stand for what may not be told for all that their channels are used for."""
    told, uses = attributes.tellable(project), defaultdict[str, set[str]](set)
    for _, line in content.purposes:
        uses[line["channel"]].add(line["purpose"])
    for at, token in content.tokens.items():
        if token.attribute not in told:
            yield f"{TOKENS}:{at}: {token.attribute!r} may not be told; allowed: {_listed(told)}"
    declared = {token.token: token.attribute for token in content.tokens.values() if token.attribute in told}
    for at, block in content.blocks.items():
        if set("{}") & set(_TOKEN.sub("", block.template)):
            yield f"{BLOCKS}:{at}: a brace of the template is no token's; allowed: {{first_category}} and the like"
        purposes = {purpose for channel in block.channels for purpose in uses[channel]}
        for name in block.tokens:
            if name not in declared:
                yield f"{BLOCKS}:{at}: no token {name!r}; {TOKENS} has: {_listed(declared)}"
            elif missing := purposes - {*told[declared[name]]}:
                yield f"{BLOCKS}:{at}: {name} is not told for {_listed(missing)}; allowed: another token or channel"


def _unfit(row: Row, library: dict[str, Block]) -> Iterator[str]:
    """What the row shows and the library does not have, or not for there."""
    for kind in ("block", "offer", "message"):
        if (name := getattr(row, f"{kind}_id")) is None:
            continue
        block = library.get(name)
        if block is None or block.kind != kind:
            of_kind = (one.block_id for one in library.values() if one.kind == kind)
            yield f"no {kind} {name!r} in {BLOCKS}; there are: {_listed(of_kind)}"
            continue
        for what, wanted, tags in (
            ("channel", row.channel, block.channels),
            ("segment", row.segment, block.segments),
            ("stage", row.stage, block.stages),
        ):
            if ANY not in tags and wanted not in tags:
                yield f"{name} is not for {what} {wanted}; its tags in {BLOCKS} allow: {_listed(tags)}"


def _unsent(content: Content) -> Iterator[str]:
    """A row whose segment is not sent on its channel would never be shown: mostly a name with a slip."""
    sent = defaultdict[str, set[str]](set)
    for _, line in content.activations:
        sent[line["channel"]].add(line["segment"])
    channels = {line["channel"] for _, line in content.purposes}
    for at, row in content.matrix.items():
        if row.channel not in channels:
            yield f"{MATRIX}:{at}: no channel {row.channel!r} in purposes.csv; allowed: {_listed(channels)}"
        elif row.segment not in {ANY, *sent[row.channel]}:
            allowed = _listed({ANY, *sent[row.channel]})
            yield f"{MATRIX}:{at}: {row.segment} is sent nowhere on {row.channel}; allowed: {allowed}"


def _gaps(content: Content) -> Iterator[str]:
    lines = {(line["destination"], line["segment"]): at for at, line in content.activations}
    for cell in coverage(content):
        if cell.row_id is None:
            yield (
                f"activations.csv:{lines[cell.destination, cell.segment]}: {cell.segment} has no content on "
                f"{cell.channel} at {cell.stage}; allowed: a row without conditions in {MATRIX}, for it or for {ANY}"
            )


def _listed(names: Collection[str] | Iterator[str]) -> str:
    return ", ".join(sorted(names)) or "nothing"
