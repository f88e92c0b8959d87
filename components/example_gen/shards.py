"""Planning shards, and what a Beam worker does with one before writing: find its types, or type and split its rows."""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from components.example_gen import conversion, diagnosis, kinds, layout, reading, splitting
from components.example_gen.conversion import Converted
from components.example_gen.diagnosis import BadRow
from components.example_gen.kinds import Kind
from components.example_gen.layout import Block, Shard
from components.example_gen.options import IngestOptions
from components.example_gen.sources import Source
from pipeline.errors import DataError


@dataclasses.dataclass(frozen=True)
class Piece:
    """A block as a table, its malformed rows left out.

    Attributes:
        block: Where it is from.
        table: The rows that could be read.
        bad: Those that could not.
        data: The bytes of a CSV block that needed no cleaning, from which lines can still be counted.
        lines: The line of each row, if it is known already.
    """

    block: Block
    table: Any
    bad: list[BadRow]
    data: bytes = b""
    lines: list[int] | None = None


def plan(sources: Sequence[Source], options: IngestOptions, schema: Any) -> list[Shard]:
    """Find the blocks of all files, check that their columns are right, and pack them into shards.

    Args:
        sources: The files.
        options: The node's options.
        schema: The curated schema, or ``None``.

    Raises:
        DataError: A header or a quote is wrong, or columns are missing.
    """
    blocks: list[Block] = []
    for source in sources:
        if source.format == "parquet":
            for field in reading.parquet_schema(source.path):
                conversion.parquet_kind(source.path, field.name, field.type)
            blocks += reading.parquet_blocks(source)
        else:
            blocks += layout.csv_blocks(source, columns=options.columns, block_bytes=options.block_bytes)
    names = {block.path: block.names for block in blocks}
    label = None if _is_left_to_transform(names, options, schema) else options.label
    kinds.check_columns(names, kinds.required_columns(schema) if schema else [], label, options.label_guess)
    return layout.pack(blocks, options.block_bytes)


def settle_label(planned: Sequence[Shard], options: IngestOptions, schema: Any) -> IngestOptions:
    """Return the options without the label, where it is no column and is left to Transform."""
    files = {block.path: block.names for shard in planned for block in shard.blocks}
    return dataclasses.replace(options, label=None) if _is_left_to_transform(files, options, schema) else options


def _is_left_to_transform(files: Mapping[str, Sequence[str]], options: IngestOptions, schema: Any) -> bool:
    # A curated schema that names the label says that it is a column.
    named = schema is not None and any(feature.name == options.label for feature in schema.feature)
    return options.derived_label and not named and not any(options.label in names for names in files.values())


def pieces(shard: Shard, options: IngestOptions) -> Iterator[Piece]:
    """Read a shard's blocks."""
    if shard.blocks[0].format == "parquet":
        for block in shard.blocks:
            table = conversion.plain(reading.read_parquet(block))
            yield Piece(block, table, [], lines=list(range(block.start + 1, block.start + 1 + table.num_rows)))
        return
    for block, data in reading.read_bytes(shard.blocks):
        yield _parse(block, data, options)


def _parse(block: Block, data: bytes, options: IngestOptions) -> Piece:
    if diagnosis.is_clean_text(data):
        try:
            return Piece(block, reading.parse_csv(data, block.names, options.missing), [], data=data)
        except pa.ArrowInvalid as error:
            refusal = str(error)
    else:
        refusal = "not text"
    sound = diagnosis.without_malformed(block, data, options.bad_rows + 1)
    if len(sound.bad) > options.bad_rows:
        raise diagnosis.refused(sound.bad, options.bad_rows, at_least=True)
    if not sound.bad:
        raise DataError("A block of a data file cannot be parsed.", got=refusal, where=f"{block.path}:{block.first}")
    table = reading.parse_csv(sound.data, block.names, options.missing)
    return Piece(block, table, sound.bad, lines=list(sound.lines))


def infer_kinds(shard: Shard, options: IngestOptions, known: Mapping[str, int]) -> dict[str, int]:
    """Return the kinds that a shard's columns need, other than those that are known."""
    found: dict[str, int] = {}
    for piece in pieces(shard, options):
        for name in piece.table.column_names:
            if name in known:
                continue
            column = piece.table.column(name)
            kind = (
                conversion.infer(column, options.missing)
                if piece.block.format == "csv"
                else conversion.parquet_kind(piece.block.path, name, column.type)
            )
            found[name] = max(int(kind), found.get(name, 0))
    return found


@dataclasses.dataclass
class Rows:
    """The rows of a block, typed and assigned to splits.

    Attributes:
        path: Their file.
        read: How many rows were read, malformed ones included.
        columns: The columns in order of their names.
        split: For each split its rows' indices in ``columns``.
        bad: Malformed rows.
        labels: Up to two different values of the label.
    """

    path: str
    read: int
    columns: dict[str, Converted]
    split: dict[str, Any]
    bad: list[BadRow]
    labels: list[str]


def typed_rows(
    shard: Shard, options: IngestOptions, types: Mapping[str, Kind], splits: Mapping[str, int]
) -> Iterator[Rows]:
    """Read a shard's rows with their types and splits.

    Raises:
        DataError: There are more malformed rows than may be set aside, in this shard alone.
    """
    aside: list[BadRow] = []
    for piece in pieces(shard, options):
        # The order of columns is the order of names, so that files with another order give the same records.
        table = piece.table.select(sorted(piece.table.column_names))
        limit = options.bad_rows - len(aside) + 1
        columns, cells = conversion.convert(table, types, label=options.label, missing=options.missing, limit=limit)
        bad = list(piece.bad)
        if cells:
            lines = piece.lines if piece.lines is not None else diagnosis.lines_of(piece.block, piece.data)
            bad += diagnosis.bad_rows(piece.block, cells, lines, table)
        aside += bad
        if len(aside) > options.bad_rows:
            raise diagnosis.refused(aside, options.bad_rows, at_least=True)
        good = np.ones(table.num_rows, bool)
        good[[cell.row for cell in cells]] = False
        which = splitting.buckets(splitting.row_hashes(columns, table.num_rows), splits)
        split = {name: np.flatnonzero(good & (which == number)) for number, name in enumerate(splits)}
        read = table.num_rows + len(piece.bad)
        yield Rows(piece.block.path, read, columns, split, bad, _labels(columns, options.label, good))


def _labels(columns: Mapping[str, Converted], label: str | None, good: Any) -> list[str]:
    if label is None or label not in columns:
        return []
    values = columns[label].values
    if pa.types.is_list(values.type):
        return [str(value) for value in values.slice(0, 2).to_pylist()]
    values = values.filter(pa.array(good)).drop_null()
    if not len(values):
        return []
    # Two are enough to know that it varies; looking for all of them would cost a hash table.
    different = pc.filter(values, pc.not_equal(values, values[0]))
    return [_shown(values[0]), *([_shown(different[0])] if len(different) else [])]


def _shown(value: Any) -> str:
    plain = value.as_py()
    return plain.decode("utf-8", "replace") if isinstance(plain, bytes) else f"{plain:.9g}"
