"""optimize_loss: each way to say an optimizer, clipping, decay, multipliers and update ops, by hand-made steps."""

from collections.abc import Callable
from typing import Any

import components.estimator.compat  # noqa: F401  before TensorFlow

import numpy as np
import pytest
import tensorflow as tf

from components.estimator.contrib import layers

pytestmark = pytest.mark.slow
v1 = tf.compat.v1
Run = Callable[..., Any]

START = np.array([3.0, 4.0], np.float32)  # the gradient of half the square: of norm 5


def trained(in_graph: Run, steps: int = 1, **arguments: Any) -> tuple[Any, int]:
    """Return the variable and the step after some steps down half the square of the variable."""
    given: dict[str, Any] = {"learning_rate": 0.1, "optimizer": "SGD", **arguments}

    def make() -> Any:
        x = v1.get_variable("x", initializer=START)
        v1.train.get_or_create_global_step()
        train = layers.optimize_loss(0.5 * tf.reduce_sum(tf.square(x)), None, **given)
        with tf.control_dependencies([train]):
            return x.read_value(), v1.train.get_global_step().read_value()

    value, step = in_graph(make, times=steps)
    return value, int(step)


@pytest.mark.parametrize(
    "optimizer",
    [
        "SGD",
        v1.train.GradientDescentOptimizer,
        lambda rate: v1.train.MomentumOptimizer(rate, 0.9),
        v1.train.GradientDescentOptimizer(0.1),
    ],
)
def test_a_step_however_the_optimizer_is_said(in_graph: Run, optimizer: Any) -> None:
    value, step = trained(in_graph, optimizer=optimizer)
    np.testing.assert_allclose(value, 0.9 * START, rtol=1e-6)
    assert step == 1


def test_an_optimizer_with_a_rate_of_its_own(in_graph: Run) -> None:
    value, _ = trained(in_graph, learning_rate=None, optimizer=lambda: v1.train.GradientDescentOptimizer(0.2))
    np.testing.assert_allclose(value, 0.8 * START, rtol=1e-6)


@pytest.mark.parametrize("name", sorted(layers.OPTIMIZER_CLS_NAMES))
def test_every_named_optimizer_goes_down(in_graph: Run, name: str) -> None:
    value, step = trained(in_graph, optimizer=name, steps=3)
    assert np.abs(value).sum() < np.abs(START).sum()
    assert step == 3


def test_clipping_with_decay(in_graph: Run) -> None:
    # The norm is 5 and then less, always more than 1: each step goes rate * 1 along the gradient.
    value, step = trained(
        in_graph,
        steps=3,
        clip_gradients=1.0,
        learning_rate_decay_fn=lambda rate, step: v1.train.exponential_decay(rate, step, 1, 0.5),
    )
    assert step == 3
    np.testing.assert_allclose(value, START / 5 * (5 - 0.1 - 0.05 - 0.025), rtol=1e-5)


def test_clipping_by_a_function_and_multipliers(in_graph: Run) -> None:
    def each(pairs: Any) -> Any:
        return [(tf.clip_by_value(gradient, -3.5, 3.5), variable) for gradient, variable in pairs]

    value, _ = trained(in_graph, clip_gradients=each)
    np.testing.assert_allclose(value, [2.7, 3.65], rtol=1e-6)
    value, _ = trained(in_graph, gradient_multipliers={"x": 2.0})
    np.testing.assert_allclose(value, 0.8 * START, rtol=1e-6)


def test_noise_changes_the_step_a_little(in_graph: Run) -> None:
    value, _ = trained(in_graph, gradient_noise_scale=0.1)
    assert 1e-6 < np.abs(value - 0.9 * START).max() < 0.03


def test_the_step_may_stand_still_and_summaries_be_chosen(in_graph: Run) -> None:
    def names(summaries: Any) -> list[str]:
        with tf.Graph().as_default() as graph:
            x = v1.get_variable("x", initializer=START)
            step = v1.train.get_or_create_global_step()
            loss = tf.reduce_sum(tf.square(x))
            layers.optimize_loss(loss, step, 0.1, "Adam", clip_gradients=1.0, summaries=summaries)
            return sorted(one.op.name for one in graph.get_collection(v1.GraphKeys.SUMMARIES))

    assert names(None) == [
        f"OptimizeLoss/{name}"
        for name in ("global_norm/clipped_gradient_norm", "global_norm/gradient_norm", "learning_rate_1", "loss")
    ]
    assert names(["gradients"]) == ["OptimizeLoss/gradients/x"]
    assert names([]) == []
    assert trained(in_graph, increment_global_step=False)[1] == 0


def test_update_ops_run_before_the_loss(in_graph: Run) -> None:
    def make() -> Any:
        x = v1.get_variable("x", initializer=START)
        count = v1.get_variable("count", initializer=0.0, trainable=False)
        v1.add_to_collection(v1.GraphKeys.UPDATE_OPS, count.assign_add(1.0))
        train = layers.optimize_loss(tf.reduce_sum(x), v1.train.get_or_create_global_step(), 0.1, "SGD")
        with tf.control_dependencies([train]):
            return count.read_value()

    assert in_graph(make, times=2) == 2.0


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"optimizer": "Sgd"}, "one of Adagrad"),
        ({"optimizer": 3}, "optimizer should be"),
        ({"optimizer": lambda rate: rate}, "should make an optimizer"),
        ({"learning_rate": -1.0}, "Invalid learning_rate"),
        ({"learning_rate": "0.1"}, "learning_rate should be"),
        ({"learning_rate": None}, "learning_rate must be given"),
        ({"clip_gradients": "1"}, "clip_gradients should be"),
        ({"summaries": ["losses"]}, "Summaries should be"),
    ],
)
def test_what_is_wrong_is_said(in_graph: Run, arguments: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        trained(in_graph, **arguments)


def test_a_loss_without_gradient_is_said(in_graph: Run) -> None:
    def make() -> Any:
        v1.get_variable("x", initializer=START)
        return layers.optimize_loss(tf.constant(1.0), v1.train.get_or_create_global_step(), 0.1, "SGD")

    with pytest.raises(ValueError, match="No variable has a gradient"):
        in_graph(make)
