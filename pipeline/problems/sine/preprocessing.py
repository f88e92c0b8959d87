"""From the windows in the file to the features of the model, for training and serving alike."""

from typing import Any

import tensorflow as tf
import tensorflow_transform as tft

from . import features as f


def preprocessing_fn(inputs: dict[str, Any]) -> dict[str, Any]:
    """Make the features; see https://www.tensorflow.org/tfx/transform/get_started.

    Each window is taken relative to its own level, and all of them in one unit that a pass over all rows finds. Level
    and unit are features too, with which the model gives its answer back in the unit of the file.

    Args:
        inputs: The columns by name: the window, float32 ``[batch, 24]``, and the label, float32 ``[batch, 1]``.

    Returns:
        The features that :mod:`features` names, and the label untouched, float32 ``[batch, 1]``.
    """
    window = inputs[f.WINDOW]
    level = tf.reduce_mean(window, axis=1, keepdims=True)
    spread = tf.sqrt(tft.var(window - level))
    return {
        f.VALUES: (window - level) / spread,
        f.LEVEL: level,
        f.SPREAD: tf.zeros_like(level) + spread,
        f.LABEL: inputs[f.LABEL],
    }
