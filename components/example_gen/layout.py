"""Cutting files into blocks that begin at record boundaries, and blocks into shards: what Beam's elements are.

One pass over the bytes, in the process that starts the Beam pipeline. It decides only where records begin, which
cannot be known without having seen every quote before; all else is left to the workers.
"""

import csv
import dataclasses
import gzip
import io
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, cast

from components.example_gen import quoting
from components.example_gen.encodings import UTF8_MARK, not_utf8, wide_encoding
from components.example_gen.sources import Source, unreadable
from pipeline.errors import DataError

# A record longer than this is a quote that somebody forgot, and must not be read into memory.
_LONGEST_RECORD = 64 << 20


@dataclasses.dataclass(frozen=True)
class Block:
    """A piece of one file that holds whole records.

    Attributes:
        path: The file.
        format: ``csv`` or ``parquet``.
        start: Offset of its first byte, in uncompressed bytes; for Parquet the first row's number.
        length: Its bytes; for Parquet its rows.
        first: Line number (from 1) of its first line; for Parquet the row group's number (from 0).
        names: The file's columns in their order.
        size: Bytes to account for when blocks are packed into shards.
    """

    path: str
    format: str
    start: int
    length: int
    first: int
    names: tuple[str, ...]
    size: int


@dataclasses.dataclass(frozen=True)
class Shard:
    """The blocks that become one file in each split: one Beam element.

    Attributes:
        index: Its place in the order of shards.
        blocks: At least one.
    """

    index: int
    blocks: tuple[Block, ...]


def pack(blocks: Sequence[Block], block_bytes: int) -> list[Shard]:
    """Put blocks into shards of about ``block_bytes``, in order.

    A gzip file cannot be entered in its middle, so all its blocks stay in one shard.
    """
    shards: list[list[Block]] = []
    filled = 0
    for block in blocks:
        follows = shards and shards[-1][-1].path == block.path and block.path.lower().endswith(".gz")
        if not shards or (filled + block.size > block_bytes and not follows):
            shards.append([])
            filled = 0
        shards[-1].append(block)
        filled += block.size
    return [Shard(index, tuple(members)) for index, members in enumerate(shards)]


def open_csv(source_path: str) -> IO[bytes]:
    """Open a CSV file's bytes, uncompressed."""
    if source_path.lower().endswith(".gz"):
        return cast(IO[bytes], gzip.open(source_path, "rb"))
    return Path(source_path).open("rb")


def csv_blocks(source: Source, *, columns: Sequence[str], block_bytes: int) -> list[Block]:
    """Read a CSV file's header and find its blocks.

    Args:
        source: The file.
        columns: Names of its columns if it has no header line.
        block_bytes: About how many bytes a block has.

    Raises:
        DataError: The file is empty, its header is wrong, or a quote is.
    """
    try:
        with open_csv(source.path) as file:
            return list(_blocks(source.path, file, tuple(columns), block_bytes))
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise DataError(
            "A compressed data file is broken.",
            got=str(error),
            expected="a whole gzip file",
            where=source.path,
            hint=f"Test it with: gzip -t {source.path}",
        ) from error
    except OSError as error:
        raise unreadable(source.path, error) from error


def _blocks(path: str, file: IO[bytes], columns: tuple[str, ...], block_bytes: int) -> Iterator[Block]:
    data = file.read(block_bytes)
    wide = wide_encoding(data)
    if wide:
        raise not_utf8(f"{path}:1:1", path, data, 0)
    start = len(UTF8_MARK) if data.startswith(UTF8_MARK) else 0
    data = data[start:]
    if not data.strip():
        raise _empty(path)
    line, names = 1, columns
    final = False
    while True:
        if len(data) < block_bytes and not final:
            more = file.read(block_bytes)
            data, final = data + more, not more
            if not final:
                continue
        wrong = quoting.wrong_quote(data, final=final)
        if wrong:
            raise _quote_error(path, data, line, wrong)
        end = len(data) if final else quoting.last_record_end(data)
        if not end and not final:
            if len(data) > _LONGEST_RECORD:
                raise _endless(path, data, line)
            more = file.read(block_bytes)
            data, final = data + more, not more
            continue
        if not names and not data[:end].strip():
            if final:
                raise _empty(path)
            start, line, data = start + end, line + quoting.count_lines(data[:end]), data[end:]
            continue
        if not names:
            head = data[: min(end, 1 << 16)]
            names, length, lines = _header(path, head[: quoting.last_record_end(head)] or data[:end])
            start, line, data, end = start + length, line + lines, data[length:], end - length
        if end:
            yield Block(path, "csv", start, end, line, names, end)
        if final:
            if not end:  # The header alone: a block without rows keeps the file's columns known.
                yield Block(path, "csv", start, 0, line, names, 0)
            return
        line += quoting.count_lines(data[:end])
        start, data = start + end, data[end:]


