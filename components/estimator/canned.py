"""An Estimator that the problem makes itself: canned, with heads, or of any class."""

from collections.abc import Callable
from typing import Any

import components.estimator.compat  # noqa: F401  before TensorFlow

import tensorflow as tf

from components.user_code.boundary import user_code
from pipeline.errors import UserCodeError


def from_build_estimator(problem: str, build: Callable[[], Any], config: Any, file: str) -> Any:
    """Call ``build_estimator`` and check what it returns.

    Args:
        problem: The problem's name.
        build: Calls the user's function with the arguments that it takes.
        config: The ``RunConfig`` that it was given.
        file: ``model.py`` as a person knows it.

    Returns:
        The ``tf.estimator.Estimator``, whose checkpoints go where ``config`` says.

    Raises:
        UserCodeError: If the function fails, returns something else, or an Estimator that does not use ``config``.
    """
    with user_code(problem, "build_estimator", "model"):
        estimator = build()
    # The V2 class derives from this one.
    if not isinstance(estimator, tf.compat.v1.estimator.Estimator):
        raise UserCodeError(
            "build_estimator returned the wrong type",
            got=type(estimator).__name__,
            expected="a tf.estimator.Estimator, such as tf.estimator.DNNClassifier(..., config=config)",
            where=file,
            hint=_hint(estimator),
        )
    if estimator.model_dir != config.model_dir:
        raise UserCodeError(
            "build_estimator made an Estimator that does not use config",
            got=f"checkpoints go to {estimator.model_dir}",
            expected="the Estimator made with config=config and without model_dir",
            where=file,
            hint="a TPUEstimator takes tf.compat.v1.estimator.tpu.RunConfig(model_dir=config.model_dir, "
            "tf_random_seed=config.tf_random_seed, save_checkpoints_steps=config.save_checkpoints_steps, "
            "save_checkpoints_secs=config.save_checkpoints_secs)",
        )
    if isinstance(estimator, tf.compat.v1.estimator.tpu.TPUEstimator):
        _keep_on_cpu(estimator)
    _mend_baseline()
    return estimator


def _keep_on_cpu(estimator: Any) -> None:
    """Take from a ``TPUEstimator`` what only makes sense where there are TPUs."""
    # It also writes a graph for TPUs, unless told not to.
    estimator._export_to_tpu = False
    # It wants to tell input_fn the size of a batch, which is a setting here.
    plain = tf.compat.v1.estimator.Estimator
    estimator._call_input_fn = lambda *args, **given: plain._call_input_fn(estimator, *args, **given)


def _mend_baseline() -> None:
    """Let the Baseline Estimators of the V2 kind train on more than one feature.

    They make their variable's first value wait for a check that all features have as many rows, and so for the input,
    which is not there yet when variables are initialised. Features that were parsed together need no such check.
    """
    from tensorflow_estimator.python.estimator.canned import baseline

    def sizes(features: dict[str, Any], weight_column_key: str | None) -> tuple[list[Any], Any]:
        first = next(value for name, value in features.items() if name != weight_column_key)
        return [], tf.shape(first)[0]

    baseline._get_batch_size_and_size_checks = sizes


def _hint(returned: Any) -> str:
    if returned is None:
        return "end it with `return estimator`"
    if hasattr(returned, "fit") and hasattr(returned, "compile"):
        return "name the function build_keras_model(params, feature_spec) to return a compiled Keras model"
    return "end it with `return tf.estimator.DNNRegressor(..., config=config)`, say"
