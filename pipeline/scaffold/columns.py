"""What is counted of one column, block by block, in bounded memory."""

import collections
import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from components.example_gen import splitting
from components.example_gen.conversion import Converted
from components.example_gen.kinds import Kind

MOST_VALUES = 5000  # different values that are counted one by one
_SAMPLE = 1 << 16  # values of a column, or of a split of the label, that are kept
_TEXTS = 2000  # texts that are kept
_SKETCH = 4096  # smallest hashes that are kept; the estimate from them is off by 1.6%

Numbers = npt.NDArray[np.float64]


@dataclasses.dataclass(frozen=True)
class Column:
    """The statistics of a column.

    Attributes:
        name: Its name in the file.
        kind: What its cells are, missing ones left out; EMPTY where all are missing.
        rows: Rows of the file.
        missing: Rows in which it has no value.
        missing_share: The share of missing cells in that split where it is greatest.
        distinct: How many different values it has; exact up to ``MOST_VALUES``, else off by some per cent.
        values: Rows of each value, commonest first; None where there are more than ``MOST_VALUES``.
        sample: Values chosen at random, all of them if there are at most 65,536: numbers, or (fewer) texts.
        minimum: Least number.
        maximum: Greatest number.
        whole: Whether all its numbers are whole.
        rising: Whether each value is above the one before, or each below.
        is_label: Whether each row says the same as the label.
    """

    name: str
    kind: Kind
    rows: int
    missing: int
    missing_share: float
    distinct: int
    values: Mapping[Any, int] | None
    sample: Any
    minimum: float = 0.0
    maximum: float = 0.0
    whole: bool = False
    rising: bool = False
    is_label: bool = False

    @property
    def present(self) -> int:
        """Rows in which it has a value."""
        return self.rows - self.missing

    @property
    def is_number(self) -> bool:
        """Whether its cells are numbers."""
        return self.kind in (Kind.INT, Kind.FLOAT)


class Sample:
    """Values chosen at random from a stream of unknown length (reservoir sampling: Vitter 1985, algorithm R)."""

    def __init__(self, size: int = _SAMPLE) -> None:
        self._size, self._seen, self._random = size, 0, np.random.default_rng(1985)
        self._kept: npt.NDArray[Any] | None = None

    def add(self, values: npt.NDArray[Any]) -> None:
        """Take the next values of the stream."""
        kept = values[:0] if self._kept is None else self._kept
        room = max(self._size - len(kept), 0)
        kept = np.concatenate([kept, values[:room]])
        rest = values[room:]
        if len(rest):
            place = self._random.integers(0, self._seen + room + 1 + np.arange(len(rest)))
            chosen = place < self._size
            kept[place[chosen]] = rest[chosen]  # where a place is hit twice, the later value stays
        self._seen += len(values)
        self._kept = kept

    @property
    def values(self) -> Any:
        """What was chosen."""
        return np.zeros(0) if self._kept is None else self._kept


class Counter:
    """Adds a column's blocks up to a :class:`Column`."""

    def __init__(self, name: str, kind: Kind) -> None:
        self._name, self._kind = name, kind
        self._rows: collections.Counter[str] = collections.Counter()
        self._missing: collections.Counter[str] = collections.Counter()
        self._values: collections.Counter[Any] | None = collections.Counter()
        self._hashes: npt.NDArray[np.uint64] = np.zeros(0, np.uint64)
        self._sample = Sample(_SAMPLE if kind is not Kind.BYTES else _TEXTS)
        self._random = np.random.default_rng(2054)
        self._minimum, self._maximum, self._whole = np.inf, -np.inf, True
        self._directions = {-1.0, 1.0}
        self._last: npt.NDArray[Any] = np.zeros(0, np.int64 if kind is Kind.INT else np.float64)
        self._is_label = True

    def add(self, column: Converted, split: Mapping[str, Any], label: Converted) -> None:
        """Count a block.

        Args:
            column: The block's values.
            split: The rows of each split.
            label: The label's values.
        """
        present = np.asarray(column.values.is_valid())
        for name, rows in split.items():
            self._rows[name] += len(rows)
            self._missing[name] += int(np.count_nonzero(~present[rows]))
        hashes = splitting.row_hashes({self._name: _exactly(column)}, len(present))[present]
        self._hashes = np.unique(np.concatenate([self._hashes, hashes]))[:_SKETCH]
        if column.exact is None:
            values = column.values.drop_null().cast(pa.string())
            some = values.take(pa.array(self._random.permutation(len(values))[:_TEXTS]))
            self._sample.add(np.array(some.to_pylist(), dtype=object))
            self._is_label &= label.exact is None and column.values.equals(label.values)
        else:
            values = column.exact.drop_null()
            numbers = values.to_numpy(zero_copy_only=False)
            self._sample.add(numbers)
            if self._kind is Kind.INT:
                # Doubles cannot tell neighbours above 2^53 apart, and ids are often that large.
                values = column.values.drop_null()
            self._see_numbers(numbers, values.to_numpy(zero_copy_only=False))
            self._is_label &= label.exact is not None and column.exact.equals(label.exact)
        self._count(values)

    def _see_numbers(self, numbers: Numbers, exact: npt.NDArray[Any]) -> None:
        if not len(numbers):
            return
        self._minimum = min(self._minimum, float(numbers.min()))
        self._maximum = max(self._maximum, float(numbers.max()))
        self._whole = self._whole and bool((np.floor(numbers) == numbers).all())
        steps = np.diff(np.concatenate([self._last, exact]))
        directions = set(np.sign(steps).tolist())
        if directions:
            self._directions &= directions if len(directions) == 1 else set()
        self._last = exact[-1:]

    def _count(self, values: Any) -> None:
        if self._values is None:
            return
        for one in pc.value_counts(values).to_pylist() if len(values) else []:
            self._values[one["values"]] += one["counts"]
        if len(self._values) > MOST_VALUES:
            self._values = None

    def finish(self) -> Column:
        """Return the statistics of all blocks."""
        rows, missing = sum(self._rows.values()), sum(self._missing.values())
        share = max((self._missing[name] / rows for name, rows in self._rows.items() if rows), default=0.0)
        has_numbers = np.isfinite(self._minimum)
        return Column(
            self._name,
            self._kind if rows > missing else Kind.EMPTY,
            rows,
            missing,
            share,
            self._distinct(rows - missing),
            dict(self._values.most_common()) if self._values is not None else None,
            self._sample.values,
            self._minimum if has_numbers else 0.0,
            self._maximum if has_numbers else 0.0,
            bool(has_numbers and self._whole),
            bool(has_numbers and self._directions),
            self._is_label,
        )

    def _distinct(self, present: int) -> int:
        if self._values is not None:
            return len(self._values)
        # Bar-Yossef et al. 2002: with n values spread evenly over the range, the k-th least lies at about k / n of it.
        share = float(self._hashes[-1]) / 2.0**64
        return min(round((len(self._hashes) - 1) / share), present)


def _exactly(column: Converted) -> Converted:
    """Return a column whose hash tells all whole numbers apart."""
    if not pa.types.is_int64(column.values.type):
        return column
    return Converted(column.values.cast(pa.string()).cast(pa.binary()), None)
