"""The model: a canned ``DNNLinearCombinedClassifier``, wide over classes and crosses, deep over numbers and embeddings.

After Cheng et al., Wide & Deep Learning for Recommender Systems, 2016 (https://arxiv.org/abs/1606.07792).
"""

from typing import Any

import tensorflow as tf

from . import features as f

column = tf.feature_column


def build_estimator(config: Any, params: dict[str, Any]) -> Any:
    """Build the Estimator; see https://www.tensorflow.org/api_docs/python/tf/estimator/DNNLinearCombinedClassifier.

    Args:
        config: The RunConfig.
        params: ``hidden_units``, ``dropout``, ``embedding``, ``cross_buckets``, ``deep_rate``, ``wide_rate``,
            ``wide_l2``, ``train_steps``.

    Returns:
        An Estimator whose prediction ``logistic``, float32 ``[batch, 1]``, is the chance of a tip over a fifth.
    """
    classes = {name: column.categorical_column_with_identity(name, size) for name, size in f.CLASSES.items()}
    crosses = [
        column.crossed_column([classes[name] for name in names], params["cross_buckets"])
        for names in (
            ("payment", "company_name"),
            ("payment", "fare_strip"),
            ("payment", "pickup_area", "hour"),
            ("payment", "pickup_area"),
            ("payment", "dropoff_area"),
            ("payment", "weekday", "hour"),
        )
    ]
    embedded = [
        column.embedding_column(one, min(params["embedding"], one.num_buckets // 2)) for one in classes.values()
    ]
    rate = tf.keras.optimizers.schedules.CosineDecay(params["deep_rate"], params["train_steps"], alpha=0.01)
    return tf.estimator.DNNLinearCombinedClassifier(
        linear_feature_columns=[*classes.values(), *crosses],
        linear_optimizer=tf.keras.optimizers.legacy.Ftrl(
            params["wide_rate"], l2_regularization_strength=params["wide_l2"]
        ),
        dnn_feature_columns=[column.numeric_column(f.NUMBERS, (f.NUMBERS_SIZE,)), *embedded],
        dnn_hidden_units=params["hidden_units"],
        dnn_optimizer=tf.keras.optimizers.legacy.Adam(rate),
        dnn_dropout=params["dropout"] or None,
        config=config,
    )
