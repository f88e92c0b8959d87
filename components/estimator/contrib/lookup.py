# ruff: noqa: PLR0917 - the signatures are tf.contrib's own
"""``tf.contrib.lookup``: tables from strings to numbers and back.

See https://www.tensorflow.org/versions/r1.15/api_docs/python/tf/contrib/lookup. TensorFlow still has these functions,
though no longer in its public API. A table made in a ``model_fn`` is initialised by the Estimator, and its file
travels with the export as an asset.
"""

from typing import Any

import components.estimator.compat  # noqa: F401  before TensorFlow

import tensorflow as tf
from tensorflow.python.ops import lookup_ops

from components.estimator.contrib.missing import attribute_error_of

HashTable = lookup_ops.HashTable
MutableHashTable = lookup_ops.MutableHashTable
KeyValueTensorInitializer = lookup_ops.KeyValueTensorInitializer
TextFileInitializer = lookup_ops.TextFileInitializer
TextFileIdTableInitializer = lookup_ops.TextFileIdTableInitializer
TextFileStringTableInitializer = lookup_ops.TextFileStringTableInitializer
TextFileIndex = lookup_ops.TextFileIndex
IdTableWithHashBuckets = lookup_ops.IdTableWithHashBuckets
HasherSpec = lookup_ops.HasherSpec
FastHashSpec = lookup_ops.FastHashSpec
StrongHashSpec = lookup_ops.StrongHashSpec
index_table_from_file = lookup_ops.index_table_from_file
index_to_string_table_from_file = lookup_ops.index_to_string_table_from_file


def index_table_from_tensor(
    mapping: Any,
    num_oov_buckets: int = 0,
    default_value: int = -1,
    hasher_spec: Any = FastHashSpec,
    dtype: Any = tf.string,
    name: str | None = None,
) -> Any:
    """Return a table from each value of ``mapping`` (1-D) to its position; others get ``default_value`` or a bucket."""
    return lookup_ops.index_table_from_tensor(mapping, num_oov_buckets, default_value, hasher_spec, dtype, name)


def index_to_string_table_from_tensor(mapping: Any, default_value: str = "UNK", name: str | None = None) -> Any:
    """Return a table from a position to the string of ``mapping`` (1-D) there; others get ``default_value``."""
    return lookup_ops.index_to_string_table_from_tensor(mapping, default_value, name)


__all__ = [
    "FastHashSpec",
    "HashTable",
    "HasherSpec",
    "IdTableWithHashBuckets",
    "KeyValueTensorInitializer",
    "MutableHashTable",
    "StrongHashSpec",
    "TextFileIdTableInitializer",
    "TextFileIndex",
    "TextFileInitializer",
    "TextFileStringTableInitializer",
    "index_table_from_file",
    "index_table_from_tensor",
    "index_to_string_table_from_file",
    "index_to_string_table_from_tensor",
]
__getattr__ = attribute_error_of(__name__)
