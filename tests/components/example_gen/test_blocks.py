"""Blocks begin at records, and nothing depends on where they were cut."""

import csv
import gzip
import io
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from components.example_gen import layout, quoting
from components.example_gen.kinds import Kind
from components.example_gen.sources import list_sources

Ingest = Callable[..., Any]
Write = Callable[..., Path]


def awkward_csv(rows: int, seed: int, end: str = "\n") -> str:
    """Cells with commas, quotes, line breaks and nothing at all, as Python's own module writes them."""
    chance = random.Random(seed)
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator=end)
    writer.writerow(["id", "text", "more"])
    pieces = ["a", "é", ",", '"', "\n", "\r\n", '""', " ", "long " * 20]
    for row in range(rows):
        cells = ["".join(chance.choices(pieces, k=chance.randrange(6))) for _ in range(2)]
        writer.writerow([row, *cells])
    return text.getvalue()


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_rows_and_splits_do_not_depend_on_blocks(ingest: Ingest, write: Write, seed: int, end: str) -> None:
    content = awkward_csv(120, seed, end)
    path = write(content)
    expected = [
        {key: value for key, value in row.items() if value} for row in csv.DictReader(io.StringIO(content, newline=""))
    ]
    splits = {"train": 2, "eval": 1}
    whole = ingest(path, splits=splits)
    for block_bytes in (64, 4096):
        assert ingest(path, splits=splits, block_bytes=block_bytes).rows == whole.rows
    found = sorted(whole.all_rows(), key=lambda row: row["id"])
    assert [{k: v.decode() if isinstance(v, bytes) else str(v) for k, v in row.items()} for row in found] == expected


def test_blocks_know_their_first_line(write: Write) -> None:
    content = awkward_csv(200, 1).encode()
    path = write(content)
    (source,) = list_sources(str(path))
    blocks = layout.csv_blocks(source, columns=(), block_bytes=512)
    assert len(blocks) > 10
    for block in blocks:
        assert block.first == 1 + len(quoting.line_ends(content[: block.start]))
    assert sum(block.length for block in blocks) + blocks[0].start == len(content)


def test_gzip_gives_the_same_rows_in_one_shard(ingest: Ingest, write: Write) -> None:
    content = awkward_csv(300, 3).encode()
    plain = ingest(write(content), block_bytes=1000)
    packed = write(gzip.compress(content), "data.csv.gz")
    assert ingest(packed, block_bytes=1000).rows == plain.rows
    (source,) = list_sources(str(packed))
    blocks = layout.csv_blocks(source, columns=(), block_bytes=1000)
    assert len(blocks) > 5
    assert len(layout.pack(blocks, 1000)) == 1


def test_small_files_share_a_shard_and_large_ones_are_cut(write: Write) -> None:
    for number in range(10):
        write("a\n" + "1\n" * 10, f"d/{number}.csv")
    folder = write("a\n" + "1\n" * 1000, "d/x.csv").parent
    blocks = [
        block
        for source in list_sources(str(folder))
        for block in layout.csv_blocks(source, columns=(), block_bytes=400)
    ]
    shards = layout.pack(blocks, 400)
    assert [block for shard in shards for block in shard.blocks] == blocks
    assert len(shards[0].blocks) == 10
    assert len(shards) > 5


@pytest.mark.parametrize(
    ("cells", "kind"),
    [
        (["1", "", "-7"], Kind.INT),
        (["1", "2.5"], Kind.FLOAT),
        (["1", "1e3"], Kind.FLOAT),
        (["99999999999999999999", "1"], Kind.FLOAT),
        ([" 1", "2 ", " "], Kind.INT),
        (["1", "x"], Kind.BYTES),
        (["0x1F", "1"], Kind.BYTES),
        (["true", "false"], Kind.BYTES),
        (["2020-01-01", ""], Kind.BYTES),
        (["12:30", "1"], Kind.BYTES),
        (["", ""], Kind.FLOAT),
    ],
)
def test_types_are_those_of_all_rows(ingest: Ingest, write: Write, cells: list[str], kind: Kind) -> None:
    filler = [""] * 600  # So that the telling cells are in blocks of their own.
    for order in (cells + filler, filler + cells, cells[::-1] + filler, [cells[0], *filler, *cells[1:]]):
        path = write("id,c\n" + "".join(f"{i},{cell}\n" for i, cell in enumerate(order)))
        for block_bytes in (1024, 1 << 20):
            assert ingest(path, block_bytes=block_bytes).kinds["c"] is kind


def test_columns_without_a_header_are_named(ingest: Ingest, write: Write) -> None:
    rows = ingest(write("1,a\n2,b\n"), columns=("n", "t")).all_rows()
    assert rows == [{"n": 1, "t": b"a"}, {"n": 2, "t": b"b"}]
