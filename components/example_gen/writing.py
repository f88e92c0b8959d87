"""From typed columns to ``tf.Example`` records in gzip TFRecord files.

Protocol: a worker writes a shard's files, and last a summary that names them, into a scratch folder beside the
splits, each under a name of its own and renamed when it is whole. A bundle that Beam runs twice leaves files that no
summary names. Only when all summaries are there and add up are the named files moved into the splits.
"""

import dataclasses
import json
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import tensorflow as tf
from tfx_bsl.coders import example_coder

from components.example_gen.conversion import Converted

# Level 1 takes about half of level 6's time for files that are a fifth larger; they are read a few times each.
_COMPRESSION_LEVEL = 1


def encode(columns: Mapping[str, Converted], chosen: npt.NDArray[np.int64]) -> list[bytes]:
    """Encode rows as serialized ``tf.Example``.

    Args:
        columns: The columns; a missing value becomes a feature of no kind, which TFDV counts as missing. (An empty
            list, as TFX's own CsvExampleGen writes, counts as there with too few values, an anomaly.)
        chosen: The rows to encode, in this order.
    """
    if not len(chosen):
        return []
    rows = pa.array(chosen)
    batch = pa.RecordBatch.from_arrays(
        [_as_lists(column.values.take(rows)) for column in columns.values()], list(columns)
    )
    return example_coder.RecordBatchToExamplesEncoder().encode(batch)


def _as_lists(values: Any) -> Any:
    if pa.types.is_list(values.type):
        return values
    present = np.asarray(values.is_valid())
    offsets = np.zeros(len(values) + 1, np.int32)
    np.cumsum(present, out=offsets[1:])
    # A null offset makes a null list.
    missing = np.append(~present, False)
    return pa.ListArray.from_arrays(pa.array(offsets, mask=missing), values.drop_null())


class SplitWriters:
    """The files of one shard, one for each split that gets a row; closed and whole after :meth:`finish`."""

    def __init__(self, scratch: str, index: int) -> None:
        self._scratch, self._index, self._attempt = scratch, index, uuid.uuid4().hex[:12]
        self._writers: dict[str, Any] = {}
        self.rows: dict[str, int] = {}
        tf.io.gfile.makedirs(scratch)

    def write(self, split: str, records: Sequence[bytes]) -> None:
        """Append records to a split's file."""
        if not records:
            return
        if split not in self._writers:
            options = tf.io.TFRecordOptions(compression_type="GZIP", compression_level=_COMPRESSION_LEVEL)
            self._writers[split] = tf.io.TFRecordWriter(f"{self._scratch}/{self._name(split)}", options)
            self.rows[split] = 0
        write = self._writers[split].write
        for record in records:
            write(record)
        self.rows[split] += len(records)

    def finish(self) -> dict[str, str]:
        """Close the files and return their names by split."""
        for writer in self._writers.values():
            writer.close()
        return {split: self._name(split) for split in self._writers}

    def _name(self, split: str) -> str:
        return f"{self._index:05d}-{self._attempt}-{split}.gz"


@dataclasses.dataclass(frozen=True)
class Summary:
    """What a worker did with a shard.

    Attributes:
        index: The shard.
        read: Rows read by file, malformed ones included.
        written: Rows written by split.
        files: File in the scratch folder by split.
        set_aside: Malformed rows (:class:`components.example_gen.diagnosis.BadRow` as dictionaries).
        labels: Up to two different values of the label, as text.
    """

    index: int
    read: dict[str, int]
    written: dict[str, int]
    files: dict[str, str]
    set_aside: list[dict[str, Any]]
    labels: list[str]

    def save(self, scratch: str) -> None:
        """Write the summary, whole or not at all."""
        name = f"{scratch}/summary-{self.index:05d}.json"
        part = f"{name}.{uuid.uuid4().hex[:12]}"
        with tf.io.gfile.GFile(part, "w") as file:
            file.write(json.dumps(dataclasses.asdict(self)))
        tf.io.gfile.rename(part, name, overwrite=True)

    @staticmethod
    def load(scratch: str, index: int) -> "Summary | None":
        """Read the summary of a shard, if there is one."""
        name = f"{scratch}/summary-{index:05d}.json"
        if not tf.io.gfile.exists(name):
            return None
        with tf.io.gfile.GFile(name) as file:
            return Summary(**json.loads(file.read()))
