"""Reads a CSV file twice, as ExampleGen does, and returns its statistics.

The first pass finds how many rows there are, what the columns hold and which cells stand for a missing value; the
second counts, on the typed rows and in the very splits that ExampleGen will make of them.
"""

import csv
import dataclasses
import difflib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from components.example_gen import diagnosis, shards
from components.example_gen.conversion import Converted
from components.example_gen.kinds import Kind, is_number, settle
from components.example_gen.layout import Shard
from components.example_gen.options import IngestOptions
from components.example_gen.sources import Source, list_sources
from pipeline.errors import DataError, SettingsError
from pipeline.scaffold.columns import Column, Counter, Sample
from pipeline.scaffold.missing import FirstLook, look
from pipeline.scaffold.sizes import FEWEST_ROWS, hash_buckets


@dataclasses.dataclass(frozen=True)
class Profile:
    """The statistics of a file.

    Attributes:
        path: The data, as it was given.
        columns: The columns in the file's order, the label among them.
        label: The label.
        rows: Rows in each split.
        labels: The label's values in each split, numbers or texts: a sample, whole where it has at most 65,536 rows.
        label_counts: Rows of each value of the label, in each split; None where there are too many values.
        missing: Texts that stand for a missing value, as ``data.missing`` has them.
        tokens: Those of each column, with how often they were seen.
        named: Names of the columns where the file has no header.
    """

    path: str
    columns: tuple[Column, ...]
    label: Column
    rows: Mapping[str, int]
    labels: Mapping[str, npt.NDArray[Any]]
    label_counts: Mapping[str, Mapping[Any, int]] | None
    missing: tuple[str, ...]
    tokens: Mapping[str, Mapping[str, int]]
    named: tuple[str, ...]

    @property
    def total(self) -> int:
        """Rows of the file."""
        return sum(self.rows.values())


def profile(path: str, *, label: str, columns: Sequence[str] = (), missing: Sequence[str] = ()) -> Profile:
    """Read a file's statistics.

    Args:
        path: A CSV file, a folder of them or a glob.
        label: The column to predict.
        columns: Names of the columns, where the file has no header.
        missing: Texts that stand for a missing value; looked for if none are given.

    Raises:
        DataError: The data cannot be read, or not be learned from, for one of the reasons that ExampleGen has too.
        SettingsError: There is no such label, or the names of columns do not fit.
    """
    sources = list_sources(path)
    _check_csv(sources)
    options = IngestOptions(path=path, columns=tuple(columns), label=label, missing=("",))
    # Without the label, of which we can say more.
    plan = shards.plan(sources, dataclasses.replace(options, label=None), None)
    names = plan[0].blocks[0].names
    _check_label(label, names, path, headed=not columns)
    first = look(plan, options, missing)
    _check_first_row(first, columns)
    if first.rows < FEWEST_ROWS:
        raise DataError(
            "There are too few rows to learn from.",
            got=f"{first.rows} rows",
            expected=f"at least {FEWEST_ROWS}",
            where=path,
            hint="Check that this is the whole file, or gather more rows.",
        )
    options = dataclasses.replace(options, missing=first.missing)
    kinds = settle({name: int(kind) for name, kind in first.kinds.items()})
    return _count(plan, options, kinds, hash_buckets(first.rows), first)


def _count(
    plan: Sequence[Shard],
    options: IngestOptions,
    kinds: Mapping[str, Kind],
    splits: Mapping[str, int],
    first: FirstLook,
) -> Profile:
    label = options.label or ""
    names = plan[0].blocks[0].names
    counters = {name: Counter(name, kinds[name]) for name in names}
    by_split = {split: Counter(label, kinds[label]) for split in splits}
    samples = {split: Sample() for split in splits}
    rows = dict.fromkeys(splits, 0)
    for shard in plan:
        for block in shards.typed_rows(shard, options, kinds, splits):
            wanted = block.columns[label]
            if wanted.values.null_count:
                _refuse_missing_labels(plan, options, label)
            for name, counter in counters.items():
                counter.add(block.columns[name], block.split, wanted)
            for split, chosen in block.split.items():
                part = _take(wanted, chosen)
                by_split[split].add(part, {split: np.arange(len(chosen))}, part)
                samples[split].add(_as_numpy(part))
                rows[split] += len(chosen)
    columns = {name: counter.finish() for name, counter in counters.items()}
    counts = {split: counter.finish().values for split, counter in by_split.items()}
    whole = {split: values for split, values in counts.items() if values is not None}
    return Profile(
        options.path,
        tuple(columns.values()),
        columns[label],
        rows,
        {split: sample.values for split, sample in samples.items()},
        whole if len(whole) == len(counts) else None,
        options.missing,
        first.tokens,
        options.columns,
    )


