"""Turns what a problem's ``model.py`` defines into an Estimator, with every call inside the error boundary.

There are three ways to bring a model, told apart by the function that the module has; see docs/problems.md.

What ours adds is added to the ``EstimatorSpec`` of each: hooks that report progress, outputs that every export has,
columns that come back beside the predictions, the problem's own metrics. It is done by replacing the method through
which an Estimator calls its ``model_fn``, on the one object at hand. The documented way is a new ``Estimator`` around
``estimator.model_fn``, as ``tf.estimator.add_metrics`` makes it; it would lose what the object has beside its
``model_fn``: its class (a ``TPUEstimator`` prepares each call in its own ``train``), and the weights to start from
(which is how a Keras model brings its own).
"""

from collections.abc import Callable, Sequence
from typing import Any

import components.estimator.compat  # noqa: F401  before TensorFlow

import tensorflow as tf

from components.estimator.added_metrics import MetricFn, find_metric_fn
from components.estimator.applying import watch_graph
from components.estimator.canned import from_build_estimator
from components.estimator.forwarding import refuse_clashes
from components.estimator.keras_models import from_keras_model
from components.estimator.outputs import with_serving_outputs
from components.estimator.passing import detach, with_passed
from components.user_code import place
from components.user_code.boundary import user_code
from components.user_code.contract import MODELS, Function, accepted, bound, none_defined
from pipeline.errors import UserCodeError

HooksOf = Callable[[Any], Sequence[Any]]


def create_estimator(
    problem: str,
    config: Any,
    params: dict[str, Any],
    feature_spec: dict[str, Any],
    training_hooks: HooksOf,
    *,
    forward: Sequence[str] = (),
) -> Any:
    """Create the Estimator of a problem.

    Args:
        problem: The problem whose ``model.py`` is imported.
        config: ``tf.estimator.RunConfig``.
        params: Handed to the model as ``params``.
        feature_spec: How the transformed features are parsed, without the label: handed to the two functions that
            build a model before they see any features.
        training_hooks: Given the ``EstimatorSpec`` of training, returns hooks to add to it.
        forward: The columns that an export's answers will hold beside the predictions.

    Returns:
        A ``tf.estimator.Estimator``.

    Raises:
        UserCodeError: If ``model.py`` cannot be imported, or brings no model, or several, or one that is of no use; or
            if its function takes the wrong arguments.
    """
    with user_code(problem, "importing model.py", "model"):
        module = place.load(problem, "model")
    file = str(place.original(place.folder(problem) / "model.py"))
    way = _find(problem, module, file)
    function = getattr(module, way.name)
    taken = accepted(way, function, file)
    metric_fn = find_metric_fn(problem, module, file)
    given = {"config": config, "params": params, "feature_spec": feature_spec}
    arguments = {key: value for key, value in given.items() if key in taken}
    if way.name == "model_fn":
        model_fn = _bounded(problem, function, taken, file)
        estimator = tf.estimator.Estimator(model_fn, config=config, params=params)
    elif way.name == "build_estimator":
        estimator = from_build_estimator(problem, lambda: function(**arguments), config, file)
    else:
        estimator = from_keras_model(problem, lambda: function(**arguments), config, file)
    _watch(estimator, training_hooks, metric_fn, forward)
    return estimator


def _find(problem: str, module: Any, file: str) -> Function:
    """Return the one function that brings the model."""
    found = [way for way in MODELS if callable(getattr(module, way.name, None))]
    if not found:
        raise none_defined(problem, "model", bound(module), file)
    if len(found) > 1:
        raise UserCodeError(
            "model.py brings more than one model",
            got=" and ".join(way.name for way in found),
            expected="exactly one of them",
            where=file,
            hint="keep the one to be trained, and give the others (imported ones too) another name",
        )
    return found[0]


def _bounded(problem: str, function: Any, taken: list[str], file: str) -> Any:
    """Put a ``model_fn`` inside the error boundary."""

    def model_fn(features: Any, labels: Any, mode: str, params: dict[str, Any], config: Any) -> Any:
        optional = {"mode": mode, "params": params, "config": config}
        with user_code(problem, "model_fn", "model"):
            arguments = {k: v for k, v in optional.items() if k in taken}
            spec = function(features=features, labels=labels, **arguments)
        if not isinstance(spec, tf.estimator.EstimatorSpec):
            raise UserCodeError(
                "model_fn returned the wrong type",
                got=type(spec).__name__,
                expected="tf.estimator.EstimatorSpec",
                where=file,
                hint="end it with `return tf.estimator.EstimatorSpec(mode, ...)`",
            )
        return spec

    return model_fn


def _watch(estimator: Any, training_hooks: HooksOf, metric_fn: MetricFn | None, forward: Sequence[str]) -> None:
    """Add our hooks, outputs and the problem's metrics to each ``EstimatorSpec`` that the ``model_fn`` makes."""
    call = estimator._call_model_fn

    def call_and_add(features: Any, labels: Any, mode: str, config: Any) -> Any:
        features, passed = detach(features)
        if mode == tf.estimator.ModeKeys.TRAIN:
            watch_graph(tf.compat.v1.get_default_graph())
        spec = call(features, labels, mode, config)
        if mode == tf.estimator.ModeKeys.PREDICT:
            return with_passed(with_serving_outputs(spec), passed)
        if mode == tf.estimator.ModeKeys.EVAL:
            return spec if metric_fn is None else metric_fn(spec, features, labels, config)
        refuse_clashes(forward, spec.predictions)  # said before the training, where the model tells by then
        return spec._replace(training_hooks=[*spec.training_hooks, *training_hooks(spec)])

    estimator._call_model_fn = call_and_add
