"""From a block of a file to an Arrow table; CSV cells as text, so that one place decides what a number is."""

import contextlib
from collections.abc import Iterator, Sequence
from typing import IO, Any

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from components.example_gen.layout import Block, open_csv
from components.example_gen.sources import Source
from pipeline.errors import DataError


def read_bytes(blocks: Sequence[Block]) -> Iterator[tuple[Block, bytes]]:
    """Read the bytes of CSV blocks; consecutive ones of a file share one handle, so gzip is unpacked once.

    Raises:
        DataError: A file is shorter than it was when its blocks were found.
    """
    with contextlib.ExitStack() as stack:
        opened: tuple[str, IO[bytes]] | None = None
        for block in blocks:
            if opened is None or opened[0] != block.path:
                stack.close()
                opened = (block.path, stack.enter_context(open_csv(block.path)))
            opened[1].seek(block.start)
            data = opened[1].read(block.length)
            if len(data) != block.length:
                raise changed(block.path)
            yield block, data


def parse_csv(data: bytes, names: Sequence[str], missing: Sequence[str]) -> Any:
    """Parse CSV records without a header into a table of strings; missing cells are null.

    Args:
        data: Whole records, UTF-8.
        names: The columns.
        missing: Cell texts that become null, quoted or not.

    Raises:
        pyarrow.ArrowInvalid: A record has another number of cells.
    """
    if not data.strip(b"\r\n"):
        return pa.table({name: pa.array([], pa.string()) for name in names})
    return pa.csv.read_csv(
        pa.BufferReader(data),
        read_options=pa.csv.ReadOptions(column_names=list(names), use_threads=False, block_size=len(data) + 1),
        parse_options=pa.csv.ParseOptions(newlines_in_values=b'"' in data),
        convert_options=pa.csv.ConvertOptions(
            column_types={name: pa.string() for name in names},
            null_values=list(missing),
            strings_can_be_null=True,
            quoted_strings_can_be_null=True,
            check_utf8=False,  # The whole block was decoded before, which is faster than cell by cell.
        ),
    )


def parquet_blocks(source: Source) -> list[Block]:
    """Return one block for each row group of a Parquet file.

    Raises:
        DataError: The file is no whole Parquet file, or has a column twice.
    """
    file = _open_parquet(source.path)
    names = tuple(file.schema_arrow.names)
    for position, name in enumerate(names):
        if name in names[:position]:
            raise DataError(
                f"Two columns have the same name: {name}.",
                got=f"columns {names.index(name) + 1} and {position + 1}",
                expected="each name once",
                where=f"{source.path}: column {name}",
                hint="Rename or drop one of them.",
            )
    blocks, row = [], 0
    for group in range(file.metadata.num_row_groups):
        about = file.metadata.row_group(group)
        blocks.append(Block(source.path, "parquet", row, about.num_rows, group, names, about.total_byte_size))
        row += about.num_rows
    return blocks or [Block(source.path, "parquet", 0, 0, -1, names, 0)]


def parquet_schema(path: str) -> Any:
    """Return the Arrow schema of a Parquet file."""
    return _open_parquet(path).schema_arrow


def read_parquet(block: Block) -> Any:
    """Read a row group.

    Raises:
        DataError: The file is broken or was changed.
    """
    file = _open_parquet(block.path)
    if block.first < 0:
        return file.schema_arrow.empty_table()
    try:
        table = file.read_row_group(block.first)
    except (pa.ArrowInvalid, OSError) as error:
        raise _broken(block.path, error) from error
    if table.num_rows != block.length:
        raise changed(block.path)
    return table


def changed(path: str) -> DataError:
    """Return the error for a file that changed under the reader."""
    return DataError(
        "A data file changed while it was read.",
        expected="files that stay as they are until ExampleGen is done",
        where=path,
        hint="Run again once whatever writes it has finished.",
    )


def _open_parquet(path: str) -> Any:
    try:
        return pa.parquet.ParquetFile(path)
    except (pa.ArrowInvalid, OSError) as error:
        raise _broken(path, error) from error


def _broken(path: str, error: Exception) -> DataError:
    return DataError(
        "A Parquet file cannot be read.",
        got=str(error).splitlines()[0],
        expected="a whole Parquet file",
        where=path,
        hint="The file was cut off while it was written or copied; write it again.",
    )
