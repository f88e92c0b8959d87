"""Columns to the bytes of a CSV file, whole columns at a time.

The numbers are written as in the census file: the shortest decimal that reads back the same, always with a point
(``880.0``, ``-122.2``, ``3.12``), nothing for a missing value, no quotes.
"""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from data.hedonic import Columns


def header(names: list[str]) -> bytes:
    """The first line of the file."""
    return (",".join(names) + "\n").encode()


def lines(columns: Columns) -> pa.Array:
    """One string for each row, with its line end; shape ``[n]``."""
    cells = [_cells(values) for values in columns.values()]
    return pc.binary_join_element_wise(pc.binary_join_element_wise(*cells, ","), "", "\n")


def content(rows: pa.Array) -> bytes:
    """The bytes of the lines, one after the other."""
    # Arrow holds the strings of an array end to end in one buffer, which is the file's own layout.
    _, offsets, data = rows.buffers()
    bounds = np.frombuffer(offsets, dtype=np.int32)[[rows.offset, rows.offset + len(rows)]]
    return bytes(data[int(bounds[0]) : int(bounds[1])])


def _cells(values: np.ndarray) -> pa.Array:  # type: ignore[type-arg]
    if values.dtype.kind == "U":
        return pa.array(values)
    if values.dtype.kind == "O":
        return pa.array([str(value) for value in values])
    texts = pa.array(values, from_pandas=True).cast(pa.string())
    whole = pc.invert(pc.match_substring(texts, "."))
    return pc.fill_null(pc.if_else(whole, pc.binary_join_element_wise(texts, ".0", ""), texts), "")
