"""The model: a canned ``DNNLinearCombinedRegressor``, wide over the map's cells and deep over the numbers.

It learns prices in dollars as they are, for a canned regressor has no way to give back anything but what it learned
from. Weights that begin near zero would take an age to reach 200,000, so the deep part's inputs are given in a unit of
the label's size: a network of rectifiers that is fed c times as much answers c times as much.
"""

from typing import Any

import tensorflow as tf

from . import features as f

DOLLARS = 100_000.0  # the spread of prices

column = tf.feature_column


def build_estimator(config: Any, params: dict[str, Any]) -> Any:
    """Build the Estimator; see https://www.tensorflow.org/api_docs/python/tf/estimator/DNNLinearCombinedRegressor.

    Args:
        config: The RunConfig.
        params: ``hidden_units``, ``dropout``, ``deep_rate``, ``wide_rate``, ``train_steps``.

    Returns:
        An Estimator whose prediction is ``predictions``, float32 ``[batch, 1]`` in dollars.
    """
    cell = column.categorical_column_with_identity(f.CELL, f.GRID * f.GRID)
    nearness = column.categorical_column_with_identity(f.NEARNESS, f.UNSEEN + 1)
    numbers = column.numeric_column(f.NUMBERS, (f.NUMBERS_SIZE,), normalizer_fn=_in_dollars)
    rate = tf.keras.optimizers.schedules.CosineDecay(params["deep_rate"], params["train_steps"], alpha=0.01)
    return tf.estimator.DNNLinearCombinedRegressor(
        linear_feature_columns=[cell, nearness],
        linear_optimizer=tf.keras.optimizers.legacy.Ftrl(params["wide_rate"]),
        dnn_feature_columns=[numbers],
        dnn_hidden_units=params["hidden_units"],
        dnn_optimizer=tf.keras.optimizers.legacy.Adam(rate),
        dnn_dropout=params["dropout"] or None,
        config=config,
    )


def _in_dollars(numbers: tf.Tensor) -> tf.Tensor:
    return DOLLARS * tf.clip_by_value(numbers, -5.0, 5.0)
