"""Columns of text or of Parquet's types to columns of numbers and bytes, with every cell that does not fit named.

Arrow's own casts decide; only when a cast is refused is the column halved until the cells at fault are found.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from components.example_gen.kinds import Kind
from pipeline.errors import DataError

# Beyond this a double no longer tells neighbouring whole numbers apart.
_EXACT = 2**53

_PLAIN = (
    (pa.types.is_boolean, pa.int64()),
    (pa.types.is_null, pa.float64()),
    (pa.types.is_large_string, pa.string()),
    (pa.types.is_large_binary, pa.binary()),
)


@dataclasses.dataclass(frozen=True)
class BadCell:
    """A cell that cannot be what its column is.

    Attributes:
        row: Its row in the table, from 0.
        column: Its column's name.
        text: What it says.
        headline: What is wrong with it, as a sentence.
        expected: What would have been right.
        hint: What to do.
    """

    row: int
    column: str
    text: str
    headline: str
    expected: str
    hint: str


@dataclasses.dataclass(frozen=True)
class Converted:
    """A column with its type.

    Attributes:
        values: int64, float32 or binary; or a list of one of them. Null where missing.
        exact: float64 of the same numbers before they were narrowed, for hashing; ``None`` for bytes and lists.
    """

    values: Any
    exact: Any | None


def infer(column: Any, missing: Sequence[str]) -> Kind:
    """Return the narrowest kind that holds all cells of a column of strings."""
    column = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    refused = _first_refused(column, pa.float64())
    if refused is not None:
        # White space or a missing token with some around it may be all that is wrong with the cell.
        if _first_refused(tidied(column.slice(refused, 1), missing), pa.float64()) is not None:
            return Kind.BYTES
        column = tidied(column, missing)
        if _first_refused(column, pa.float64()) is not None:
            return Kind.BYTES
    if column.null_count == len(column):
        return Kind.EMPTY
    # Arrow takes hexadecimals for whole numbers, but not for doubles: those were refused above.
    return Kind.INT if _first_refused(column, pa.int64()) is None else Kind.FLOAT


def tidied(column: Any, missing: Sequence[str]) -> Any:
    """Return text as a column of numbers may be written: white space around cells and a leading plus are dropped."""
    trimmed = pc.utf8_trim_whitespace(column)
    tokens = pa.array(sorted({token.strip() for token in missing}), pa.string())
    present = pc.if_else(pc.is_in(trimmed, value_set=tokens), pa.scalar(None, pa.string()), trimmed)
    return pc.replace_substring_regex(present, r"^\+([0-9.])", r"\1")


def convert(
    table: Any, kinds: Mapping[str, Kind], *, label: str | None, missing: Sequence[str], limit: int
) -> tuple[dict[str, Converted], list[BadCell]]:
    """Give each column its type.

    Args:
        table: Columns of strings (CSV) or of numbers, strings and lists of them (Parquet).
        kinds: The type of each column.
        label: The column that is predicted, for better words.
        missing: Cell texts that stand for a missing value.
        limit: How many bad cells of a column are looked for at most.

    Returns:
        The columns, and the cells at fault; rows with such cells hold nonsense and must be dropped.
    """
    columns: dict[str, Converted] = {}
    bad: list[BadCell] = []
    for name in table.column_names:
        column = table.column(name)
        column = column.combine_chunks() if column.num_chunks != 1 else column.chunk(0)
        done, wrong = _Column(name, kinds[name], name == label, tuple(missing), limit).convert(column)
        columns[name] = done
        bad += wrong
    return columns, bad


@dataclasses.dataclass(frozen=True)
class _Column:
    name: str
    kind: Kind
    is_label: bool
    missing: tuple[str, ...]
    limit: int

    def convert(self, column: Any) -> tuple[Converted, list[BadCell]]:
        if pa.types.is_list(column.type) or pa.types.is_large_list(column.type):
            lists = _convert_list(self.name, column, self.kind)
            return Converted(lists, None), self._bad_elements(lists)
        if self.kind is Kind.BYTES:
            text = column if pa.types.is_binary(column.type) else column.cast(pa.string())
            return Converted(text.cast(pa.binary()), None), []
        column, numbers, bad = self._doubles(column)
        bad += self._not_finite(column, numbers)
        if self.kind is Kind.INT:
            return self._whole(column, numbers, bad)
        narrow = numbers.cast(pa.float32(), safe=False)
        return Converted(narrow, numbers), bad

    def _bad_elements(self, lists: Any) -> list[BadCell]:
        """Find lists with an element that no list of a tf.Example can hold, or no model should be fed."""
        elements = pc.list_flatten(lists)
        wrong = pc.is_null(elements)
        if pa.types.is_floating(elements.type):
            wrong = pc.fill_null(pc.invert(pc.is_finite(elements)), True)
        rows = pc.unique(pc.list_parent_indices(lists).filter(wrong)).to_pylist()[: self.limit]
        what = "The label" if self.is_label else "A list"
        headline, expected = f"{what} holds a missing element.", "a value in each place of the list"
        if pa.types.is_floating(elements.type):
            headline, expected = f"{what} holds what is no finite number.", "a finite number in each place of the list"
        hint = "Fill the place in or drop the row: only a whole list can be missing."
        return [BadCell(row, self.name, str(lists[row].as_py())[:80], headline, expected, hint) for row in rows]

    def _doubles(self, column: Any) -> tuple[Any, Any, list[BadCell]]:
        """Return the column, tidied if it had to be, its numbers as float64, and the cells that are none."""
        if pa.types.is_binary(column.type):
            column = pa.array(
                [v if v is None else v.decode("utf-8", "replace") for v in column.to_pylist()], pa.string()
            )
        if not pa.types.is_string(column.type):
            numbers = column.cast(pa.float64(), safe=False)
            if any(token.strip().lower() == "nan" for token in self.missing):
                numbers = pc.if_else(pc.is_nan(numbers), pa.scalar(None, pa.float64()), numbers)
            return column, numbers, []
        try:
            return column, column.cast(pa.float64()), []
        except pa.ArrowInvalid:
            column = tidied(column, self.missing)
        rows = _failing(column, self.limit, pa.float64())
        bad = [self._bad(column, row, "is not a number", "a number", _text_hint(column[row].as_py())) for row in rows]
        if len(rows) >= self.limit:  # There may be more, and the data is refused anyway.
            return column, pa.nulls(len(column), pa.float64()), bad
        if rows:
            mask = np.zeros(len(column), bool)
            mask[rows] = True
            column = pc.if_else(pa.array(mask), pa.scalar(None, pa.string()), column)
        return column, column.cast(pa.float64()), bad

    def _not_finite(self, column: Any, numbers: Any) -> list[BadCell]:
        values = numbers.to_numpy(zero_copy_only=False)
        present = np.asarray(numbers.is_valid())
        with np.errstate(over="ignore", invalid="ignore"):
            finite = np.isfinite(values.astype(np.float32) if self.kind is Kind.FLOAT else values)
        bad = []
        for row in np.flatnonzero(present & ~finite)[: self.limit]:
            value = values[row]
            if np.isnan(value):
                hint = (
                    "Leave the cell empty, or list its text in missing."
                    if not self.is_label
                    else "Mend or drop the row."
                )
                bad.append(self._bad(column, row, "is not a number (NaN)", "a number, or an empty cell", hint))
            elif np.isinf(value):
                bad.append(
                    self._bad(column, row, "is infinite", "a finite number", "Cap the value or leave the cell empty.")
                )
            else:
                bad.append(
                    self._bad(column, row, "is too large for a 32-bit float", "at most 3.4e38", "Scale the column.")
                )
        return bad

    def _whole(self, column: Any, numbers: Any, bad: list[BadCell]) -> tuple[Converted, list[BadCell]]:
        try:
            return Converted(column.cast(pa.int64()), numbers), bad
        except pa.ArrowInvalid:
            pass  # Such as 41.0, which pandas writes for whole numbers in a column with missing values.
        values = numbers.to_numpy(zero_copy_only=False)
        present = np.asarray(numbers.is_valid()) & np.isfinite(values)
        safe = np.where(present, values, 0.0)
        fits = (np.floor(safe) == safe) & (np.abs(safe) < _EXACT)
        known = {cell.row for cell in bad}
        for row in np.flatnonzero(present & ~fits)[: self.limit]:
            if int(row) not in known:
                hint = "Make the column FLOAT in the schema, or round its values."
                bad.append(self._bad(column, row, "is not a whole number", "a whole number below 2^53", hint))
        whole = pa.array(np.where(fits, safe, 0.0).astype(np.int64), mask=~present)
        return Converted(whole, numbers), bad

    def _bad(self, column: Any, row: int, wrong: str, expected: str, hint: str) -> BadCell:
        what = "The label" if self.is_label else "A cell of a numeric column"
        text = str(column[int(row)].as_py())
        return BadCell(int(row), self.name, text[:80], f"{what} {wrong}.", expected, hint)


def parquet_kind(path: str, name: str, kind: Any) -> Kind:
    """Return the kind of a Parquet column by its type.

    Raises:
        DataError: A ``tf.Example`` cannot hold it.
    """
    if pa.types.is_dictionary(kind) or pa.types.is_list(kind) or pa.types.is_large_list(kind):
        return parquet_kind(path, name, kind.value_type)
    if pa.types.is_integer(kind) or pa.types.is_boolean(kind):
        return Kind.INT
    if pa.types.is_floating(kind):
        return Kind.FLOAT
    if pa.types.is_null(kind):
        return Kind.EMPTY
    if any(
        test(kind)
        for test in (pa.types.is_string, pa.types.is_large_string, pa.types.is_binary, pa.types.is_large_binary)
    ):
        return Kind.BYTES
    raise DataError(
        f"A column has a type that a tf.Example cannot hold: {name}.",
        got=str(kind),
        expected="numbers, booleans, text or bytes, or lists of them",
        where=f"{path}: column {name}",
        hint="Write it as a number (such as seconds) or as text.",
    )


def plain(table: Any) -> Any:
    """Turn Parquet's dictionaries into their values and booleans and nulls into numbers."""
    return pa.table([_plain(column) for column in table.columns], names=table.column_names)


