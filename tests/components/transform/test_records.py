"""Counting records in TFRecord files without TensorFlow."""

import gzip
import struct
from pathlib import Path

from components.transform.records import count_records


def record(data: bytes) -> bytes:
    return struct.pack("<Q", len(data)) + b"\0" * 4 + data + b"\0" * 4


def test_records_are_counted_over_files_plain_and_gzip(tmp_path: Path) -> None:
    assert count_records(str(tmp_path)) == 0
    (tmp_path / "a").write_bytes(record(b"one") + record(b""))
    with gzip.open(tmp_path / "b.gz", "wb") as file:
        file.write(record(b"x" * 100_000) * 3)
    (tmp_path / "empty.gz").write_bytes(gzip.compress(b""))
    assert count_records(str(tmp_path)) == 5
