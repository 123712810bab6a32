"""What should count after any history of deliveries, in plain Python: dicts, one row after another."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Place = tuple[int, int]  # number of a file, position of a row in it


@dataclass(frozen=True)
class Row:
    """A row as it was delivered; what breaks the contract is not `good`."""

    key: int
    value: str
    good: bool = True


@dataclass(frozen=True)
class Content:
    """What a file holds; with a `mark` no header or record of it can be read."""

    rows: tuple[Row, ...] = ()
    mark: int | None = None

    @property
    def is_damaged(self) -> bool:
        return self.mark is not None


@dataclass
class File:
    """A content under the name it first came by."""

    name: str
    content: Content
    status: Literal["loaded", "superseded", "quarantined"] = "loaded"


@dataclass(frozen=True)
class Told:
    """What a load says of itself."""

    new: int = 0
    known: int = 0
    quarantined: int = 0
    superseded: int = 0
    loaded: int = 0
    untold: frozenset[str] = frozenset()


@dataclass
class Oracle:
    """Which row of which file counts.

    - A content that came before, under whatever name, is known: nothing of it happens again. In one load the first
      file with a content, by day and then by name, is the one.
    - A file that cannot be read is quarantined and changes nothing else.
    - A file with the name of one that counts takes its place: no row of the older one counts from then on.
    - Of a load, such files come first, then the others; files are taken `at_once` so many together.
    - A row counts if it keeps the contract and no row with its key counts as yet. It counts until its file goes.
    - A key that lost its row so, and that no file of the load took, goes to the first row with it in the files that
      count, in the order in which they were first loaded, provided that the file is still `kept`.
    - Every row of a file that counts is loaded (it counts), rejected (it breaks the contract) or a duplicate.
    """

    at_once: int = 2_000
    files: list[File] = field(default_factory=list)
    holders: dict[int, Place] = field(default_factory=dict)
    kept: set[Content] = field(default_factory=set)

    def load(self, drop: Mapping[str, Content]) -> Told:
        """Take over these files, by name, all of one folder."""
        self.kept |= {content for content in drop.values() if not content.is_damaged}
        before = {file.content: file.status for file in self.files}
        first: dict[Content, str] = {}
        for name in sorted(drop):
            first.setdefault(drop[name], name)
        new = {name: content for content, name in first.items() if content not in before}
        again = [drop[name] for name in drop if name not in new]
        live = {file.name for file in self.files if file.status == "loaded"}
        order = sorted(new, key=lambda name: (name not in live, name))
        lost: set[int] = set()
        superseded = loaded = 0
        for start in range(0, len(order), self.at_once):
            some = order[start : start + self.at_once]
            gone = self._supersede([name for name in some if not new[name].is_damaged])
            superseded += gone[0]
            lost |= gone[1]
            loaded += sum(self._add(name, new[name]) for name in some)
        back, untold = self._bring_back(lost)
        bad_again = sum(content.is_damaged and content in before for content in again)
        return Told(
            new=sum(not content.is_damaged for content in new.values()),
            known=len(again) - bad_again,
            quarantined=sum(content.is_damaged for content in new.values()) + bad_again,
            superseded=superseded,
            loaded=loaded + back,
            untold=untold,
        )

    def _supersede(self, names: list[str]) -> tuple[int, set[int]]:
        gone = {n for n, file in enumerate(self.files) if file.status == "loaded" and file.name in names}
        for number in gone:
            self.files[number].status = "superseded"
        lost = {key for key, (number, _) in self.holders.items() if number in gone}
        for key in lost:
            del self.holders[key]
        return len(gone), lost

    def _add(self, name: str, content: Content) -> int:
        """The file's number of rows that count."""
        self.files.append(File(name, content, "quarantined" if content.is_damaged else "loaded"))
        return self._take(len(self.files) - 1, {row.key for row in content.rows})

    def _take(self, number: int, keys: set[int]) -> int:
        """Let the file's rows with these keys count where nobody else does."""
        taken = 0
        for position, row in enumerate(self.files[number].content.rows, 1):
            if row.good and row.key in keys and row.key not in self.holders:
                self.holders[row.key] = number, position
                taken += 1
        return taken

    def _bring_back(self, lost: set[int]) -> tuple[int, frozenset[str]]:
        """Rows that came back, and the files which could not be looked at."""
        lost = lost - set(self.holders)
        if not lost:
            return 0, frozenset()
        repeating = [n for n, file in enumerate(self.files) if file.status == "loaded" and self.counts(n)["duplicate"]]
        back, untold = 0, set()
        for number in repeating:
            if self.files[number].content in self.kept:
                back += self._take(number, lost)
            else:
                untold.add(self.files[number].name)
        return back, frozenset(untold)

    def counts(self, number: int) -> dict[str, int]:
        """The fate of a file's rows."""
        rows = self.files[number].content.rows
        loaded = sum(holder == number for holder, _ in self.holders.values())
        rejected = sum(not row.good for row in rows)
        duplicate = len(rows) - loaded - rejected
        return {"in": len(rows), "loaded": loaded, "rejected": rejected, "duplicate": duplicate, "suppressed": 0}

    def rows(self) -> set[tuple[Content, int, int, str]]:
        """Content, position, key and value of each row that counts."""
        found = set()
        for number, position in self.holders.values():
            content = self.files[number].content
            row = content.rows[position - 1]
            found.add((content, position, row.key, row.value))
        return found
