"""From the columns of the file to the features of the model and the label, for training and serving alike."""

from typing import Any

import tensorflow as tf
import tensorflow_transform as tft

from . import features as f


def preprocessing_fn(inputs: dict[str, Any]) -> dict[str, Any]:
    """Make the features; see https://www.tensorflow.org/tfx/transform/get_started.

    Four analyzers in all, since each costs a pass of Beam's: one for means and variances, one for all strips, and
    one for each vocabulary.

    Args:
        inputs: The columns by name; ``[batch, 1]``, or sparse where a value may be missing.

    Returns:
        The features that :mod:`features` names, and the label: int64 ``[batch, 1]``, 1 for a tip over a fifth of the
        fare. The tip, from which only the label is computed, is not asked for when the model is served.
    """
    fare, miles = inputs[f.FARE], inputs[f.MILES]
    minutes = tf.cast(_dense(inputs[f.SECONDS], 0), tf.float32) / 60.0
    numbers = tf.concat(
        [
            _log(fare),
            _log(miles),
            _log(minutes),
            _log(minutes) - _log(fare),
            tf.cast(miles > 0.0, tf.float32),
        ],
        axis=1,
    )
    return {
        f.NUMBERS: tft.scale_to_z_score(numbers, elementwise=True),
        **_strips([_dense(inputs[name], float("nan")) for name in f.IN_STRIPS]),
        "hour": _number(inputs[f.HOUR], f.CLASSES["hour"]),
        "weekday": _number(inputs[f.DAY], f.CLASSES["weekday"]),
        "month": _number(inputs[f.MONTH], f.CLASSES["month"]),
        "pickup_area": _number(inputs[f.PICKUP_AREA], f.CLASSES["pickup_area"]),
        "dropoff_area": _number(inputs[f.DROPOFF_AREA], f.CLASSES["dropoff_area"]),
        "payment": _vocabulary(inputs[f.PAYMENT], "payment"),
        "company_name": _vocabulary(inputs[f.COMPANY], "company_name"),
        f.LABEL: tf.cast(inputs[f.TIPS] > f.SHARE * inputs[f.FARE], tf.int64),
    }


def _strips(columns: list[tf.Tensor]) -> dict[str, tf.Tensor]:
    """The strip that each number lies in, int64 ``[batch, 1]``; ``STRIPS`` where it is NaN."""
    missing = [tf.math.is_nan(column) for column in columns]
    filled = [tf.where(gap, tf.zeros_like(column), column) for column, gap in zip(columns, missing, strict=True)]
    bounds = tft.quantiles(tf.concat(filled, axis=1), num_buckets=f.STRIPS, epsilon=0.001, reduce_instance_dims=False)
    made = {}
    for number, name in enumerate(f.IN_STRIPS):
        strip = tft.apply_buckets(filled[number], bounds[number : number + 1])
        made[f"{name}_strip"] = tf.where(
            missing[number], tf.fill(tf.shape(strip), tf.constant(f.STRIPS, tf.int64)), strip
        )
    return made


def _number(column: tf.Tensor | tf.SparseTensor, classes: int) -> tf.Tensor:
    """A whole number as a class of its own; 0 where it is missing."""
    return tf.clip_by_value(_dense(column, 0), 0, classes - 1)


def _vocabulary(column: tf.Tensor | tf.SparseTensor, name: str) -> tf.Tensor:
    text = _dense(column, "")
    named = tf.where(tf.equal(text, ""), tf.fill(tf.shape(text), "missing"), text)
    unseen = f.CLASSES[name] - 1
    return tft.compute_and_apply_vocabulary(named, default_value=unseen, top_k=unseen, vocab_filename=name)


def _dense(column: tf.Tensor | tf.SparseTensor, missing: float | str) -> tf.Tensor:
    """A column as ``[batch, 1]``."""
    if not isinstance(column, tf.SparseTensor):
        return column
    whole = tf.SparseTensor(column.indices, column.values, [column.dense_shape[0], 1])
    return tf.sparse.to_dense(whole, default_value=missing)


def _log(number: tf.Tensor) -> tf.Tensor:
    return tf.math.log(tf.maximum(number, 0.1))
