"""What can be wrong with a file, planted on purpose: each fault of a name of its own, at known places.

A fault of single rows strikes every thousandth row, the eleventh first (rows 11, 1011, 2011, ... counted from 1 after
the header), so that where it is does not depend on the size of block that a file is written in.
"""

from collections.abc import Callable

import numpy as np

from data.geography import Flags
from data.hedonic import Columns

STRIDE, FIRST = 1000, 10

ColumnFault = Callable[[Columns, Flags], Columns]
LineFault = Callable[[bytes], bytes]


def struck(start: int, count: int) -> Flags:
    """Which of ``count`` rows from row ``start`` (from 0) a fault of single rows strikes; shape ``[n]``."""
    flags: Flags = (np.arange(start, start + count) % STRIDE) == FIRST
    return flags


def _new_category(columns: Columns, rows: Flags) -> Columns:
    return columns | {"ocean_proximity": np.where(rows, "NEAR LAKE", columns["ocean_proximity"])}


def _drifted_column(columns: Columns, rows: Flags) -> Columns:
    income = columns["median_income"].astype(np.float64)
    return columns | {"median_income": np.round(np.clip(income * 1.8, 0.4999, 15.0001), 4)}


def _wrong_unit(columns: Columns, rows: Flags) -> Columns:
    return columns | {"median_income": np.round(columns["median_income"].astype(np.float64) * 10_000.0)}


def _missing_column(columns: Columns, rows: Flags) -> Columns:
    return {name: values for name, values in columns.items() if name != "median_income"}


def _missing_cells(columns: Columns, rows: Flags) -> Columns:
    households = columns["households"].astype(np.float64)
    return columns | {"households": np.where(households % 2 == 0, np.nan, households)}


def _constant_label(columns: Columns, rows: Flags) -> Columns:
    return columns | {"median_house_value": np.full(len(rows), 200_000.0)}


def _text_in_number(columns: Columns, rows: Flags) -> Columns:
    return columns | {"total_rooms": _with_text(columns, "total_rooms", rows, "many")}


def _not_finite(columns: Columns, rows: Flags) -> Columns:
    return columns | {
        "population": _with_text(columns, "population", rows, "nan"),
        "households": _with_text(columns, "households", rows, "inf"),
    }


def _with_text(columns: Columns, name: str, rows: Flags, text: str) -> np.ndarray:  # type: ignore[type-arg]
    cells = columns[name].astype(np.float64).astype(object)
    cells[rows] = text
    return cells


COLUMN_FAULTS: dict[str, ColumnFault] = {
    "new-category": _new_category,
    "drifted-column": _drifted_column,
    "wrong-unit": _wrong_unit,
    "missing-column": _missing_column,
    "missing-cells": _missing_cells,
    "constant-label": _constant_label,
    "text-in-number": _text_in_number,
    "not-finite": _not_finite,
}


def _broken_line(line: bytes) -> bytes:
    return b",".join(line.split(b",")[:7]) + b"\n"


def _long_line(line: bytes) -> bytes:
    return line.rstrip(b"\n") + b",1.0,2.0\n"


def _wrong_quote(line: bytes) -> bytes:
    *cells, last = line.rstrip(b"\n").split(b",")
    return b",".join([*cells, b'"' + last]) + b"\n"


def _line_break(line: bytes) -> bytes:
    *cells, last = line.rstrip(b"\n").split(b",")
    return b",".join([*cells, b'"' + last[:2] + b"\n" + last[2:] + b'"']) + b"\n"


def _not_utf8(line: bytes) -> bytes:
    return line.rstrip(b"\n") + b" \xe9\n"


LINE_FAULTS: dict[str, LineFault] = {
    "broken-lines": _broken_line,
    "long-lines": _long_line,
    "wrong-quote": _wrong_quote,
    "line-break": _line_break,
    "not-utf8": _not_utf8,
}

HEADER_FAULTS: dict[str, LineFault] = {
    "duplicate-column": lambda line: line.replace(b"population", b"households"),
    "byte-order-mark": lambda line: b"\xef\xbb\xbf" + line,
}

NAMES = (*COLUMN_FAULTS, *LINE_FAULTS, *HEADER_FAULTS)


def spoil_columns(columns: Columns, names: list[str], start: int) -> Columns:
    """Plant the faults of columns and cells in a block whose first row is row ``start``; others are ignored."""
    rows = struck(start, len(next(iter(columns.values()))))
    for name in names:
        if name in COLUMN_FAULTS:
            columns = COLUMN_FAULTS[name](columns, rows)
    return columns


def spoils_lines(names: list[str]) -> bool:
    """Whether any of the faults is one of whole lines."""
    return any(name in LINE_FAULTS for name in names)


def spoil_lines(lines: list[bytes], names: list[str], start: int) -> list[bytes]:
    """Plant the faults of lines in a block whose first row is row ``start``; others are ignored."""
    spoiled = list(lines)
    for number in np.flatnonzero(struck(start, len(lines))):
        for name in names:
            if name in LINE_FAULTS:
                spoiled[number] = LINE_FAULTS[name](spoiled[number])
    return spoiled


def spoil_header(line: bytes, names: list[str]) -> bytes:
    """Plant the faults of the header; others are ignored."""
    for name in names:
        if name in HEADER_FAULTS:
            line = HEADER_FAULTS[name](line)
    return line
