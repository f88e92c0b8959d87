"""Reads transformed examples through ``tf.data``: streamed from disk, so that the data need not fit in memory."""

from collections.abc import Callable, Sequence
from typing import Any

import components.estimator.compat  # noqa: F401  before TensorFlow

import tensorflow as tf


def input_fn(
    files: Sequence[str],
    feature_spec: dict[str, Any],
    label: str,
    *,
    batch_size: int,
    training: bool,
    shuffle_buffer: int = 0,
    seed: int = 0,
) -> Callable[[], Any]:
    """Make an Estimator's ``input_fn``, as https://www.tensorflow.org/guide/data_performance advises.

    Args:
        files: gzip TFRecord files of ``tf.Example``.
        feature_spec: How to parse them (``TFTransformOutput.transformed_feature_spec()``).
        label: The feature that is the label.
        batch_size: Rows in a batch; the last one of an evaluation may be smaller.
        training: Whether to shuffle and repeat without end; else once through, in order.
        shuffle_buffer: Rows held for shuffling.
        seed: Seed of the shuffling; equal seeds give equal orders.

    Returns:
        A function that makes a Dataset of ``(features, label)``: a dict of tensors ``[batch, ...]``, and the
        label ``[batch, ...]`` with the dtype that the transform gave it. It is made inside the function, in the graph
        that the Estimator opens: a Dataset from elsewhere belongs to another graph.
    """
    names = sorted(files)

    def parse(serialized: Any) -> tuple[dict[str, Any], Any]:
        features = tf.io.parse_example(serialized, feature_spec)
        return features, features.pop(label)

    def make() -> Any:
        dataset = tf.data.Dataset.from_tensor_slices(names)
        if training and len(names) > 1:
            dataset = dataset.shuffle(len(names), seed=seed)
        dataset = dataset.interleave(
            # Each of the files that are open has such a buffer, and so have those that are opened ahead: at 8 MiB, ten
            # files took 120 MB more than one.
            lambda name: tf.data.TFRecordDataset(name, compression_type="GZIP", buffer_size=1 << 20),
            cycle_length=min(len(names), 8),
            num_parallel_calls=tf.data.AUTOTUNE,
        )
        if training:
            dataset = dataset.shuffle(shuffle_buffer, seed=seed).repeat()
        # Parsing whole batches is an order of magnitude cheaper than parsing rows one by one.
        dataset = dataset.batch(batch_size).map(parse, num_parallel_calls=tf.data.AUTOTUNE)
        return dataset.prefetch(tf.data.AUTOTUNE)

    return make
