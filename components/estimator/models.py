"""Turns what a problem's ``model.py`` defines into an Estimator, with every call inside the error boundary."""

import inspect
from collections.abc import Callable, Sequence
from typing import Any

import components.estimator.compat  # noqa: F401  before TensorFlow

import tensorflow as tf

from components.user_code import place
from components.user_code.boundary import user_code
from pipeline.errors import UserCodeError

HooksOf = Callable[[Any], Sequence[Any]]


def create_estimator(problem: str, config: Any, params: dict[str, Any], training_hooks: HooksOf) -> Any:
    """Create the Estimator of a problem.

    Args:
        problem: The problem whose ``model.py`` is imported.
        config: ``tf.estimator.RunConfig``.
        params: Handed to the model as ``params``.
        training_hooks: Given the ``EstimatorSpec`` of training, returns hooks to add to it.

    Returns:
        A ``tf.estimator.Estimator``.

    Raises:
        UserCodeError: If ``model.py`` cannot be imported, has no ``model_fn``, or that takes the wrong arguments.
    """
    with user_code(problem, "importing model.py", "model"):
        module = place.load(problem, "model")
    file = str(place.original(place.folder(problem) / "model.py"))
    function = getattr(module, "model_fn", None)
    if not callable(function):
        raise UserCodeError(
            "model.py has no model_fn", where=file, expected="def model_fn(features, labels, mode, params)"
        )
    accepted = list(inspect.signature(function).parameters)
    if accepted[:2] != ["features", "labels"]:
        raise UserCodeError(
            "model_fn takes the wrong arguments",
            got=f"model_fn({', '.join(accepted)})",
            expected="model_fn(features, labels, mode, params), each under this very name",
            where=file,
        )

    def model_fn(features: Any, labels: Any, mode: str, params: dict[str, Any], config: Any) -> Any:
        optional = {"mode": mode, "params": params, "config": config}
        with user_code(problem, "model_fn", "model"):
            spec = function(features, labels, **{k: v for k, v in optional.items() if k in accepted})
        if not isinstance(spec, tf.estimator.EstimatorSpec):
            raise UserCodeError(
                "model_fn returned the wrong type",
                got=type(spec).__name__,
                expected="tf.estimator.EstimatorSpec",
                where=file,
                hint="end it with `return tf.estimator.EstimatorSpec(mode, ...)`",
            )
        if mode != tf.estimator.ModeKeys.TRAIN:
            return spec
        return spec._replace(training_hooks=[*spec.training_hooks, *training_hooks(spec)])

    return tf.estimator.Estimator(model_fn, config=config, params=params)
