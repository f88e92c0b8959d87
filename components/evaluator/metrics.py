"""Metrics by the names that settings use: ``mean_absolute_error`` for TFMA's or Keras' ``MeanAbsoluteError``.

The names are read from TFMA's registry and from Keras' module, so none is listed here by hand. TFMA's come first: they
are computed on rows that are already sliced, in one pass with the others, and need no Keras object in each worker.
Some are computed by :mod:`components.evaluator.grouped_metrics` in their place, under the same names.
"""

import difflib
import functools
import inspect
import re
from typing import Any

from tensorflow_model_analysis.metrics import metric_types
from tensorflow_model_analysis.utils.keras_lib import tf_keras

from pipeline.errors import SettingsError

# Averages of whatever they are handed, which compare nothing with the label, or bases of others.
_NOT_METRICS = frozenset({"Mean", "MeanTensor", "Metric", "Sum"})


def metric_class(name: str) -> str:
    """Return the name of the class that computes a metric.

    Args:
        name: The metric's name in the settings, in snake case.

    Raises:
        SettingsError: if neither TFMA nor Keras has such a metric, with the nearest names.
    """
    known = _known()
    found = known.get(_key(name))
    if found is not None:
        return found
    names = sorted({_snake(class_name) for class_name in known.values()})
    usual = _USUAL.get(name.lower())
    near = [usual] if usual else difflib.get_close_matches(name, names, n=3, cutoff=0.5)
    raise SettingsError(
        f"there is no metric named {name!r}",
        where="evaluation.metrics",
        got=name,
        expected="a metric of TFMA or Keras that needs no arguments, such as mean_absolute_error, auc, binary_accuracy",
        hint=f"did you mean {' or '.join(near)}?" if near else None,
    )


_USUAL = {
    "mae": "mean_absolute_error",
    "mse": "mean_squared_error",
    "rmse": "root_mean_squared_error",
    "mape": "mean_absolute_percentage_error",
    "accuracy": "binary_accuracy or sparse_categorical_accuracy",
    "roc_auc": "auc",
}


@functools.cache
def _known() -> dict[str, str]:
    """Map names without case and underscores to classes; TFMA's win over those of Keras."""
    found = {}
    for class_name, cls in [*inspect.getmembers(tf_keras.metrics, _is_keras_metric), *_tfma_metrics()]:
        if class_name not in _NOT_METRICS and not class_name.endswith("Plot") and _needs_nothing(cls):
            found[_key(class_name)] = class_name
    return found


def _tfma_metrics() -> list[tuple[str, Any]]:
    return sorted(metric_types.registered_metrics().items())


def _is_keras_metric(member: Any) -> bool:
    return inspect.isclass(member) and issubclass(member, tf_keras.metrics.Metric)


def _needs_nothing(cls: Any) -> bool:
    parameters = list(inspect.signature(cls.__init__).parameters.values())[1:]
    return all(p.default is not p.empty or p.kind in (p.VAR_POSITIONAL, p.VAR_KEYWORD) for p in parameters)


def _key(name: str) -> str:
    return name.replace("_", "").lower()


def _snake(class_name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", class_name).lower()
