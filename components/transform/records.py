"""Counts records in TFRecord files without parsing them."""

import gzip
import struct
from collections.abc import Iterable
from pathlib import Path

_HEADER = struct.Struct("<Q")  # length; its checksum (4 bytes) follows, then the data and its checksum (4 bytes)


def count_records(folder: str) -> int:
    """Return the number of records in all (gzip) TFRecord files directly in ``folder``.

    Format: https://www.tensorflow.org/tutorials/load_data/tfrecord#tfrecords_format_details
    """
    return count_records_of(file for file in sorted(Path(folder).iterdir()) if file.is_file())


def count_records_of(files: Iterable[str | Path]) -> int:
    """Return the number of records in (gzip) TFRecord files."""
    return sum(_count(Path(file)) for file in files)


def _count(file: Path) -> int:
    records = 0
    with gzip.open(file) if file.suffix == ".gz" else file.open("rb") as stream:
        while header := stream.read(12):
            stream.seek(_HEADER.unpack(header[:8])[0] + 4, 1)
            records += 1
    return records
