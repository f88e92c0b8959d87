"""Metrics that a problem adds to its model from outside: the function ``metric_fn`` of ``model.py``.

As ``tf.estimator.add_metrics`` does it, with whichever of the three ways the model is brought:
https://www.tensorflow.org/versions/r2.15/api_docs/python/tf/estimator/add_metrics
"""

from collections.abc import Callable
from typing import Any

import components.estimator.compat  # noqa: F401  before TensorFlow

from components.user_code.boundary import user_code
from components.user_code.contract import METRIC_FN, accepted
from pipeline.errors import UserCodeError

MetricFn = Callable[[Any, Any, Any, Any], Any]


def find_metric_fn(problem: str, module: Any, file: str) -> MetricFn | None:
    """Return what adds the metrics of a problem's ``metric_fn``; None if it has no such function.

    Args:
        problem: The problem's name.
        module: Its ``model.py``, imported.
        file: The file as a person knows it.

    Returns:
        A function of an ``EstimatorSpec`` of mode EVAL, features, labels and config, which returns the spec with the
        metrics added. One of the same name replaces the model's own, as with ``add_metrics``.

    Raises:
        UserCodeError: If it takes other arguments; when called, if it fails or returns no metrics.
    """
    function = getattr(module, METRIC_FN.name, None)
    if not callable(function):
        return None
    hint = "metrics are added by a function of this name; give it another if it is meant for something else"
    taken = accepted(METRIC_FN, function, file, hint)

    def add(spec: Any, features: Any, labels: Any, config: Any) -> Any:
        predictions = spec.predictions
        if "predictions" in taken and (predictions is None or predictions == {}):
            raise UserCodeError(
                "metric_fn wants predictions, and the model gives none when it is evaluated",
                expected="tf.estimator.EstimatorSpec(mode, predictions=predictions, loss=loss, ...) in mode EVAL",
                where=file,
                hint="hand predictions to the EstimatorSpec in each mode, or work on features and labels alone",
            )
        given = {"features": features, "labels": labels, "predictions": predictions, "config": config}
        with user_code(problem, "metric_fn", "model"):
            metrics = function(**{name: given[name] for name in taken})
        if not isinstance(metrics, dict):
            raise UserCodeError(
                "metric_fn returned the wrong type",
                got=type(metrics).__name__,
                expected="a dict from names to metrics: (value, update_op), or tf.keras.metrics.Metric",
                where=file,
                hint="end it with `return metrics`" if metrics is None else None,
            )
        with user_code(problem, "metric_fn", "model"):  # its values are looked at here
            return spec._replace(eval_metric_ops={**(spec.eval_metric_ops or {}), **metrics})

    return add
