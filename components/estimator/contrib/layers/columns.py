# ruff: noqa: PLR0917 - the signatures are tf.contrib's own
"""Feature columns of ``tf.contrib.layers``, which are those of ``tf.feature_column`` by older names.

A ``combiner`` is taken and has no effect on a categorical column: in ``tf.feature_column`` it belongs to the embedding
or to the linear model.
"""

from collections.abc import Callable, Sequence
from typing import Any

import components.estimator.compat  # noqa: F401  before TensorFlow

import tensorflow as tf

v1 = tf.compat.v1
_columns = tf.feature_column


def real_valued_column(
    column_name: str,
    dimension: int = 1,
    default_value: Any = None,
    dtype: Any = tf.float32,
    normalizer: Callable[[Any], Any] | None = None,
) -> Any:
    """Return a column of ``dimension`` numbers."""
    if isinstance(default_value, list | tuple) and len(default_value) != dimension:
        raise ValueError(f"default_value of {column_name} must have {dimension} values, got {default_value}")
    return _columns.numeric_column(column_name, (dimension,), default_value, dtype, normalizer)


def bucketized_column(source_column: Any, boundaries: Sequence[float]) -> Any:
    """Return a column of the bucket that each number falls into."""
    return _columns.bucketized_column(source_column, list(boundaries))


def sparse_column_with_hash_bucket(
    column_name: str, hash_bucket_size: int, combiner: str = "sum", dtype: Any = tf.string
) -> Any:
    """Return a column of hashes of strings or integers."""
    del combiner
    return _columns.categorical_column_with_hash_bucket(column_name, hash_bucket_size, dtype)


def sparse_column_with_keys(
    column_name: str, keys: Sequence[Any], default_value: int = -1, combiner: str = "sum", dtype: Any = tf.string
) -> Any:
    """Return a column of positions in a list of keys; others get ``default_value``."""
    del combiner
    return _columns.categorical_column_with_vocabulary_list(column_name, list(keys), dtype, default_value)


def sparse_column_with_integerized_feature(
    column_name: str, bucket_size: int, combiner: str = "sum", dtype: Any = tf.int64
) -> Any:
    """Return a column of integers from 0 to ``bucket_size`` - 1, as they are."""
    del combiner, dtype
    return _columns.categorical_column_with_identity(column_name, bucket_size)


def sparse_column_with_vocabulary_file(
    column_name: str,
    vocabulary_file: str,
    num_oov_buckets: int = 0,
    vocab_size: int | None = None,
    default_value: int = -1,
    combiner: str = "sum",
    dtype: Any = tf.string,
) -> Any:
    """Return a column of positions in a file of keys, one a line."""
    del combiner
    return _columns.categorical_column_with_vocabulary_file(
        column_name,
        vocabulary_file,
        vocab_size,
        dtype,
        default_value=None if num_oov_buckets else default_value,
        num_oov_buckets=num_oov_buckets,
    )


def weighted_sparse_column(sparse_id_column: Any, weight_column_name: str, dtype: Any = tf.float32) -> Any:
    """Return a categorical column whose values carry weights."""
    return _columns.weighted_categorical_column(sparse_id_column, weight_column_name, dtype)


def crossed_column(
    columns: Sequence[Any],
    hash_bucket_size: int,
    combiner: str = "sum",
    ckpt_to_load_from: str | None = None,
    tensor_name_in_ckpt: str | None = None,
    hash_key: int | None = None,
) -> Any:
    """Return a column of hashes of combinations of columns."""
    del combiner
    if ckpt_to_load_from or tensor_name_in_ckpt:
        raise ValueError("crossed_column reads no checkpoint here: use tf.estimator.WarmStartSettings")
    # tf.feature_column crosses what a hashed column was made of, not the hashes: they would collide twice.
    keys = [one.key if type(one).__name__ == "HashedCategoricalColumn" else one for one in columns]
    return _columns.crossed_column(keys, hash_bucket_size, hash_key)


def embedding_column(
    sparse_id_column: Any,
    dimension: int,
    combiner: str = "mean",
    initializer: Any = None,
    ckpt_to_load_from: str | None = None,
    tensor_name_in_ckpt: str | None = None,
    max_norm: float | None = None,
    trainable: bool = True,
) -> Any:
    """Return a dense column of embeddings of a categorical one."""
    return _columns.embedding_column(
        sparse_id_column,
        dimension,
        combiner,
        initializer,
        ckpt_to_load_from,
        tensor_name_in_ckpt,
        max_norm,
        trainable,
    )


def one_hot_column(sparse_id_column: Any) -> Any:
    """Return a dense column of how often each value occurs."""
    return _columns.indicator_column(sparse_id_column)


def input_from_feature_columns(
    columns_to_tensors: dict[str, Any],
    feature_columns: Sequence[Any],
    weight_collections: Any = None,
    trainable: bool = True,
    scope: Any = None,
) -> Any:
    """Return all dense columns side by side: ``[batch, their sizes' sum]``."""
    with v1.variable_scope(scope, "input_from_feature_columns", list(columns_to_tensors.values())):
        return v1.feature_column.input_layer(columns_to_tensors, feature_columns, weight_collections, trainable)


def create_feature_spec_for_parsing(feature_columns: Sequence[Any]) -> dict[str, Any]:
    """Return what ``tf.io.parse_example`` needs to read the columns."""
    return _columns.make_parse_example_spec(feature_columns)


def parse_feature_columns_from_examples(
    serialized: Any, feature_columns: Sequence[Any], name: str | None = None, example_names: Any = None
) -> dict[str, Any]:
    """Read the columns' features from serialised examples ``[batch]``."""
    spec = create_feature_spec_for_parsing(feature_columns)
    return v1.io.parse_example(serialized, spec, name, example_names)
