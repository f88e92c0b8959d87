# ruff: noqa: PLR0917 - the signatures are tf.contrib's own
"""``tf.contrib.metrics``: metrics over all batches of an evaluation, predictions first.

See https://www.tensorflow.org/versions/r1.15/api_docs/python/tf/contrib/metrics. A ``streaming_x(predictions, labels,
...)`` is ``tf.compat.v1.metrics.x(labels, predictions, ...)``: only the order of the first two differs.
"""

from collections.abc import Callable
from typing import Any

import components.estimator.compat  # noqa: F401  before TensorFlow

import tensorflow as tf

from components.estimator.contrib.missing import attribute_error_of

_metrics = tf.compat.v1.metrics
Metric = tuple[Any, Any]


def _predictions_first(name: str, now: str) -> Callable[..., Metric]:
    function = getattr(_metrics, now)

    def streaming(predictions: Any, labels: Any, *args: Any, **kwargs: Any) -> Metric:
        return function(labels, predictions, *args, **kwargs)

    streaming.__name__ = streaming.__qualname__ = name
    streaming.__doc__ = f"Return ``tf.compat.v1.metrics.{now}(labels, predictions, ...)``: (value, update_op)."
    return streaming


streaming_accuracy = _predictions_first("streaming_accuracy", "accuracy")
streaming_auc = _predictions_first("streaming_auc", "auc")
streaming_false_negatives = _predictions_first("streaming_false_negatives", "false_negatives")
streaming_false_negatives_at_thresholds = _predictions_first(
    "streaming_false_negatives_at_thresholds", "false_negatives_at_thresholds"
)
streaming_false_positives = _predictions_first("streaming_false_positives", "false_positives")
streaming_false_positives_at_thresholds = _predictions_first(
    "streaming_false_positives_at_thresholds", "false_positives_at_thresholds"
)
streaming_mean = _metrics.mean
streaming_mean_absolute_error = _predictions_first("streaming_mean_absolute_error", "mean_absolute_error")
streaming_mean_cosine_distance = _predictions_first("streaming_mean_cosine_distance", "mean_cosine_distance")
streaming_mean_iou = _predictions_first("streaming_mean_iou", "mean_iou")
streaming_mean_relative_error = _predictions_first("streaming_mean_relative_error", "mean_relative_error")
streaming_mean_squared_error = _predictions_first("streaming_mean_squared_error", "mean_squared_error")
streaming_mean_tensor = _metrics.mean_tensor
streaming_percentage_less = _metrics.percentage_below
streaming_precision = _predictions_first("streaming_precision", "precision")
streaming_precision_at_thresholds = _predictions_first("streaming_precision_at_thresholds", "precision_at_thresholds")
streaming_recall = _predictions_first("streaming_recall", "recall")
streaming_recall_at_thresholds = _predictions_first("streaming_recall_at_thresholds", "recall_at_thresholds")
streaming_root_mean_squared_error = _predictions_first("streaming_root_mean_squared_error", "root_mean_squared_error")
streaming_sensitivity_at_specificity = _predictions_first(
    "streaming_sensitivity_at_specificity", "sensitivity_at_specificity"
)
streaming_sparse_average_precision_at_k = _predictions_first(
    "streaming_sparse_average_precision_at_k", "average_precision_at_k"
)
streaming_sparse_precision_at_k = _predictions_first("streaming_sparse_precision_at_k", "precision_at_k")
streaming_sparse_recall_at_k = _predictions_first("streaming_sparse_recall_at_k", "recall_at_k")
streaming_specificity_at_sensitivity = _predictions_first(
    "streaming_specificity_at_sensitivity", "specificity_at_sensitivity"
)
streaming_true_negatives = _predictions_first("streaming_true_negatives", "true_negatives")
streaming_true_positives = _predictions_first("streaming_true_positives", "true_positives")


def f1_score(
    labels: Any,
    predictions: Any,
    weights: Any = None,
    num_thresholds: int = 200,
    metrics_collections: Any = None,
    updates_collections: Any = None,
    name: str | None = None,
) -> Metric:
    """Return the best F1 score over thresholds between 0 and 1, as (value, update_op).

    Args:
        labels: Any shape, cast to bool.
        predictions: Of the same shape, in [0, 1].
        weights: Broadcast to the labels.
        num_thresholds: How many thresholds, evenly spaced; the first is below 0 and the last above 1.
        metrics_collections: Collections to add the value to.
        updates_collections: Collections to add the update to.
        name: Variable scope, "f1" by default.
    """
    edge = 1e-7
    inner = [i / (num_thresholds - 1) for i in range(1, num_thresholds - 1)]
    thresholds = [-edge, *inner, 1.0 + edge]
    with tf.compat.v1.variable_scope(name, "f1", [labels, predictions, weights]):
        (tp, add_tp), (fp, add_fp), (fn, add_fn) = (
            count(labels, predictions, thresholds, weights)
            for count in (
                _metrics.true_positives_at_thresholds,
                _metrics.false_positives_at_thresholds,
                _metrics.false_negatives_at_thresholds,
            )
        )
        value, update = (
            tf.reduce_max(tf.math.divide_no_nan(2.0 * right, 2.0 * right + wrong + missed))
            for right, wrong, missed in ((tp, fp, fn), (add_tp, add_fp, add_fn))
        )
    for collections, one in ((metrics_collections, value), (updates_collections, update)):
        if collections:
            tf.compat.v1.add_to_collections(collections, one)
    return value, update


def aggregate_metrics(*value_update_tuples: Metric) -> tuple[list[Any], list[Any]]:
    """Return the values and the updates of several metrics, as two lists."""
    if not value_update_tuples:
        raise ValueError("at least one metric is expected")
    values, updates = zip(*value_update_tuples, strict=True)
    return list(values), list(updates)


def aggregate_metric_map(names_to_tuples: dict[str, Metric]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the values and the updates of several metrics, each by name."""
    values = {name: value for name, (value, _) in names_to_tuples.items()}
    return values, {name: update for name, (_, update) in names_to_tuples.items()}


__all__ = [
    "aggregate_metric_map",
    "aggregate_metrics",
    "f1_score",
    "streaming_accuracy",
    "streaming_auc",
    "streaming_false_negatives",
    "streaming_false_negatives_at_thresholds",
    "streaming_false_positives",
    "streaming_false_positives_at_thresholds",
    "streaming_mean",
    "streaming_mean_absolute_error",
    "streaming_mean_cosine_distance",
    "streaming_mean_iou",
    "streaming_mean_relative_error",
    "streaming_mean_squared_error",
    "streaming_mean_tensor",
    "streaming_percentage_less",
    "streaming_precision",
    "streaming_precision_at_thresholds",
    "streaming_recall",
    "streaming_recall_at_thresholds",
    "streaming_root_mean_squared_error",
    "streaming_sensitivity_at_specificity",
    "streaming_sparse_average_precision_at_k",
    "streaming_sparse_precision_at_k",
    "streaming_sparse_recall_at_k",
    "streaming_specificity_at_sensitivity",
    "streaming_true_negatives",
    "streaming_true_positives",
]
__getattr__ = attribute_error_of(__name__)
