"""Reads transformed examples through ``tf.data``: streamed from disk, so that the data need not fit in memory.

The order of rows follows from the seed alone, however many threads read: what runs in parallel hands over in order
(``deterministic=True``). Each epoch has an order of its own, by the seed and its number. A training that goes on from a
checkpoint goes on in that order too: it begins with the epoch that it was in, and skips, unparsed, what it has seen of
it. Beginning anew instead, a training that is killed often would see the first rows again and again.
"""

from collections.abc import Callable, Sequence
from typing import Any

import components.estimator.compat  # noqa: F401  before TensorFlow

import tensorflow as tf

from components.transform.records import count_records_of

_PARALLEL_FILES = 8
_BUFFER = 1 << 20  # of each file that is open, or opened ahead: at 8 MiB, ten files took 120 MB more than one
_AT_ONCE = 32  # rows handed over together


def input_fn(
    files: Sequence[str],
    feature_spec: dict[str, Any],
    label: str,
    *,
    batch_size: int,
    training: bool,
    shuffle_buffer: int = 0,
    seed: int = 0,
    start: int = 0,
) -> Callable[..., Any]:
    """Make an Estimator's ``input_fn``, as https://www.tensorflow.org/guide/data_performance advises.

    Args:
        files: TFRecord files of ``tf.Example``, read as gzip where their names end in ``.gz``.
        feature_spec: How to parse them (``TFTransformOutput.transformed_feature_spec()``).
        label: The feature that is the label.
        batch_size: Rows in a batch; the last one of an evaluation may be smaller.
        training: Whether to shuffle and repeat without end; else once through, in order.
        shuffle_buffer: Rows held for shuffling.
        seed: Seed of the shuffling; equal seeds give equal orders.
        start: Steps that the training has behind it, whose batches are skipped.

    Returns:
        A function that makes a Dataset of ``(features, label)``: a dict of tensors ``[batch, ...]``, and the
        label ``[batch, ...]`` with the dtype that the transform gave it. It is made inside the function, in the graph
        that the Estimator opens: a Dataset from elsewhere belongs to another graph. The Estimator hands it its
        ``config``, and under a ``tf.distribute.Strategy`` an ``input_context``: a training worker reads its share of
        the files, or of the rows where there are fewer files than workers. An evaluation reads all rows.
    """
    names = sorted(files)

    def parse(serialized: Any) -> tuple[dict[str, Any], Any]:
        features = tf.io.parse_example(serialized, feature_spec)
        return features, features.pop(label)

    def make(config: Any = None, input_context: Any = None) -> Any:
        return dataset_of(*_place(config, input_context, training))

    def dataset_of(workers: int, worker: int) -> Any:
        by_file = len(names) >= workers
        mine = names[worker::workers] if by_file else names

        def once(epoch: Any = None) -> Any:
            dataset = tf.data.Dataset.from_tensor_slices(mine)
            if training and by_file and len(mine) > 1:  # shares of rows are by their place: the files keep their order
                dataset = _shuffled(dataset, len(mine), seed + epoch)
            dataset = dataset.interleave(
                _records,
                cycle_length=max(1, min(len(mine), _PARALLEL_FILES)),
                num_parallel_calls=tf.data.AUTOTUNE,
                deterministic=True,
            )
            dataset = dataset.unbatch()
            if not by_file:
                dataset = dataset.shard(workers, worker)
            return _shuffled(dataset, shuffle_buffer, seed + epoch) if training else dataset

        if training:
            epoch, seen = _seen(mine, start // workers * batch_size, 1 if by_file else workers, worker)
            dataset = tf.data.Dataset.range(epoch, tf.int64.max).flat_map(once).skip(seen)
        else:
            dataset = once()
        # Parsing whole batches is an order of magnitude cheaper than parsing rows one by one.
        dataset = dataset.batch(batch_size).map(parse, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True)
        return dataset.prefetch(tf.data.AUTOTUNE)

    return make


def _shuffled(dataset: Any, buffer: int, seed: Any) -> Any:
    """Shuffle a Dataset of strings; not by ``Dataset.shuffle``, which keeps its seed in a resource inside a function.

    A Dataset with such state loses its threads under ``enable_op_determinism``: reading would wait for each step, and
    each step for reading. This op has none, nor does it mix the graph's seed with ours.
    """
    spec = dataset.element_spec
    variant = tf.raw_ops.ShuffleDataset(
        input_dataset=tf.data.experimental.to_variant(dataset),
        buffer_size=buffer,
        seed=seed,
        seed2=1,  # two zeros would mean any order
        output_types=[spec.dtype],
        output_shapes=[spec.shape],
        reshuffle_each_iteration=False,
    )
    return tf.data.experimental.from_variant(variant, spec)


def _records(name: Any) -> Any:
    """Read one file, some rows at a time: handed from thread to thread one by one, they cost six times as much."""
    compression = tf.where(tf.strings.regex_full_match(name, r".*\.gz"), "GZIP", "")
    return tf.data.TFRecordDataset(name, compression_type=compression, buffer_size=_BUFFER).batch(_AT_ONCE)


def _seen(files: Sequence[str], rows: int, workers: int, worker: int) -> tuple[int, int]:
    """Return the epoch that a worker is in after so many rows, and how many of them belong to it."""
    if not rows:
        return 0, 0
    in_epoch = len(range(worker, count_records_of(files), workers)) if workers > 1 else count_records_of(files)
    return divmod(rows, max(1, in_epoch))


def _place(config: Any, input_context: Any, training: bool) -> tuple[int, int]:
    """Return how many workers share the rows, and which of them this is."""
    if input_context is not None:
        return input_context.num_input_pipelines, input_context.input_pipeline_id
    if training and config is not None and config.num_worker_replicas > 1:
        return config.num_worker_replicas, config.global_id_in_cluster
    return 1, 0
