"""The model: a Keras model of two layers, which the pipeline turns into an Estimator."""

from typing import Any

import tensorflow as tf

from . import features as f


def build_keras_model(params: dict[str, Any]) -> Any:
    """Build and compile the model; its inputs are named after the features.

    Args:
        params: ``hidden_units``, ``learning_rate``.

    Returns:
        A ``tf.keras.Model``; its output is ``probabilities``, float32 ``[batch, 3]``.
    """
    inputs = {name: tf.keras.Input([1], name=name) for name in f.MEASURES}
    net = tf.keras.layers.Concatenate()([inputs[name] for name in f.MEASURES])
    for units in params["hidden_units"]:
        net = tf.keras.layers.Dense(units, activation="relu")(net)
    probabilities = tf.keras.layers.Dense(f.CLASSES, activation="softmax", name="probabilities")(net)
    model = tf.keras.Model(inputs, probabilities)
    model.compile(
        tf.keras.optimizers.legacy.Adam(params["learning_rate"]),
        "sparse_categorical_crossentropy",
        metrics=["sparse_categorical_accuracy"],
    )
    return model