def _take(column: Converted, rows: npt.NDArray[np.int64]) -> Converted:
    chosen = pa.array(rows)
    return Converted(column.values.take(chosen), column.exact.take(chosen) if column.exact is not None else None)


def _as_numpy(column: Converted) -> npt.NDArray[Any]:
    if column.exact is not None:
        return np.asarray(column.exact.to_numpy(zero_copy_only=False))
    return np.array(column.values.cast(pa.string()).to_pylist(), dtype=object)


def _check_csv(sources: Sequence[Source]) -> None:
    parquet = [source.path for source in sources if source.format == "parquet"]
    if parquet:
        raise DataError(
            "init reads CSV files only.",
            got="a Parquet file",
            expected="CSV",
            where=parquet[0],
            hint="Write the problem by hand: copy pipeline/problems/housing, as docs/problems.md says.",
        )


def _check_label(label: str, names: Sequence[str], path: str, *, headed: bool) -> None:
    if label in names:
        return
    close = difflib.get_close_matches(label, names, n=1) or [one for one in names if label.lower() in one.lower()]
    shown = ", ".join(repr(name) for name in names[:12]) + (", …" if len(names) > 12 else "")
    hint = f"did you mean --label {close[0]!r}?" if close else "name one of the columns with --label"
    if len(names) == 1 and any(sign in names[0] for sign in ";\t|"):
        hint = "the cells seem to be separated by something else than commas; write the file with commas"
    elif headed and not close and any(is_number(name) for name in names):
        hint = "the file seems to have no header line; give the names with --columns a,b,c"
    raise SettingsError(
        f"There is no column {label!r} in the data", got=shown, expected="the column to predict", where=path, hint=hint
    )


def _check_first_row(first: FirstLook, columns: Sequence[str]) -> None:
    same = [name for name, cell in zip(columns, first.first_row, strict=False) if cell and cell.strip() == name]
    if columns and len(same) * 2 >= len(columns):
        raise SettingsError(
            "The file has a header line, and --columns gives names too",
            got=f"the first row says {', '.join(same[:6])}",
            hint="leave --columns out",
        )


def _refuse_missing_labels(plan: Sequence[Shard], options: IngestOptions, label: str) -> None:
    """Count the rows without a label, and say where the first is.

    Raises:
        DataError: Always.
    """
    count, place = 0, ""
    tokens = pa.array([text for text in options.missing if text], pa.string())
    for shard in plan:
        for piece in shards.pieces(shard, options):
            lacking = pa.compute.fill_null(pa.compute.is_in(piece.table.column(label), value_set=tokens), False)
            mask = pa.compute.or_(lacking, piece.table.column(label).is_null()).to_numpy()
            if mask.any() and not place:
                lines = piece.lines if piece.lines is not None else diagnosis.lines_of(piece.block, piece.data)
                place = f"{piece.block.path}:{lines[int(np.flatnonzero(mask)[0])]}:{label}"
            count += int(mask.sum())
    raise DataError(
        f"The label is missing in {count:,} row{'s' * (count != 1)}: {label}.",
        got=" or ".join(["an empty cell", *map(repr, options.missing[1:])]),
        expected="a value in each row; what it should be cannot be learned from a row without one",
        where=place,
        hint="Take these rows out of the file: they are the ones to ask the model about later.",
    )


def parse_columns(text: str) -> tuple[str, ...]:
    """Read ``--columns a,b,c``; a name with a comma is written in quotes.

    Raises:
        SettingsError: A name is empty or there twice.
    """
    names = tuple(name.strip() for name in next(csv.reader([text], skipinitialspace=True), []))
    twice = sorted({name for name in names if names.count(name) > 1})
    if not all(names) or twice:
        raise SettingsError(
            "--columns needs a name for each column, each once",
            got=f"{', '.join(twice)} twice" if twice else text,
            expected="--columns id,age,price",
        )
    return names
