"""Where records end in a piece of CSV, by the positions of quotes: bytes and NumPy, no loop over lines.

RFC 4180 is taken at its word: a quote opens a cell (after a delimiter or a line's end), closes it (before one), or is
doubled inside a quoted cell. Then a line break is a record's end exactly where an even number of quotes went before,
and a quote that is none of the three is a mistake that can be placed. https://www.rfc-editor.org/rfc/rfc4180
"""

import dataclasses
from typing import Any

import numpy as np
import numpy.typing as npt

Positions = npt.NDArray[np.int64]
_QUOTE, _COMMA, _LF, _CR = b'",\n\r'


def positions(data: npt.NDArray[np.uint8], byte: int) -> Positions:
    """Return the offsets of a byte, in order."""
    return np.flatnonzero(data == byte)


def line_ends(data: bytes) -> Positions:
    r"""Return the offset of the last byte of each line's end: ``\n``, ``\r\n`` or a lone ``\r``."""
    view = np.frombuffer(data, np.uint8)
    ends = positions(view, _LF)
    if b"\r" in data:
        returns = positions(view, _CR)
        following = np.append(view, np.uint8(0))[returns + 1]
        ends = np.sort(np.concatenate([ends, returns[following != _LF]]))
    return ends


def count_lines(data: bytes) -> int:
    """Count the line ends in a piece that ends at one."""
    count = data.count(b"\n")
    return count + data.count(b"\r") - data.count(b"\r\n") if b"\r" in data else count


@dataclasses.dataclass(frozen=True)
class WrongQuote:
    """A quote that neither opens, closes nor escapes.

    Attributes:
        offset: Where it stands; for a cell that is not closed properly, where the cell was opened.
        unclosed: Whether a quoted cell was opened there, or the quote stands in an unquoted cell.
    """

    offset: int
    unclosed: bool


def wrong_quote(data: bytes, *, final: bool) -> WrongQuote | None:
    """Find the first wrong quote in a piece that begins at a record.

    Args:
        data: The piece.
        final: Whether the file ends with it; otherwise what follows its last byte is unknown and not judged.
    """
    if b'"' not in data:
        return None
    view = np.frombuffer(data, np.uint8)
    quotes = positions(view, _QUOTE)
    padded = np.concatenate([np.array([_LF], np.uint8), view, np.array([_LF], np.uint8)])
    opening, closing = quotes[0::2], quotes[1::2]
    before, after = padded[opening], padded[closing + 2]
    bad_opening = opening[~_separates(before) & (before != _QUOTE)]
    bad_closing = np.flatnonzero(~_separates(after) & (after != _QUOTE))
    first_opening = int(bad_opening[0]) if len(bad_opening) else len(data)
    first_closing = int(closing[bad_closing[0]]) if len(bad_closing) else len(data)
    if first_closing < first_opening:
        return WrongQuote(int(opening[bad_closing[0]]), unclosed=True)
    if len(bad_opening):
        return WrongQuote(first_opening, unclosed=False)
    if final and len(quotes) % 2:
        return WrongQuote(int(quotes[-1]), unclosed=True)
    return None


def last_record_end(data: bytes) -> int:
    r"""Return the offset after the last record's end in a piece that begins at a record; 0 if no record ends in it.

    A lone ``\r`` as the last byte is not taken, since ``\n`` may follow it.
    """
    newline = b"\n" if b"\n" in data else b"\r"
    if b'"' not in data:
        end = data.rfind(newline, 0, len(data) if newline == b"\n" else len(data) - 1)
        return end + 1
    view = np.frombuffer(data, np.uint8)
    ends = positions(view, newline[0])
    if newline == b"\r":
        ends = ends[ends < len(data) - 1]
    outside = ends[np.searchsorted(positions(view, _QUOTE), ends) % 2 == 0]
    return int(outside[-1]) + 1 if len(outside) else 0


@dataclasses.dataclass(frozen=True)
class Records:
    """The records of a block, without the blank lines, which are none.

    Attributes:
        starts: Offset of each record's first byte.
        ends: Offset after its last byte, the line's end not counted.
        lines: Its first line, counted from the block's first line as 0.
        cells: How many cells it has.
    """

    starts: Positions
    ends: Positions
    lines: Positions
    cells: Positions


def find_records(data: bytes) -> Records:
    """Return where the records of a block are; the block begins at a record and its quotes are right."""
    view = np.frombuffer(data, np.uint8)
    quotes = positions(view, _QUOTE)
    every = line_ends(data)
    if len(data) and (not len(every) or every[-1] != len(data) - 1):
        every = np.append(every, len(data))
    line_of_end = np.arange(len(every))
    outside = np.searchsorted(quotes, every) % 2 == 0
    closing, line_of_end = every[outside], line_of_end[outside]
    starts = np.concatenate([[0], closing[:-1] + 1]).astype(np.int64) if len(closing) else closing
    lines = np.concatenate([[0], line_of_end[:-1] + 1]).astype(np.int64) if len(closing) else closing
    crlf = (
        (closing > starts) & (closing < len(data)) & (view[np.maximum(closing - 1, 0)] == _CR) if len(data) else False
    )
    crlf = crlf & (view[np.minimum(closing, len(data) - 1)] == _LF) if len(data) else crlf
    ends = closing - crlf
    commas = positions(view, _COMMA)
    commas = commas[np.searchsorted(quotes, commas) % 2 == 0]
    cells = np.searchsorted(commas, ends) - np.searchsorted(commas, starts) + 1
    kept = ends > starts
    return Records(starts[kept], ends[kept], lines[kept], cells[kept])


def _separates(byte: npt.NDArray[np.uint8]) -> npt.NDArray[Any]:
    return (byte == _COMMA) | (byte == _LF) | (byte == _CR)