def _empty(path: str) -> DataError:
    return DataError(
        "A data file is empty.",
        got="no text",
        expected="a header line and at least one row",
        where=path,
        hint="Check the export that wrote it.",
    )


def _header(path: str, data: bytes) -> tuple[tuple[str, ...], int, int]:
    """Return the names in the first record, the bytes up to the next record and the lines in them."""
    found = quoting.find_records(data)
    begin, end = int(found.starts[0]), int(found.ends[0])
    length = int(found.starts[1]) if len(found.starts) > 1 else len(data)
    line = int(found.lines[0]) + 1
    raw = data[begin:end]
    if b"\0" in raw:
        raise nul_byte(path, line, raw.index(b"\0") + 1)
    try:
        text = raw.decode()
    except UnicodeDecodeError as error:
        raise not_utf8(f"{path}:{line}:{error.start + 1}", path, raw, error.start) from error
    names = [name.strip() for name in next(csv.reader(io.StringIO(text, newline="")))]
    for position, name in enumerate(names):
        if not name:
            raise DataError(
                "A column has no name.",
                got=f"cell {position + 1} of the header is empty",
                expected="a name for each column",
                where=f"{path}:{line}",
                hint="Name it (pandas leaves its index without a name: to_csv(..., index=False)); if the file has no"
                " header line, give the names of all columns.",
            )
        if name in names[:position]:
            raise DataError(
                f"Two columns have the same name: {name}.",
                got=f"cells {names.index(name) + 1} and {position + 1} of the header",
                expected="each name once",
                where=f"{path}:{line}:{name}",
                hint="Rename or drop one of them.",
            )
    lines = int(found.lines[1]) if len(found.lines) > 1 else quoting.count_lines(data)
    return tuple(names), length, lines


def nul_byte(path: str, line: int, column: int) -> DataError:
    """Return the error for a NUL byte, which no CSV text holds."""
    return DataError(
        "A data file holds a NUL byte.",
        got="byte 0x00",
        expected="text",
        where=f"{path}:{line}:{column}",
        hint="The file was cut off or is binary; write it again. To drop the bytes: tr -d '\\000' < in.csv > out.csv",
    )


def _quote_error(path: str, data: bytes, line: int, wrong: quoting.WrongQuote) -> DataError:
    before = data[: wrong.offset]
    at = line + len(quoting.line_ends(before))
    begin = max(before.rfind(b"\n"), before.rfind(b"\r")) + 1
    excerpt = data[wrong.offset : wrong.offset + 40].splitlines()[0].decode("utf-8", "replace")
    if wrong.unclosed:
        return DataError(
            "A quoted cell is not closed.",
            got=f"a quote that opens {excerpt!r}",
            expected="a closing quote, followed by a comma or the line's end",
            where=f"{path}:{at}:{wrong.offset - begin + 1}",
            hint='A quote inside a quoted cell is written twice: "5"" pipe".',
        )
    return DataError(
        "A quote stands inside a cell that is not quoted.",
        got=f"{data[max(begin, wrong.offset - 20) : wrong.offset + 20].splitlines()[0].decode('utf-8', 'replace')!r}",
        expected="quotes around the entire cell, or none",
        where=f"{path}:{at}:{wrong.offset - begin + 1}",
        hint='Quote the cell and write its quote twice: "5"" pipe".',
    )


def _endless(path: str, data: bytes, line: int) -> DataError:
    opened = data.find(b'"')
    return DataError(
        "A record does not end.",
        got=f"more than {_LONGEST_RECORD >> 20} MB without an end of a record",
        expected="one record a line",
        where=f"{path}:{line + len(quoting.line_ends(data[: max(opened, 0)]))}",
        hint="Look for a quote that is opened there and never closed.",
    )
