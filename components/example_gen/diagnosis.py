"""Which line is at fault: asked only after something was refused, so that reading pays nothing for it."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np

from components.example_gen import quoting
from components.example_gen.conversion import BadCell
from components.example_gen.encodings import not_utf8
from components.example_gen.layout import Block, nul_byte
from pipeline.errors import DataError, from_json


@dataclasses.dataclass(frozen=True)
class BadRow:
    """A row that cannot be read.

    Attributes:
        file: Its file.
        line: Its first line in the file, from 1; for Parquet the row, from 1.
        error: Why, as :meth:`pipeline.errors.PipelineError.as_json` has it.
        text: The row, at most 1000 characters of it.
    """

    file: str
    line: int
    error: dict[str, Any]
    text: str = ""

    def as_error(self) -> DataError:
        """Return the error that refuses the data because of this row."""
        error = from_json(self.error)
        return error if isinstance(error, DataError) else DataError(error.headline)

    def as_record(self) -> dict[str, Any]:
        """Return what ``set_aside.jsonl`` says of the row."""
        shown = {
            "file": self.file,
            "line": self.line,
            "where": self.error.get("where"),
            "reason": self.error["headline"],
        }
        return {**shown, "got": self.error.get("got"), "text": self.text}


@dataclasses.dataclass(frozen=True)
class Sound:
    """What is left of a CSV block without the rows that are malformed.

    Attributes:
        data: The records that are left, one a line.
        lines: The line of each in the file.
        bad: The rows left out, by line.
    """

    data: bytes
    lines: Sequence[int]
    bad: list[BadRow]


def is_clean_text(data: bytes) -> bool:
    """Say whether a block is UTF-8 without NUL bytes."""
    if b"\0" in data:
        return False
    if data.isascii():
        return True
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def without_malformed(block: Block, data: bytes, limit: int) -> Sound:
    """Find the records that are not text or have another number of cells than the header.

    Args:
        block: The block.
        data: Its bytes, whose quotes are known to be right.
        limit: How many malformed rows are described at most; finding that many ends the search.
    """
    records = quoting.find_records(data)
    suspects = set(np.flatnonzero(records.cells != len(block.names)).tolist()) | _not_text(data, records)
    bad: list[BadRow] = []
    for index in sorted(suspects)[:limit]:
        raw = data[int(records.starts[index]) : int(records.ends[index])]
        line = block.first + int(records.lines[index])
        error = _reason(block, raw, line, int(records.cells[index]))
        bad.append(BadRow(block.path, line, error.as_json(), raw[:1000].decode("utf-8", "replace")))
    kept = [i for i in range(len(records.starts)) if i not in suspects]
    sound = b"".join(data[int(records.starts[i]) : int(records.ends[i])] + b"\n" for i in kept)
    return Sound(sound, (records.lines[kept] + block.first).tolist(), bad)


def lines_of(block: Block, data: bytes) -> list[int]:
    """Return the line of each record in a CSV block."""
    return (quoting.find_records(data).lines + block.first).tolist()


def bad_rows(block: Block, cells: Sequence[BadCell], lines: Sequence[int], table: Any) -> list[BadRow]:
    """Place the cells that did not fit: the first of each row speaks for the row.

    Args:
        block: The block they are from.
        cells: The cells.
        lines: The line of each row of the table, or its row number for Parquet.
        table: The rows as they were read.
    """
    order = {name: position for position, name in enumerate(block.names)}
    first: dict[int, BadCell] = {}
    for cell in sorted(cells, key=lambda c: (c.row, order.get(c.column, 0))):
        first.setdefault(cell.row, cell)
    rows = []
    for row, cell in first.items():
        line = lines[row] if row < len(lines) else block.first
        csv = block.format == "csv"
        error = DataError(
            cell.headline,
            got=repr(cell.text),
            expected=cell.expected,
            where=f"{block.path}:{line}:{cell.column}" if csv else f"{block.path}: row {line}, column {cell.column}",
            hint=cell.hint,
        )
        values = [table.column(name)[row].as_py() for name in table.column_names]
        text = ",".join("" if value is None else str(value) for value in values)
        rows.append(BadRow(block.path, line, error.as_json(), text[:1000]))
    return rows


def refused(bad: Sequence[BadRow], allowed: int, *, at_least: bool) -> DataError:
    """Return the error for more malformed rows than may be set aside."""
    first = min(bad, key=lambda row: (row.file, row.line)).as_error()
    if not allowed:
        return first
    count = f"{'at least ' if at_least else ''}{len(bad)}"
    return DataError(
        f"More rows are malformed than may be set aside: {count} of {allowed}. The first: {first.headline}",
        got=first.got,
        expected=first.expected,
        where=first.where,
        hint="Mend the data, or allow more with bad_rows.",
    )


def _not_text(data: bytes, records: quoting.Records) -> set[int]:
    found: set[int] = set()
    view = np.frombuffer(data, np.uint8)
    zeros = quoting.positions(view, 0)
    found |= set((np.searchsorted(records.starts, zeros, side="right") - 1).tolist())
    start = 0
    while start < len(data):
        try:
            data[start:].decode()
            break
        except UnicodeDecodeError as error:
            index = int(np.searchsorted(records.starts, start + error.start, side="right")) - 1
            found.add(index)
            start = int(records.ends[index])
    return found


def _reason(block: Block, raw: bytes, line: int, cells: int) -> DataError:
    if b"\0" in raw:
        offset = raw.index(b"\0")
        return nul_byte(block.path, *_place(raw, offset, line))
    try:
        text = raw.decode()
    except UnicodeDecodeError as error:
        at, column = _place(raw, error.start, line)
        return not_utf8(f"{block.path}:{at}:{column}", block.path, raw, error.start)
    more = cells > len(block.names)
    return DataError(
        f"A row has {cells} cell{'s' * (cells != 1)} where the header has {len(block.names)}.",
        got=f"{cells}: {text[:80]!r}",
        expected=f"{len(block.names)} cells" + ("" if more else f"; the row ends before {block.names[cells]}"),
        where=f"{block.path}:{line}",
        hint="A comma inside a cell needs quotes around the cell." if more else "Fill the row up, or leave it out.",
    )


def _place(raw: bytes, offset: int, line: int) -> tuple[int, int]:
    before = raw[:offset]
    begin = max(before.rfind(b"\n"), before.rfind(b"\r")) + 1
    return line + len(quoting.line_ends(before)), offset - begin + 1
