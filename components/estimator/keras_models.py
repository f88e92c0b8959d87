"""A compiled Keras 2 model, turned into an Estimator by ``tf.keras.estimator.model_to_estimator``."""

from collections.abc import Callable
from typing import Any

import components.estimator.compat  # noqa: F401  before TensorFlow

import tensorflow as tf

from components.user_code.boundary import user_code
from pipeline.errors import UserCodeError


def from_keras_model(problem: str, build: Callable[[], Any], config: Any, file: str) -> Any:
    """Call ``build_keras_model``, check what it returns and convert it.

    Args:
        problem: The problem's name.
        build: Calls the user's function with the arguments that it takes.
        config: ``tf.estimator.RunConfig``. Its seed comes too late for the model's first weights, which are made here,
            eagerly: seed with ``tf.keras.utils.set_random_seed`` before.
        file: ``model.py`` as a person knows it.

    Returns:
        A ``tf.estimator.Estimator``.

    Raises:
        UserCodeError: If the function fails, or returns no model, a Keras 3 model or one that is not compiled; or if
            the model cannot be converted.
    """
    with user_code(problem, "build_keras_model", "model"):
        model = build()
    _check(model, file)
    functional = bool(getattr(model, "_is_graph_network", False)) or isinstance(model, tf.keras.Sequential)
    with user_code(problem, "converting the Keras model to an Estimator", "model"):
        from tensorflow_estimator.python.estimator.keras_lib import model_to_estimator

        estimator = model_to_estimator(
            keras_model=model,
            config=config,
            use_v2_estimator=True,
            # Object-based checkpoints, Keras' own, exist for models made of layers and their inputs only.
            checkpoint_format="checkpoint" if functional else "saver",
        )
    if functional:
        _fit_features(estimator, {one.name: one.shape.rank for one in model.inputs}, file)
    return estimator


def _fit_features(estimator: Any, inputs: dict[str, int | None], file: str) -> None:
    """Hand the model the features that its inputs are named after, as ``fit`` does, and labels likewise.

    ``fit`` makes ``[batch]`` a column ``[batch, 1]``; ``model_to_estimator`` does not. For labels ``[batch]`` against
    outputs ``[batch, 1]`` a loss would compare each row with each other one, and say nothing.
    """
    call = estimator._call_model_fn

    def call_with_inputs(features: Any, labels: Any, mode: str, config: Any) -> Any:
        given = dict(features)
        if len(inputs) == len(given) == 1:
            given = dict(zip(inputs, given.values(), strict=True))
        missing = sorted(set(inputs) - set(given))
        if missing:
            raise UserCodeError(
                "The Keras model has inputs that are no features",
                got=", ".join(missing),
                expected=f"inputs named after features: {', '.join(sorted(given))}",
                where=file,
                hint='tf.keras.Input(shape, name="...") names an input',
            )
        columns = {name: _as_column(given[name], rank) for name, rank in inputs.items()}
        return call(columns, None if labels is None else _as_column(labels, 2), mode, config)

    estimator._call_model_fn = call_with_inputs


def _as_column(value: Any, rank: int | None) -> Any:
    return tf.expand_dims(value, -1) if value.shape.rank == 1 and rank == 2 else value


def _check(model: Any, file: str) -> None:
    if any(base.__module__.partition(".")[0] == "keras" for base in type(model).__mro__):
        raise UserCodeError(
            "build_keras_model returned a Keras 3 model, and an Estimator takes Keras 2 only",
            got=f"{type(model).__module__}.{type(model).__name__}",
            expected="tf.keras.Model",
            where=file,
            hint="write tf.keras instead of keras: `tf.keras` is Keras 2 here; or `import tf_keras as keras`",
        )
    if not isinstance(model, tf.keras.Model):
        raise UserCodeError(
            "build_keras_model returned the wrong type",
            got=type(model).__name__,
            expected="a compiled tf.keras.Model",
            where=file,
            hint="end it with `return model`" if model is None else None,
        )
    if not getattr(model, "optimizer", None):
        raise UserCodeError(
            "build_keras_model returned a model that is not compiled",
            expected="model.compile(optimizer, loss) before it is returned",
            where=file,
        )