def _plain(column: Any) -> Any:
    kind = column.type
    if pa.types.is_dictionary(kind):
        return _plain(column.cast(kind.value_type))
    if pa.types.is_float16(kind):
        # Arrow 10 has no cast from half precision; NumPy has.
        return pa.chunked_array([pa.array(column.to_numpy().astype(np.float32), from_pandas=column.null_count > 0)])
    for test, target in _PLAIN:
        if test(kind):
            return column.cast(target)
    return column


def _convert_list(name: str, column: Any, kind: Kind) -> Any:
    target = {Kind.INT: pa.int64(), Kind.FLOAT: pa.float32(), Kind.BYTES: pa.binary(), Kind.EMPTY: pa.float32()}[kind]
    try:
        return column.cast(pa.list_(target))
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise DataError(
            f"A column of lists does not hold what the schema says: {name}.",
            got=str(column.type),
            expected=f"lists of {kind.name}",
            hint="Change the column or the schema.",
        ) from error


def _text_hint(text: str) -> str:
    if "," in text and text.replace(",", "").replace(".", "", 1).strip().lstrip("-").isdigit():
        return "Write numbers without separators of thousands and with a decimal point."
    if text.lower() in ("na", "n/a", "null", "none", "nan", "-", "?", "missing", "unknown"):
        return f'If it stands for a missing value, say so: missing = ["", "{text}"].'
    return "Mend the cell, leave it empty, or make the column BYTES in the schema."


def _first_refused(column: Any, target: Any) -> int | None:
    """Return the first row that cannot be cast.

    Arrow writes a message for each cell that it refuses, which for a column of text takes longer than all else; so it
    is fed slices that start small.
    """
    start, size = 0, 256
    while start < len(column):
        piece = column.slice(start, size)
        try:
            piece.cast(target)
        except pa.ArrowInvalid:
            return start + _failing(piece, 1, target)[0]
        start, size = start + size, size * 8
    return None


def _failing(column: Any, limit: int, target: Any) -> list[int]:
    """Return the first ``limit`` rows that cannot be cast, by halving."""
    found: list[int] = []
    pieces = [(0, len(column))]
    while pieces and len(found) < limit:
        start, length = pieces.pop()
        try:
            column.slice(start, length).cast(target)
        except pa.ArrowInvalid:
            if length == 1:
                found.append(start)
            else:
                half = length // 2
                pieces += [(start + half, length - half), (start, half)]
    return found
