"""Turns what a problem's ``model.py`` defines into an Estimator, with every call inside the error boundary.

There are three ways to bring a model, told apart by the function that the module has; see docs/problems.md.

What ours adds (hooks that report progress, outputs that every export has) is added to the ``EstimatorSpec`` of each,
by replacing the method through which an Estimator calls its ``model_fn``, on the one object at hand. The documented way
is a new ``Estimator`` around ``estimator.model_fn``, as ``tf.estimator.add_metrics`` makes it; it would lose what the
object has beside its ``model_fn``: its class (a ``TPUEstimator`` prepares each call in its own ``train``), and the
weights to start from (which is how a Keras model brings its own).
"""

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import components.estimator.compat  # noqa: F401  before TensorFlow

import tensorflow as tf

from components.estimator.canned import from_build_estimator
from components.estimator.keras_models import from_keras_model
from components.estimator.outputs import with_serving_outputs
from components.user_code import place
from components.user_code.boundary import user_code
from pipeline.errors import UserCodeError

HooksOf = Callable[[Any], Sequence[Any]]


@dataclass(frozen=True)
class _Way:
    """A function that brings a model: its arguments, and those among them that it cannot do without."""

    arguments: tuple[str, ...]
    needed: tuple[str, ...]

    def signature(self, name: str) -> str:
        return f"{name}({', '.join(self.arguments)})"


_WAYS = {
    "model_fn": _Way(("features", "labels", "mode", "params"), ("features", "labels")),
    "build_estimator": _Way(("config", "params", "feature_spec"), ("config",)),
    "build_keras_model": _Way(("params", "feature_spec"), ()),
}
_ALSO_TAKEN = {"model_fn": ("config",)}


def create_estimator(
    problem: str, config: Any, params: dict[str, Any], feature_spec: dict[str, Any], training_hooks: HooksOf
) -> Any:
    """Create the Estimator of a problem.

    Args:
        problem: The problem whose ``model.py`` is imported.
        config: ``tf.estimator.RunConfig``.
        params: Handed to the model as ``params``.
        feature_spec: How the transformed features are parsed, without the label: handed to the two functions that
            build a model before they see any features.
        training_hooks: Given the ``EstimatorSpec`` of training, returns hooks to add to it.

    Returns:
        A ``tf.estimator.Estimator``.

    Raises:
        UserCodeError: If ``model.py`` cannot be imported, or brings no model, or several, or one that is of no use; or
            if its function takes the wrong arguments.
    """
    with user_code(problem, "importing model.py", "model"):
        module = place.load(problem, "model")
    file = str(place.original(place.folder(problem) / "model.py"))
    name = _find(module, file)
    function = getattr(module, name)
    accepted = _accepted(name, function, file)
    given = {"config": config, "params": params, "feature_spec": feature_spec}
    arguments = {key: value for key, value in given.items() if key in accepted}
    if name == "model_fn":
        model_fn = _bounded(problem, function, accepted, file)
        estimator = tf.estimator.Estimator(model_fn, config=config, params=params)
    elif name == "build_estimator":
        estimator = from_build_estimator(problem, lambda: function(**arguments), config, file)
    else:
        estimator = from_keras_model(problem, lambda: function(**arguments), config, file)
    _watch(estimator, training_hooks)
    return estimator


def _find(module: Any, file: str) -> str:
    """Return the name of the one function that brings the model."""
    found = [name for name in _WAYS if callable(getattr(module, name, None))]
    if len(found) == 1:
        return found[0]
    signatures = " or ".join(f"def {way.signature(name)}" for name, way in _WAYS.items())
    if not found:
        raise UserCodeError(
            "model.py brings no model",
            got="no function of these names",
            expected=signatures,
            where=file,
            hint="docs/problems.md shows one of each",
        )
    raise UserCodeError(
        "model.py brings more than one model",
        got=" and ".join(found),
        expected="exactly one of them",
        where=file,
        hint="keep the one to be trained, and give the others (imported ones too) another name",
    )


def _accepted(name: str, function: Any, file: str) -> list[str]:
    """Return the arguments by name that a function takes, or refuse it."""
    way = _WAYS[name]
    parameters = inspect.signature(function).parameters.values()
    accepted = [one.name for one in parameters if one.kind in (one.POSITIONAL_OR_KEYWORD, one.KEYWORD_ONLY)]
    known = (*way.arguments, *_ALSO_TAKEN.get(name, ()))
    # One that is not ours has to have a default, and none may be of a kind that is not passed by its name.
    strange = [one for one in parameters if one.name not in known and one.default is one.empty]
    strange = [one for one in strange if one.kind not in (one.VAR_POSITIONAL, one.VAR_KEYWORD)]
    unnamed = [one for one in parameters if one.kind is one.POSITIONAL_ONLY]
    if any(one.kind is one.VAR_KEYWORD for one in parameters):
        accepted = list(dict.fromkeys([*accepted, *known]))
    missing = [one for one in way.needed if one not in accepted]
    if strange or missing or unnamed:
        raise UserCodeError(
            f"{name} takes the wrong arguments",
            got=f"{name}{_shown(function)}",
            expected=f"{way.signature(name)}, each under this very name",
            where=file,
        )
    return accepted


def _shown(function: Any) -> str:
    return f"({', '.join(inspect.signature(function).parameters)})"


def _bounded(problem: str, function: Any, accepted: list[str], file: str) -> Any:
    """Put a ``model_fn`` inside the error boundary."""

    def model_fn(features: Any, labels: Any, mode: str, params: dict[str, Any], config: Any) -> Any:
        optional = {"mode": mode, "params": params, "config": config}
        with user_code(problem, "model_fn", "model"):
            arguments = {k: v for k, v in optional.items() if k in accepted}
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


def _watch(estimator: Any, training_hooks: HooksOf) -> None:
    """Add our hooks and outputs to each ``EstimatorSpec`` that the Estimator's ``model_fn`` makes."""
    call = estimator._call_model_fn

    def call_and_add(features: Any, labels: Any, mode: str, config: Any) -> Any:
        spec = call(features, labels, mode, config)
        if mode == tf.estimator.ModeKeys.TRAIN:
            return spec._replace(training_hooks=[*spec.training_hooks, *training_hooks(spec)])
        return with_serving_outputs(spec) if mode == tf.estimator.ModeKeys.PREDICT else spec

    estimator._call_model_fn = call_and_add
