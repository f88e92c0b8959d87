"""From the columns of the file to the features of the model, for training and serving alike."""

from typing import Any

import tensorflow as tf
import tensorflow_transform as tft

from . import features as f


def preprocessing_fn(inputs: dict[str, Any]) -> dict[str, Any]:
    """Make the features; see https://www.tensorflow.org/tfx/transform/get_started.

    Three analyzers in all, one for each kind of thing to learn from the data, since each costs a pass of Beam's.

    Args:
        inputs: The columns by name; float32 ``[batch, 1]``, ``total_bedrooms`` sparse, ``ocean_proximity`` strings.

    Returns:
        The features that :mod:`features` names, and the label untouched, in dollars, float32 ``[batch, 1]``.
    """
    columns = {name: _dense(value) for name, value in inputs.items()}
    households, rooms = columns[f.HOUSEHOLDS], columns[f.ROOMS]
    # What is missing is NaN, which the analyzers leave out; zero, the mean, takes its place afterwards.
    bedrooms = columns[f.BEDROOMS]
    numbers = tf.concat(
        [
            columns[f.LONGITUDE],
            columns[f.LATITUDE],
            columns[f.AGE],
            columns[f.INCOME],
            _log(columns[f.INCOME]),
            _log(rooms),
            _log(households),
            _log(rooms / households),
            _log(columns[f.PEOPLE] / households),
            _log(bedrooms / rooms),
            tf.cast(tf.math.is_nan(bedrooms), tf.float32),
        ],
        axis=1,
    )
    scaled = tft.scale_to_z_score(numbers, elementwise=True)
    place = tf.concat([columns[f.LONGITUDE], columns[f.LATITUDE]], axis=1)
    return {
        f.NUMBERS: tf.where(tf.math.is_nan(scaled), tf.zeros_like(scaled), scaled),
        f.CELL: _cell(place),
        f.NEARNESS: tft.compute_and_apply_vocabulary(
            columns[f.PROXIMITY][:, 0], default_value=f.UNSEEN, top_k=f.UNSEEN, vocab_filename="nearness"
        ),
        f.LABEL: columns[f.LABEL],
    }


def _cell(place: tf.Tensor) -> tf.Tensor:
    """The cell of a grid over the map: strips of equal numbers of rows each way, crossed; int64 ``[batch]``."""
    bounds = tft.quantiles(place, num_buckets=f.GRID, epsilon=0.001, reduce_instance_dims=False)
    strips = [tft.apply_buckets(place[:, side], bounds[side : side + 1]) for side in (0, 1)]
    return strips[0] * f.GRID + strips[1]


def _dense(column: tf.Tensor | tf.SparseTensor) -> tf.Tensor:
    """A column as ``[batch, 1]``, with NaN or the empty string where it is missing."""
    if not isinstance(column, tf.SparseTensor):
        return column
    missing = "" if column.dtype == tf.string else float("nan")
    whole = tf.SparseTensor(column.indices, column.values, [column.dense_shape[0], 1])
    return tf.sparse.to_dense(whole, default_value=missing)


def _log(number: tf.Tensor) -> tf.Tensor:
    return tf.math.log(tf.maximum(number, 1e-3))
