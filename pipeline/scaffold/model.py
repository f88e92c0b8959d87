"""The text of ``model.py``: a ``model_fn`` with dense layers over the numbers and over embeddings of the categories."""

from pipeline.scaffold.tables import Tables
from pipeline.scaffold.task import Task

_HEAD = '''\
"""The model: {what}, by dense layers over {inputs}."""

from typing import Any

import tensorflow as tf

from . import features as f

v1 = tf.compat.v1


def model_fn(features: dict[str, Any], labels: Any, mode: str, params: dict[str, Any]) -> Any:
    """Build the graph; see https://www.tensorflow.org/guide/estimator.

    Args:
        features: As :mod:`preprocessing` makes them.
        labels: {labels}, ``[batch]`` or ``[batch, 1]``; None when predicting.
        mode: One of ``tf.estimator.ModeKeys``.
        params: {params}.

    Returns:
        An EstimatorSpec; its predictions are {predictions}.
    """
'''

_REGRESSION = """\
    prediction = f.CENTER + f.SPREAD * network(features, 1, mode == tf.estimator.ModeKeys.TRAIN, params)
    predictions = {"prediction": prediction}
    if mode == tf.estimator.ModeKeys.PREDICT:
        outputs = {
            "serving_default": tf.estimator.export.PredictOutput(predictions),
            "regression": tf.estimator.export.RegressionOutput(prediction),
        }
        return tf.estimator.EstimatorSpec(mode, predictions=predictions, export_outputs=outputs)

    truth = tf.reshape(tf.cast(labels, tf.float32), [-1, 1])
    # Nearly the absolute error, so that a few rows that are far off do not rule all others.
    loss = v1.losses.huber_loss(truth / f.SPREAD, prediction / f.SPREAD, delta=0.1)
    if mode == tf.estimator.ModeKeys.EVAL:
        metrics = {
            "mean_absolute_error": v1.metrics.mean_absolute_error(truth, prediction),
            "root_mean_squared_error": v1.metrics.root_mean_squared_error(truth, prediction),
        }
        return tf.estimator.EstimatorSpec(mode, loss=loss, eval_metric_ops=metrics)
    return tf.estimator.EstimatorSpec(mode, loss=loss, train_op=train(loss, params))
"""

_CLASSIFICATION = """\
    logits = network(features, len(f.CLASSES), mode == tf.estimator.ModeKeys.TRAIN, params)
    probabilities = tf.nn.softmax(logits)
    likeliest = tf.argmax(logits, axis=1)
    predictions = {
        "probabilities": probabilities,
BINARY        "class": tf.gather(tf.constant(f.CLASSES), likeliest)[:, tf.newaxis],
    }
    if mode == tf.estimator.ModeKeys.PREDICT:
        names = tf.constant([[str(name) for name in f.CLASSES]])
        outputs = {
            "serving_default": tf.estimator.export.PredictOutput(predictions),
            "classification": tf.estimator.export.ClassificationOutput(
                scores=probabilities, classes=tf.tile(names, [tf.shape(logits)[0], 1])
            ),
        }
        return tf.estimator.EstimatorSpec(mode, predictions=predictions, export_outputs=outputs)

    truth = tf.reshape(tf.cast(labels, tf.int64), [-1])
    loss = v1.losses.sparse_softmax_cross_entropy(truth, logits)
    if mode == tf.estimator.ModeKeys.EVAL:
METRICS
        return tf.estimator.EstimatorSpec(mode, loss=loss, eval_metric_ops=metrics)
    return tf.estimator.EstimatorSpec(mode, loss=loss, train_op=train(loss, params))
"""

_PROBABILITY = """\
        # Of the second class; never quite 0 or 1, of which a cross-entropy would be infinite.
        "probability": tf.clip_by_value(probabilities[:, 1:], 1e-7, 1.0 - 1e-6),
"""

_ACCURACY = """\
        metrics = {"accuracy": v1.metrics.accuracy(truth, likeliest)}"""

_ACCURACY_AND_AUC = """\
        metrics = {
            "accuracy": v1.metrics.accuracy(truth, likeliest),
            "auc": v1.metrics.auc(truth, probabilities[:, 1], summation_method="careful_interpolation"),
        }"""

_NETWORK = '''

def network(features: dict[str, Any], size: int, training: bool, params: dict[str, Any]) -> tf.Tensor:
    """What the model makes of the features, ``[batch, size]``; zeros before it is trained."""
'''

_NUMBERS = """\
    # Five deviations from the mean are as good as more: no single number may rule the answer.
    numbers = tf.clip_by_value(tf.reshape(features[f.DENSE], [-1, f.DENSE_SIZE]), -5.0, 5.0)
"""

_WORDS = """\
    with v1.variable_scope("embeddings"):
        rows = f.VOCABULARY + len(f.CATEGORIES)
        small = tf.random_uniform_initializer(-0.05, 0.05)
        table = v1.get_variable("words", [rows, params["embedding_size"]], initializer=small)
    vectors = tf.nn.embedding_lookup(table, tf.reshape(features[f.WORDS], [-1, len(f.CATEGORIES)]))
    words = tf.reshape(vectors, [-1, len(f.CATEGORIES) * params["embedding_size"]])
"""

_LAYERS = '''\
    net = {net}
    for units in params["hidden_units"]:
        net = tf.keras.layers.Dense(units, activation="relu")(net)
        net = tf.keras.layers.Dropout(params["dropout"])(net, training=training)
    return tf.keras.layers.Dense(size, kernel_initializer="zeros", name="output")(net)


def train(loss: tf.Tensor, params: dict[str, Any]) -> tf.Operation:
    """One step of Adam, with a rate that falls to nearly nothing by the last one."""
    step = v1.train.get_or_create_global_step()
    rate = v1.train.cosine_decay(params["learning_rate"], step, params["train_steps"], alpha=0.01)
    optimizer = v1.train.AdamOptimizer(rate)
    gradients, variables = zip(*optimizer.compute_gradients(loss), strict=True)
    clipped, _ = tf.clip_by_global_norm(gradients, 5.0)
    return optimizer.apply_gradients(zip(clipped, variables, strict=True), global_step=step)
'''


def model_text(tables: Tables, task: Task) -> str:
    """Return the text of ``model.py``."""
    inputs = ["the numbers"] * tables.has_numbers + ["embeddings of the categories"] * bool(tables.categories)
    params = ["``hidden_units``", *["``embedding_size``"] * bool(tables.categories), "``dropout``"]
    params += ["``learning_rate``", "``train_steps``"]
    regression = task.name == "regression"
    if regression:
        what, labels, body = "regression", "Numbers", _REGRESSION
        predictions = "``prediction``, float32 ``[batch, 1]``"
    else:
        what, labels = f"one of {len(task.classes)} classes", "Numbers of classes in ``f.CLASSES``, int64"
        body = _CLASSIFICATION.replace("METRICS", _ACCURACY_AND_AUC if task.is_binary else _ACCURACY)
        body = body.replace("BINARY", _PROBABILITY if task.is_binary else "")
        predictions = f"``probabilities``, float32 ``[batch, {len(task.classes)}]``, and the likeliest ``class``"
    text = _HEAD.format(
        what=what, inputs=" and ".join(inputs), labels=labels, params=", ".join(params), predictions=predictions
    )
    both = tables.has_numbers and tables.categories
    net = "tf.concat([numbers, words], axis=1)" if both else "numbers" if tables.has_numbers else "words"
    parts = [text, body, _NETWORK]
    parts += [_NUMBERS] * tables.has_numbers + [_WORDS] * bool(tables.categories)
    return "".join([*parts, _LAYERS.format(net=net)])
