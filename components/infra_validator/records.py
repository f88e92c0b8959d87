"""The first records of a split, read without Beam and without starting TensorFlow's runtime."""

import itertools
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import tensorflow as tf
from tfx.components.util import examples_utils


def split_files(examples: Iterable[Any], split: str) -> list[str]:
    """Return the record files of a split of Examples artifacts, in a fixed order."""
    found: list[str] = []
    for artifact in examples:
        for pattern in examples_utils.get_split_file_patterns([artifact], split):
            found += sorted(str(path) for path in Path(pattern).parent.glob(Path(pattern).name))
    return found


def read_files(files: Sequence[str], count: int) -> list[bytes]:
    """Return up to ``count`` records, serialized ``tf.Example``, of TFRecord files."""
    return list(itertools.islice(_records(files), count))


def _records(files: Sequence[str]) -> Iterator[bytes]:
    for path in files:
        kind = "GZIP" if path.endswith(".gz") else ""
        yield from tf.compat.v1.io.tf_record_iterator(path, options=tf.io.TFRecordOptions(compression_type=kind))
