"""Records counted from bytes alone: what DuckDB says of a file is held against a count that it had no part in."""

import numpy as np

_LINE_FEED, _RETURN = b"\n\r"


class Escapes:
    """Takes the meaning from escaped quotes, so that the others can be told by their parity."""

    def __init__(self, escape: str, quote: str) -> None:
        """Both are one ASCII character."""
        self._escape, self._quote, self._escaped = escape.encode(), quote.encode(), 0

    def hidden(self, chunk: bytes) -> bytes:
        """As many bytes, with others in the place of an escape and what it escapes."""
        if self._escaped and chunk[:1] in (self._escape, self._quote):
            chunk = b"_" + chunk[1:]
        self._escaped = (len(chunk) - len(chunk.rstrip(self._escape))) & 1
        if self._escape not in chunk:
            return chunk
        return chunk.replace(self._escape * 2, b"__").replace(self._escape + self._quote, b"__")


class Counter:
    """Counts non-empty lines, in CSV non-empty records: a line break between quotes ends none.

    The quote's parity decides, which is exact for RFC 4180; where a quote stands inside an unquoted
    value it is not, the count then disagrees with DuckDB's, and the file is read record by record.
    """

    def __init__(self, quote: str | None, escape: str | None = None) -> None:
        """Count lines, or records of CSV with this quote, which the escape makes a mere character."""
        self.records = 0
        self.open_bytes = 0  # since the last line break
        self._quote = (quote or "").encode()
        self._escapes = Escapes(escape, quote) if escape and quote else None
        self._inside, self._ended = 0, True

    def feed(self, chunk: bytes) -> None:
        """Count the records that begin in these bytes, which go on where the last ones ended."""
        if not chunk:
            return
        if self._escapes:
            chunk = self._escapes.hidden(chunk)
        byte = np.frombuffer(chunk, dtype=np.uint8)
        ends = byte == _LINE_FEED
        if b"\r" in chunk:
            ends |= byte == _RETURN
        last = max(chunk.rfind(b"\n"), chunk.rfind(b"\r"))
        self.open_bytes = len(chunk) - 1 - last + (self.open_bytes if last < 0 else 0)
        if self._quote and (self._inside or self._quote in chunk):
            quotes, breaks = np.flatnonzero(byte == self._quote[0]), np.flatnonzero(ends)
            ends[breaks[(np.searchsorted(quotes, breaks) + self._inside) & 1 == 1]] = False
            self._inside = (len(quotes) + self._inside) & 1
        self.records += int(np.count_nonzero(ends[:-1] > ends[1:])) + int(self._ended and not ends[0])
        self._ended = bool(ends[-1])
