"""``tf.contrib.data``: transformations for ``Dataset.apply``; most moved to ``tf.data.experimental``.

See https://www.tensorflow.org/versions/r1.15/api_docs/python/tf/contrib/data.
"""

from collections.abc import Callable
from typing import Any

import components.estimator.compat  # noqa: F401  before TensorFlow

import tensorflow as tf

from components.estimator.contrib.missing import attribute_error_of

_experimental = tf.compat.v1.data.experimental

AUTOTUNE = tf.data.AUTOTUNE
CsvDataset = _experimental.CsvDataset
SqlDataset = _experimental.SqlDataset
CheckpointInputPipelineHook = _experimental.CheckpointInputPipelineHook
assert_cardinality = _experimental.assert_cardinality
bucket_by_sequence_length = _experimental.bucket_by_sequence_length
choose_from_datasets = _experimental.choose_from_datasets
enumerate_dataset = _experimental.enumerate_dataset
get_single_element = _experimental.get_single_element
group_by_reducer = _experimental.group_by_reducer
group_by_window = _experimental.group_by_window
ignore_errors = _experimental.ignore_errors
make_batched_features_dataset = _experimental.make_batched_features_dataset
make_csv_dataset = _experimental.make_csv_dataset
make_saveable_from_iterator = _experimental.make_saveable_from_iterator
map_and_batch = _experimental.map_and_batch
parallel_interleave = _experimental.parallel_interleave
prefetch_to_device = _experimental.prefetch_to_device
rejection_resample = _experimental.rejection_resample
sample_from_datasets = _experimental.sample_from_datasets
scan = _experimental.scan
shuffle_and_repeat = _experimental.shuffle_and_repeat
unbatch = _experimental.unbatch
unique = _experimental.unique


def batch_and_drop_remainder(batch_size: int) -> Callable[[Any], Any]:
    """Return a transformation that batches, leaving out a last batch that is not full."""
    return lambda dataset: dataset.batch(batch_size, drop_remainder=True)


def padded_batch_and_drop_remainder(
    batch_size: int, padded_shapes: Any, padding_values: Any = None
) -> Callable[[Any], Any]:
    """Return a transformation that pads and batches, leaving out a last batch that is not full."""
    return lambda dataset: dataset.padded_batch(batch_size, padded_shapes, padding_values, drop_remainder=True)


read_batch_features = make_batched_features_dataset

__all__ = [
    "AUTOTUNE",
    "CheckpointInputPipelineHook",
    "CsvDataset",
    "SqlDataset",
    "assert_cardinality",
    "batch_and_drop_remainder",
    "bucket_by_sequence_length",
    "choose_from_datasets",
    "enumerate_dataset",
    "get_single_element",
    "group_by_reducer",
    "group_by_window",
    "ignore_errors",
    "make_batched_features_dataset",
    "make_csv_dataset",
    "make_saveable_from_iterator",
    "map_and_batch",
    "padded_batch_and_drop_remainder",
    "parallel_interleave",
    "prefetch_to_device",
    "read_batch_features",
    "rejection_resample",
    "sample_from_datasets",
    "scan",
    "shuffle_and_repeat",
    "unbatch",
    "unique",
]
__getattr__ = attribute_error_of(__name__)
