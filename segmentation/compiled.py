"""Sidecars with a rule, and the queries beside them: read, held against each other, written."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError
from pydantic_core import ErrorDetails

from segmentation import check, generate
from segmentation.located import Wrong, compose, faults, place, plain, under
from segmentation.rule import GRAMMAR, NAME, AllOf, AnyOf, Member, Not, Rule
from segmentation.vocabulary import MEASURED, TABLES, Vocabulary, reserved, vocabulary
from segmentation.wording import close, listed, shown
from warehouse import atomic, thresholds
from warehouse.dbt import SEGMENTS
from warehouse.errors import SmaltiError

_META = ("models", 0, "config", "meta")
_REFS = re.compile(rf"ref\('({NAME})'\)")


def with_rule(folder: Path = SEGMENTS) -> list[str]:
    """The segments that are a rule."""
    return [path.stem for path in sorted(folder.glob("*.yml")) if _rule_node(path) is not None]


def problems(folder: Path = SEGMENTS) -> list[str]:
    """One line for each thing wrong with a rule or with the query beside it: file, line and column, what is allowed."""
    found = []
    for name in with_rule(folder):
        try:
            differs = is_stale(name, folder)
        except SmaltiError as error:
            found += str(error).splitlines()
        else:
            what = f"{name}.sql: is not what the rule in {name}.yml says"
            found += [f"{what}; `smalti segments compile {name}` writes it"] if differs else []
    without = {path.stem for path in folder.glob("*.sql")} - set(with_rule(folder))
    return found + [
        f"{name}.sql:1: says that a rule wrote it, and {name}.yml has none; allowed: a rule, or another first line"
        for name in sorted(without)
        if (folder / f"{name}.sql").read_text().startswith(generate.note(name))
    ]


def is_stale(name: str, folder: Path = SEGMENTS) -> bool:
    """Whether the query beside a rule is not the rule's."""
    path, text = folder / f"{name}.sql", query(name, folder)
    return not path.exists() or path.read_text() != text


def write(name: str, folder: Path = SEGMENTS) -> bool:
    """Write the query beside a rule, whole or not at all; whether it was another before.

    Raises:
        SmaltiError: the rule is wrong; each fault stands on a line.
    """
    if not is_stale(name, folder):
        return False
    path, text = folder / f"{name}.sql", query(name, folder)
    aside = path.with_name(f".{path.name}.new")
    aside.write_text(text)
    atomic.sync(aside)
    aside.replace(path)
    atomic.sync(folder)
    return True


def query(name: str, folder: Path = SEGMENTS) -> str:
    """The query that a rule says.

    Raises:
        SmaltiError: the rule is wrong; each fault stands on a line.
    """
    words = vocabulary(folder)
    if name not in words.segments:
        raise SmaltiError(
            f"no segment {shown(name)}{close(name, words.segments)}; there are: {listed(with_rule(folder))}"
        )
    if told := unfit(name):
        raise SmaltiError(f"{name}.yml: {told}")
    return generate.sql(name, rule(name, folder, words), words)


def rule(name: str, folder: Path, words: Vocabulary) -> Rule:
    """The rule of a sidecar, sound in shape and names.

    Raises:
        SmaltiError: it is not; each fault stands on a line, with file, line, column and what is allowed.
    """
    path = folder / f"{name}.yml"
    node = compose(path.read_bytes())
    if isinstance(node, Wrong):
        raise _told(path, [node])
    found = under(node, *_META, "rule")
    if found is None:
        raise SmaltiError(
            f"{path.name}: no `config.meta.rule`; allowed here: {listed(with_rule(folder)) or 'none yet'}"
        )
    read = _shaped(path, found)
    setting = check.Setting(words, _thresholds(node))
    wrong = [place(found, at, told) for at, told in check.problems(read, setting)]
    wrong += [place(found, (), told) for told in _circles(name, read, folder, words)]
    if wrong:
        raise _told(path, wrong)
    return read


def _shaped(path: Path, node: yaml.Node) -> Rule:
    if wrong := list(faults(node)):
        raise _told(path, wrong)
    try:
        return GRAMMAR.validate_python(plain(node))
    except ValidationError as error:
        raise _told(path, [_placed(node, each) for each in error.errors()]) from None


def unfit(name: str) -> str | None:
    """Why a segment may not be called so, whatever there is already."""
    if not re.fullmatch(NAME, name) or len(name) > _LONGEST_NAME:
        return f"the name {shown(name)}; allowed are small letters, digits and _, at most {_LONGEST_NAME}"
    if name in reserved():
        return f"the name {shown(name)} is a word of SQL; allowed is any other"
    if name in {*TABLES, MEASURED}:
        return f"the name {shown(name)} is a step of every query; allowed is any other"
    return None


_LONGEST_NAME = 60


def _rule_node(path: Path) -> yaml.Node | None:
    node = compose(path.read_bytes())
    return None if isinstance(node, Wrong) else under(node, *_META, "rule")


def _thresholds(node: yaml.Node) -> Mapping[str, Any]:
    """By name: those that segments share, and over them those of the sidecar, alone or with their range."""
    found = under(node, *_META, "thresholds")
    stated = None if found is None or next(faults(found), None) else plain(found)
    own = stated if isinstance(stated, dict) else {}
    return thresholds.values() | {name: one.get("value") if isinstance(one, dict) else one for name, one in own.items()}


def _told(path: Path, wrong: list[Wrong]) -> SmaltiError:
    placed = sorted(wrong, key=lambda each: (each.line, each.column))
    return SmaltiError("\n".join(f"{path.name}:{each.line}:{each.column}: {each.told}" for each in placed))


def _placed(node: yaml.Node, error: ErrorDetails) -> Wrong:
    key = error.get("ctx", {}).get("key")
    return place(node, error["loc"], error["msg"], key)


def _circles(name: str, read: Rule, folder: Path, words: Vocabulary) -> Iterator[str]:
    """Segments that are, over others, made of themselves."""
    waiting: list[tuple[str, tuple[str, ...]]] = [(each, (name, each)) for each in members(read)]
    seen: set[str] = set()
    while waiting:
        segment, way = waiting.pop()
        if segment == name:
            yield f"is made of itself: {' → '.join(way)}; allowed are segments that do not lead back"
            return
        if segment in words.segments - seen:
            seen.add(segment)
            waiting += [(each, (*way, each)) for each in sorted(_made_of(segment, folder))]


def members(read: Rule) -> Iterator[str]:
    """The segments of which a rule speaks."""
    match read:
        case AllOf(all_=parts) | AnyOf(any_=parts):
            for part in parts:
                yield from members(part)
        case Not(not_=part):
            yield from members(part)
        case Member(segment=segment):
            yield segment


def _made_of(segment: str, folder: Path) -> set[str]:
    """What a segment reads: by its rule where it has one, which may be newer than its query."""
    sidecar, path = folder / f"{segment}.yml", folder / f"{segment}.sql"
    node = _rule_node(sidecar) if sidecar.exists() else None
    if node is not None and not next(faults(node), None):
        try:
            return set(members(GRAMMAR.validate_python(plain(node))))
        except ValidationError:
            return set()  # its own check says what is wrong
    return set(_REFS.findall(path.read_text())) if path.exists() else set()
