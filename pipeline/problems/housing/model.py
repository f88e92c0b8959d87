"""The model: log price as a Laplace distribution, whose place and width two towers read off the features.

The census writes every price above 500,001 dollars as 500,001. Such a label says "at least": the loss takes the
probability of that instead of the density at it (a censored likelihood: Tobin, Econometrica 26, 1958, with the Laplace
distribution in place of the normal, since its location is the median, which minimises the absolute error).
"""

import math
from typing import Any

import tensorflow as tf

from . import features as f

v1 = tf.compat.v1
START = 12.0  # log price of about 160,000 dollars: where the untrained model starts
COVERAGE = 0.8  # share of prices that the interval from "lower" to "upper" should hold


def model_fn(features: dict[str, Any], labels: Any, mode: str, params: dict[str, Any]) -> Any:
    """Build the graph; see https://www.tensorflow.org/guide/estimator.

    Args:
        features: As :mod:`preprocessing` makes them: ``[batch, n]`` numbers, ``[batch]`` or ``[batch, 1]`` indices.
        labels: Prices in dollars, ``[batch]`` or ``[batch, 1]``; None when predicting.
        mode: One of ``tf.estimator.ModeKeys``.
        params: ``hidden_units``, ``embedding_size``, ``frequencies``, ``dropout``, ``learning_rate``, ``train_steps``.

    Returns:
        An EstimatorSpec; its predictions are ``price``, ``lower`` and ``upper``, float32 ``[batch, 1]`` in dollars.
    """
    location, width = network(features, mode == tf.estimator.ModeKeys.TRAIN, params)
    reach = width * -math.log(1.0 - COVERAGE)  # of a Laplace distribution, e**-x lies beyond x widths
    predictions = {
        "price": dollars(location),
        "lower": dollars(location - reach),
        "upper": dollars(location + reach),
    }
    if mode == tf.estimator.ModeKeys.PREDICT:
        outputs = {
            "serving_default": tf.estimator.export.PredictOutput(predictions),
            "regression": tf.estimator.export.RegressionOutput(predictions["price"]),
        }
        return tf.estimator.EstimatorSpec(mode, predictions=predictions, export_outputs=outputs)

    prices = tf.reshape(tf.cast(labels, tf.float32), [-1, 1])
    loss = tf.reduce_mean(negative_log_likelihood(prices, location, width))
    if mode == tf.estimator.ModeKeys.EVAL:
        return tf.estimator.EstimatorSpec(mode, loss=loss, eval_metric_ops=metrics(prices, predictions))

    step = v1.train.get_or_create_global_step()
    rate = v1.train.cosine_decay(params["learning_rate"], step, params["train_steps"], alpha=0.01)
    v1.summary.scalar("learning_rate", rate)
    optimizer = v1.train.AdamOptimizer(rate)
    gradients, variables = zip(*optimizer.compute_gradients(loss), strict=True)
    clipped, _ = tf.clip_by_global_norm(gradients, 5.0)
    train_op = optimizer.apply_gradients(zip(clipped, variables, strict=True), global_step=step)
    return tf.estimator.EstimatorSpec(mode, loss=loss, train_op=train_op)


def network(features: dict[str, Any], training: bool, params: dict[str, Any]) -> tuple[tf.Tensor, tf.Tensor]:
    """Location and width of log price, each ``[batch, 1]``."""
    numbers = tf.reshape(features[f.NUMBERS], [-1, f.NUMBERS_SIZE])
    cell, nearness = (tf.reshape(features[name], [-1]) for name in (f.CELL, f.NEARNESS))
    if training:
        # Now and then a class is hidden, so that the index for unseen ones learns what is usual.
        hidden = tf.random.uniform(tf.shape(nearness)) < 0.01
        nearness = tf.where(hidden, tf.constant(f.UNSEEN, nearness.dtype), nearness)
    with v1.variable_scope("embeddings"):
        small = tf.random_uniform_initializer(-0.05, 0.05)
        cells = v1.get_variable("cell", [f.GRID * f.GRID, params["embedding_size"]], initializer=small)
        classes = v1.get_variable("nearness", [f.UNSEEN + 1, 4], initializer=small)
    # Waves over the map let the tower follow prices that change within a few kilometres.
    place = numbers[:, :2, tf.newaxis] * tf.constant([2.0**k for k in range(params["frequencies"])])
    waves = tf.reshape(place, [-1, 2 * params["frequencies"]])
    net = tf.concat(
        [
            tf.clip_by_value(numbers, -5.0, 5.0),
            tf.sin(waves),
            tf.cos(waves),
            tf.nn.embedding_lookup(cells, cell),
            tf.nn.embedding_lookup(classes, nearness),
        ],
        axis=1,
    )
    for units in params["hidden_units"]:
        net = tf.keras.layers.Dense(units, activation="relu")(net)
        net = tf.keras.layers.Dropout(params["dropout"])(net, training=training)
    location = START + tf.keras.layers.Dense(1, name="location")(net)
    width = 0.02 + tf.nn.softplus(tf.keras.layers.Dense(1, name="width")(net) - 1.5)
    return location, width


def negative_log_likelihood(prices: tf.Tensor, location: tf.Tensor, width: tf.Tensor) -> tf.Tensor:
    """Of prices in dollars under a Laplace distribution of log price, "at least" where capped; ``[batch, 1]``."""
    capped = prices >= f.PRICE_CAP
    distance = (tf.math.log(tf.maximum(prices, 1.0)) - location) / width
    density = tf.abs(distance) + tf.math.log(2.0 * width)
    # log P(price >= cap), each branch fed only what it can bear, lest the unused one's gradient be NaN.
    beyond = tf.where(
        distance > 0.0,
        distance + math.log(2.0),
        -tf.math.log1p(-0.5 * tf.exp(tf.minimum(distance, 0.0))),
    )
    return tf.where(capped, beyond, density)


def dollars(log_price: tf.Tensor) -> tf.Tensor:
    """A price as the file would write it: capped."""
    return tf.minimum(tf.exp(tf.minimum(log_price, 20.0)), f.PRICE_CAP)


def metrics(prices: tf.Tensor, predictions: dict[str, tf.Tensor]) -> dict[str, Any]:
    """What an evaluation reports, in dollars unless it says otherwise."""
    price, lower, upper = (predictions[name] for name in ("price", "lower", "upper"))
    inside = tf.logical_and(prices >= lower, prices <= upper)
    return {
        "mean_absolute_error": v1.metrics.mean_absolute_error(prices, price),
        "root_mean_squared_error": v1.metrics.root_mean_squared_error(prices, price),
        "mean_relative_error": v1.metrics.mean(tf.abs(price - prices) / prices),
        "interval_coverage": v1.metrics.mean(tf.cast(inside, tf.float32)),
        "interval_width": v1.metrics.mean(upper - lower),
    }
