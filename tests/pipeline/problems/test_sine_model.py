"""The recurrent model: what a model_fn has to see to when it is made of Keras layers."""

from typing import Any

import components.estimator.compat  # noqa: F401  before TensorFlow

import numpy as np
import pytest
import tensorflow as tf

from pipeline.problems.sine import features as f
from pipeline.problems.sine import model

pytestmark = pytest.mark.slow

PARAMS = {"units": 4, "weight_decay": 0.0, "learning_rate": 0.01, "train_steps": 10}
TRAIN, EVAL, PREDICT = (getattr(tf.estimator.ModeKeys, name) for name in ("TRAIN", "EVAL", "PREDICT"))


def rows(level: float = 20.0) -> tuple[dict[str, Any], Any]:
    values = np.random.default_rng(0).normal(size=(8, f.STEPS)).astype(np.float32)
    column = np.ones((8, 1), np.float32)
    features = {f.VALUES: values, f.LEVEL: level * column, f.SPREAD: 0.5 * column}
    return {name: tf.constant(one) for name, one in features.items()}, tf.constant(level * column)


def spec_of(mode: str, params: dict[str, Any] | None = None, level: float = 20.0) -> Any:
    tf.compat.v1.set_random_seed(1)
    features, labels = rows(level)
    return model.model_fn(features, None if mode == PREDICT else labels, mode, {**PARAMS, **(params or {})})


def variables(*ending: str) -> list[Any]:
    return [one for one in tf.compat.v1.global_variables() if one.op.name.endswith(ending)]


def test_the_loss_holds_the_regularisation_of_the_layers() -> None:
    losses = []
    for decay in (0.0, 0.5):
        with tf.Graph().as_default(), tf.compat.v1.Session() as session:
            spec = spec_of(EVAL, {"weight_decay": decay})
            session.run(tf.compat.v1.global_variables_initializer())
            kernels = [one for one in variables("kernel") if "recurrent" not in one.op.name]
            assert len(kernels) == 2
            for kernel in kernels:
                kernel.load(np.full(kernel.shape, 0.1, np.float32), session)
            for other in variables("recurrent_kernel", "bias"):
                other.load(np.zeros(other.shape, np.float32), session)
            weights = sum(int(np.prod(kernel.shape)) for kernel in kernels)
            losses.append(session.run(spec.loss))
    assert losses[1] - losses[0] == pytest.approx(0.5 * 0.01 * weights, rel=1e-4)


def test_training_moves_what_layers_keep_count_of(monkeypatch: pytest.MonkeyPatch) -> None:
    def normalised(params: dict[str, Any]) -> Any:
        layers = tf.keras.layers
        return tf.keras.Sequential([layers.GRU(4, return_sequences=True), layers.BatchNormalization(), layers.Dense(1)])

    monkeypatch.setattr(model, "recurrent_network", normalised)
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        tf.compat.v1.train.get_or_create_global_step()
        spec = spec_of(TRAIN)
        session.run(tf.compat.v1.global_variables_initializer())
        (mean,) = variables("moving_mean")
        before = session.run(mean)
        session.run(spec.train_op)
        assert np.abs(session.run(mean) - before).min() > 0.0
        assert session.run(tf.compat.v1.train.get_global_step()) == 1


def test_a_prediction_is_in_the_unit_of_the_file() -> None:
    answers = []
    for level in (20.0, 120.0):
        with tf.Graph().as_default(), tf.compat.v1.Session() as session:
            spec = spec_of(PREDICT, level=level)
            session.run(tf.compat.v1.global_variables_initializer())
            for one in variables("kernel", "bias"):
                one.load(np.full(one.shape, 0.2, np.float32), session)
            answers.append(session.run(spec.predictions[f.LABEL]))
    assert answers[0].shape == (8, 1)
    np.testing.assert_allclose(answers[1] - answers[0], 100.0, rtol=1e-5)
    assert np.ptp(answers[0]) > 0.01
