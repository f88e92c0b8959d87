"""Which split a row belongs to: a hash of its content, stable under everything that does not change the row.

The hash does not see the order of files, rows or columns, the size of blocks, whether a number is written ``5`` or
``5.0``, or whether its column was inferred as INT or FLOAT. Equal rows go to the same split, so no row of eval is
also in train. A column that is missing in a row adds nothing.
"""

import hashlib
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from components.example_gen.conversion import Converted

Hashes = npt.NDArray[np.uint64]


def row_hashes(columns: Mapping[str, Converted], rows: int) -> Hashes:
    """Hash rows.

    Args:
        columns: The columns, each of ``rows`` values.
        rows: How many there are.

    Returns:
        ``uint64`` of shape ``[rows]``.
    """
    total = np.zeros(rows, np.uint64)
    for name, column in columns.items():
        seed = np.uint64(_text_hash(b"column:" + name.encode()))
        content, present = _number_bits(column) if column.exact is not None else _value_hashes(column.values)
        total += np.where(present, _mix(content ^ seed), np.uint64(0))
    return _mix(total)


def buckets(hashes: Hashes, splits: Mapping[str, int]) -> npt.NDArray[np.int64]:
    """Return for each row the number of its split, in the order of ``splits`` (name to hash buckets)."""
    ends = np.cumsum(list(splits.values()))
    return np.searchsorted(ends, (hashes % np.uint64(ends[-1])).astype(np.int64), side="right")


def _number_bits(column: Converted) -> tuple[Hashes, npt.NDArray[Any]]:
    values = column.exact.to_numpy(zero_copy_only=False) + 0.0  # type: ignore[union-attr]  # -0.0 becomes 0.0.
    return values.view(np.uint64), np.asarray(column.exact.is_valid())  # type: ignore[union-attr]


def _value_hashes(values: Any) -> tuple[Hashes, npt.NDArray[Any]]:
    present = np.asarray(values.is_valid())
    if values.type.num_fields:  # Lists are rare, so each is hashed for itself.
        texts = [repr(value).encode() for value in values.to_pylist()]
        return np.array([_text_hash(text) for text in texts], np.uint64), present
    coded = values.dictionary_encode()
    unique = np.array([_text_hash(value) for value in coded.dictionary.to_pylist()] + [0], np.uint64)
    return unique[coded.indices.fill_null(len(unique) - 1).to_numpy(zero_copy_only=False)], present


def _text_hash(value: bytes) -> int:
    return int.from_bytes(hashlib.blake2b(value, digest_size=8).digest(), "little")


def _mix(value: Hashes) -> Hashes:
    """Scatter bits: the finaliser of SplitMix64 (Steele et al. 2014, https://doi.org/10.1145/2714064.2660195)."""
    value = (value ^ (value >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    value = (value ^ (value >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return value ^ (value >> np.uint64(31))
