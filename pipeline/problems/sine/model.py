"""The model: a recurrent network of Keras layers, which reads the window value by value.

After each value it says what comes next, and learns from all 24 answers, each of which the series itself corrects; only
the last one is the prediction.
"""

from typing import Any

import tensorflow as tf

from . import features as f

v1 = tf.compat.v1


def model_fn(features: dict[str, Any], labels: Any, mode: str, params: dict[str, Any]) -> Any:
    """Build the graph; see https://www.tensorflow.org/guide/estimator.

    Args:
        features: As :mod:`preprocessing` makes them.
        labels: The next values in the unit of the file, ``[batch]`` or ``[batch, 1]``; None when predicting.
        mode: One of ``tf.estimator.ModeKeys``.
        params: ``units``, ``weight_decay``, ``learning_rate``, ``train_steps``.

    Returns:
        An EstimatorSpec; its prediction is ``next_value``, float32 ``[batch, 1]``, in the unit of the file.
    """
    values = tf.reshape(features[f.VALUES], [-1, f.STEPS, 1])
    level, spread = (tf.reshape(features[name], [-1, 1]) for name in (f.LEVEL, f.SPREAD))
    # A Keras model knows its weights, its regularisation and its updates, each of which a model_fn has to see to.
    network = recurrent_network(params)
    following = network(values, training=mode == tf.estimator.ModeKeys.TRAIN)  # [batch, STEPS, 1], one step ahead each
    predictions = {f.LABEL: level + spread * following[:, -1]}
    if mode == tf.estimator.ModeKeys.PREDICT:
        outputs = {
            "serving_default": tf.estimator.export.PredictOutput(predictions),
            "regression": tf.estimator.export.RegressionOutput(predictions[f.LABEL]),
        }
        return tf.estimator.EstimatorSpec(mode, predictions=predictions, export_outputs=outputs)

    truth = tf.reshape(tf.cast(labels, tf.float32), [-1, 1])
    targets = tf.concat([values[:, 1:], tf.expand_dims((truth - level) / spread, 1)], axis=1)
    errors = tf.math.squared_difference(targets, following)
    loss = tf.reduce_mean(errors) + sum(network.losses)
    if mode == tf.estimator.ModeKeys.EVAL:
        metrics = {
            "mean_absolute_error": v1.metrics.mean_absolute_error(truth, predictions[f.LABEL]),
            "root_mean_squared_error": v1.metrics.root_mean_squared_error(truth, predictions[f.LABEL]),
        }
        return tf.estimator.EstimatorSpec(mode, loss=loss, eval_metric_ops=metrics)

    step = v1.train.get_or_create_global_step()
    rate = v1.train.cosine_decay(params["learning_rate"], step, params["train_steps"], alpha=0.01)
    v1.summary.scalar("learning_rate", rate)
    optimizer = v1.train.AdamOptimizer(rate)
    gradients, variables = zip(*optimizer.compute_gradients(loss, network.trainable_variables), strict=True)
    clipped, _ = tf.clip_by_global_norm(gradients, 1.0)
    # What layers keep count of (batch normalisation does) is no part of the gradient, and would stand still.
    with tf.control_dependencies(network.updates):
        train_op = optimizer.apply_gradients(zip(clipped, variables, strict=True), global_step=step)
    return tf.estimator.EstimatorSpec(mode, loss=loss, train_op=train_op)


def recurrent_network(params: dict[str, Any]) -> Any:
    """Values ``[batch, steps, 1]`` to what follows each, of the same shape."""
    decay = tf.keras.regularizers.L2(params["weight_decay"])
    return tf.keras.Sequential(
        [
            tf.keras.layers.GRU(params["units"], return_sequences=True, kernel_regularizer=decay),
            tf.keras.layers.Dense(1, kernel_regularizer=decay),
        ]
    )
