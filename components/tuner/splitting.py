"""Takes rows out of the train split for the trials to be judged by, so that the eval split stays unseen.

A row's content decides, as in ExampleGen: equal rows are on one side, however the files are cut. TFRecord's frames are
copied as they are (https://www.tensorflow.org/tutorials/load_data/tfrecord#tfrecords_format_details), without
TensorFlow, so that this process can still be forked.
"""

import gzip
import hashlib
import json
import shutil
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from components.progress import report
from pipeline.errors import SettingsError

_HEADER = struct.Struct("<Q")
_DONE = "rows.json"


@dataclass(frozen=True)
class Rows:
    """The rows of a search.

    Attributes:
        fit: Files of the rows that trials are trained on.
        held_out: Files of the rows that they are judged by.
        fit_rows: How many there are of the first.
        held_out_rows: How many of the second.
    """

    fit: tuple[str, ...]
    held_out: tuple[str, ...]
    fit_rows: int
    held_out_rows: int


def split(files: Sequence[str], share: float, seed: int, folder: Path) -> Rows:
    """Copy the rows of the train split into two sets of files.

    Args:
        files: TFRecord files, gzip where their names end in ``.gz``.
        share: Of the rows that are held out.
        seed: Another one holds out other rows.
        folder: Where the copies go; what is whole there is used again.

    Raises:
        SettingsError: If one side would have no rows.
    """
    done = folder / _DONE
    if not done.exists():
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        report(note=f"holding out {share:.0%} of the train split's rows")
        counts = _copy(files, share, seed, folder)
        done.write_text(json.dumps(counts), encoding="utf-8")
    fit_rows, held_out_rows = json.loads(done.read_text(encoding="utf-8"))
    if not fit_rows or not held_out_rows:
        raise SettingsError(
            "The train split has too few rows for a search",
            got=f"{fit_rows:,} rows to train on, {held_out_rows:,} to judge by",
            where="tuning.held_out",
            hint="hold out another share, or bring more rows",
        )
    named = [tuple(sorted(map(str, folder.glob(f"{name}-*")))) for name in ("fit", "held_out")]
    return Rows(named[0], named[1], fit_rows, held_out_rows)


def _copy(files: Sequence[str], share: float, seed: int, folder: Path) -> list[int]:
    limit = int(share * 2**64)
    salt = seed.to_bytes(8, "little")
    counts = [0, 0]
    for number, file in enumerate(sorted(files)):
        name = f"{number:05d}.gz"
        with (
            gzip.open(file) if file.endswith(".gz") else Path(file).open("rb") as source,
            gzip.open(folder / f"fit-{name}", "wb", 1) as fit,
            gzip.open(folder / f"held_out-{name}", "wb", 1) as held_out,
        ):
            for frame in _frames(source):
                place = hashlib.blake2b(content(frame[12:-4]), digest_size=8, key=salt).digest()
                side = int(int.from_bytes(place, "little") < limit)
                (held_out if side else fit).write(frame)
                counts[side] += 1
    return counts


def content(record: bytes) -> bytes:
    """Return a serialized ``tf.Example`` with its features in order of their names; anything else as it is.

    A map is written in an order that differs from process to process, and from row to row
    (https://protobuf.dev/programming-guides/encoding/#maps).
    """
    try:
        entries = _fields(_fields(record)[0])
    except (IndexError, ValueError):
        return record
    return b"".join(sorted(entries))


def _fields(message: bytes) -> list[bytes]:
    """Return the messages that a message has as its field 1, all that it has."""
    found, at = [], 0
    while at < len(message):
        if message[at] != 0x0A:
            raise ValueError("another field")
        size, shift, at = 0, 0, at + 1
        while True:
            byte = message[at]
            size, shift, at = size | (byte & 0x7F) << shift, shift + 7, at + 1
            if byte < 0x80:
                break
        if at + size > len(message):
            raise ValueError("cut off")
        found.append(message[at : at + size])
        at += size
    return found


def _frames(stream: Any) -> Iterator[bytes]:
    while header := stream.read(12):
        yield header + stream.read(_HEADER.unpack(header[:8])[0] + 4)
