from typing import Any

import tensorflow as tf

v1 = tf.compat.v1


@tf.function
def not_negative(rent: Any) -> Any:
    if tf.reduce_min(rent) < 0.0:  # AutoGraph reads this line from the file when the model is exported
        rent = tf.maximum(rent, 0.0)
    return rent


def model_fn(features: dict[str, Any], labels: Any, mode: str, params: dict[str, Any]) -> Any:
    columns = [tf.reshape(features[name], [-1, 1]) for name in ("area", "rooms", "central")]
    weights = v1.get_variable("weights", [3, 1], initializer=tf.zeros_initializer())
    bias = v1.get_variable("bias", [1], initializer=tf.constant_initializer(900.0))
    rent = tf.matmul(tf.concat(columns, axis=1), weights) + bias
    predictions = {"rent": rent}
    if mode == tf.estimator.ModeKeys.PREDICT:
        predictions = {"rent": not_negative(rent)}
        outputs = {"serving_default": tf.estimator.export.PredictOutput(predictions)}
        return tf.estimator.EstimatorSpec(mode, predictions=predictions, export_outputs=outputs)
    wanted = tf.reshape(labels, [-1, 1])
    loss = tf.reduce_mean(tf.abs(wanted - rent))
    metrics = {"mean_absolute_error": v1.metrics.mean_absolute_error(wanted, rent)}
    step = v1.train.get_or_create_global_step()
    train_op = v1.train.GradientDescentOptimizer(params["learning_rate"]).minimize(loss, global_step=step)
    return tf.estimator.EstimatorSpec(mode, predictions, loss, train_op, eval_metric_ops=metrics)


def metric_fn(labels: Any, predictions: Any) -> dict[str, Any]:
    return {"highest": v1.metrics.mean(tf.reduce_max(labels)), "mean_guess": v1.metrics.mean(predictions["rent"])}
