"""JSON as one record a line: the elements of one array, or objects one after another, however they are printed.

Only brackets, quotes and commas are looked at; whether a record is JSON is for what reads the line. A line break
within a record becomes a tab, which is as much or as little allowed there.
"""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from ingestion.containers import ContentError
from ingestion.count import Escapes

_COMMA, _QUOTE, _BREAK, _TAB, _SPACE = b',"\n\t '
_ALLOWED = "allowed: one array of objects, or objects one after another"
_STEPS = np.zeros(256, dtype=np.int8)
_STEPS[list(b"[{")], _STEPS[list(b"]}")] = 1, -1
_MARKS = np.isin(np.arange(256), list(b"[]{},"))
_BLANKS = np.isin(np.arange(256), list(b" \t\r\n"))


def lines(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """The records of these chunks, each ended by a line break; the last one may not be.

    Raises:
        ContentError: it is neither an array nor objects, is cut off, or has an empty element.
    """
    start = b""
    for chunk in chunks:
        start = chunk.lstrip()
        if start:
            break
    if start[:1] not in (b"[", b"{"):
        raise ContentError(f"JSON of another kind; {_ALLOWED}")
    splitter = _Array() if start[:1] == b"[" else _Objects()
    yield splitter.feed(start)
    yield from map(splitter.feed, filter(None, chunks))
    if splitter.depth or splitter.inside or not splitter.is_complete:
        raise ContentError(f"JSON cut off, or brackets do not match; {_ALLOWED}")


class _Objects:
    """Objects one after another: a line begins where one begins."""

    def __init__(self) -> None:
        self.depth = self.inside = 0
        self.is_complete = True
        self._escapes, self._is_first = Escapes("\\", '"'), True

    def feed(self, chunk: bytes) -> bytes:
        byte, marks, depths = self._structure(chunk)
        begins = marks[(depths == 1) & (_STEPS[byte[marks]] == 1)]
        begins, self._is_first = begins[int(self._is_first) :] if len(begins) else begins, False
        return np.insert(_on_one_line(chunk), begins, _BREAK).tobytes()

    def _structure(self, chunk: bytes) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.intp], npt.NDArray[np.int64]]:
        """The bytes, the places of brackets and commas outside strings, and the depth after each."""
        byte = np.frombuffer(self._escapes.hidden(chunk), dtype=np.uint8)
        quotes, marks = np.flatnonzero(byte == _QUOTE), np.flatnonzero(_MARKS[byte])
        marks = marks[(np.searchsorted(quotes, marks) + self.inside) & 1 == 0]
        depths = self.depth + np.cumsum(_STEPS[byte[marks]], dtype=np.int64)
        if len(depths) and depths.min() < 0:
            raise ContentError(f"JSON whose brackets do not match; {_ALLOWED}")
        self.inside = (self.inside + len(quotes)) & 1
        self.depth = int(depths[-1]) if len(depths) else self.depth
        return byte, marks, depths


class _Array(_Objects):
    """One array: a line ends at a comma between its elements."""

    def __init__(self) -> None:
        super().__init__()
        self.is_complete, self._is_blank, self._elements = False, True, 0

    def feed(self, chunk: bytes) -> bytes:
        if self.is_complete:
            return self._nothing_more(chunk)
        byte, marks, depths = self._structure(chunk)
        ends = marks[depths == 0][:1]
        stop = int(ends[0]) if len(ends) else len(chunk)
        commas = marks[(depths == 1) & (byte[marks] == _COMMA) & (marks < stop)]
        line = _on_one_line(chunk)
        line[commas] = _BREAK
        if self._is_first:
            line[0], self._is_first = _SPACE, False
        is_start = self._is_blank and not self._elements
        self._check_elements(line[:stop], commas, ends)
        if len(ends):
            self.is_complete, self.depth = True, 0
            self._nothing_more(chunk[stop + 1 :])
        return line[:stop].tobytes().lstrip() if is_start else line[:stop].tobytes()

    def _check_elements(
        self, line: npt.NDArray[np.uint8], commas: npt.NDArray[np.intp], ends: npt.NDArray[np.intp]
    ) -> None:
        """No element is blank, but the only one of an empty array."""
        filled, edges = np.flatnonzero(~_BLANKS[line]), np.concatenate((commas, ends))
        before = np.searchsorted(filled, edges)
        counts = np.diff(before, prepend=0)
        counts[:1] += not self._is_blank
        self._elements += len(commas)
        if (counts[: len(commas)] == 0).any() or (len(ends) and self._elements and counts[-1] == 0):
            raise ContentError(f"JSON array with an empty element; {_ALLOWED}")
        self._is_blank = len(filled) == (before[-1] if len(edges) else 0) and (self._is_blank or len(edges) > 0)

    @staticmethod
    def _nothing_more(chunk: bytes) -> bytes:
        if chunk.strip():
            raise ContentError(f"JSON array with something after it; {_ALLOWED}")
        return b""


def _on_one_line(chunk: bytes) -> npt.NDArray[np.uint8]:
    return np.frombuffer(chunk.replace(b"\n", b"\t").replace(b"\r", b"\t"), dtype=np.uint8).copy()
