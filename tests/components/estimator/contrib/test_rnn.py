"""Recurrent cells and what unrolls them, against the equations in numpy."""

from collections.abc import Callable
from typing import Any

import components.estimator.compat  # noqa: F401  before TensorFlow

import numpy as np
import pytest
import tensorflow as tf

from components.estimator.contrib import rnn

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore:`tf.nn.rnn_cell:UserWarning")]
v1 = tf.compat.v1
Run = Callable[..., Any]

X = np.random.default_rng(2).normal(size=(3, 5, 2)).astype(np.float32)
LENGTHS = np.array([5, 2, 3])


def sigmoid(x: Any) -> Any:
    return 1 / (1 + np.exp(-x))


def lstm(inputs: Any, kernel: Any, bias: Any, units: int, lengths: Any) -> tuple[Any, Any]:
    """Hochreiter and Schmidhuber's cell with a forget gate, biased by 1; gates in TensorFlow's order i, j, f, o."""
    c = h = np.zeros((len(inputs), units))
    outputs = []
    for time in range(inputs.shape[1]):
        i, j, f, o = np.split(np.concatenate([inputs[:, time], h], 1) @ kernel + bias, 4, 1)
        new_c = c * sigmoid(f + 1) + sigmoid(i) * np.tanh(j)
        new_h = np.tanh(new_c) * sigmoid(o)
        on = (time < lengths)[:, np.newaxis]
        c, h = np.where(on, new_c, c), np.where(on, new_h, h)
        outputs.append(np.where(on, new_h, 0))
    return np.stack(outputs, 1), h


def backwards(x: Any) -> Any:
    """Each sequence the other way round, within its length."""
    turned = x.copy()
    for row, length in enumerate(LENGTHS):
        turned[row, :length] = x[row, :length][::-1]
    return turned


def test_two_bidirectional_layers_are_the_equations(in_graph: Run) -> None:
    def make() -> Any:
        outputs, states_fw, states_bw = rnn.stack_bidirectional_dynamic_rnn(
            [rnn.BasicLSTMCell(4), rnn.BasicLSTMCell(3)],
            [rnn.LSTMCell(4), rnn.LSTMCell(3)],
            tf.constant(X),
            dtype=tf.float32,
            sequence_length=LENGTHS,
        )
        assert outputs.shape.as_list() == [3, 5, 6]
        return outputs, states_fw[1].h, states_bw[1].h, {one.op.name: one for one in v1.trainable_variables()}

    outputs, last_fw, last_bw, variables = in_graph(make)
    base = "stack_bidirectional_rnn/cell_{}/bidirectional_rnn/{}"
    inputs: Any = X
    for layer, units in ((0, 4), (1, 3)):
        fw, bw = base.format(layer, "fw/basic_lstm_cell"), base.format(layer, "bw/lstm_cell")
        forth, state_fw = lstm(inputs, variables[f"{fw}/kernel"], variables[f"{fw}/bias"], units, LENGTHS)
        back, state_bw = lstm(backwards(inputs), variables[f"{bw}/kernel"], variables[f"{bw}/bias"], units, LENGTHS)
        inputs = np.concatenate([forth, backwards(back)], 2)
    np.testing.assert_allclose(outputs, inputs, atol=1e-5)
    np.testing.assert_allclose(last_fw, state_fw, atol=1e-5)
    np.testing.assert_allclose(last_bw, state_bw, atol=1e-5)


def test_static_rnn_gives_what_dynamic_rnn_gives(in_graph: Run) -> None:
    def make() -> Any:
        cell = rnn.MultiRNNCell([rnn.GRUCell(4), rnn.DropoutWrapper(rnn.LSTMCell(3), 1.0)])
        with v1.variable_scope("same"):
            static, _ = rnn.static_rnn(cell, tf.unstack(tf.constant(X), axis=1), dtype=tf.float32, scope="r")
        with v1.variable_scope("same", reuse=True):
            dynamic, _ = v1.nn.dynamic_rnn(cell, tf.constant(X), dtype=tf.float32, scope="r")
        return tf.stack(static, 1), dynamic

    static, dynamic = in_graph(make)
    assert static.shape == (3, 5, 3)
    np.testing.assert_allclose(static, dynamic, atol=1e-6)


def test_the_static_stack_is_the_dynamic_one(in_graph: Run) -> None:
    def make() -> Any:
        cells = [rnn.BasicRNNCell(2), rnn.BasicRNNCell(2)], [rnn.BasicRNNCell(2), rnn.BasicRNNCell(2)]
        with v1.variable_scope("same"):
            dynamic, _, _ = rnn.stack_bidirectional_dynamic_rnn(*cells, tf.constant(X), dtype=tf.float32)
        with v1.variable_scope("same", reuse=True):
            static, _, _ = rnn.stack_bidirectional_rnn(*cells, tf.unstack(tf.constant(X), axis=1), dtype=tf.float32)
        return tf.stack(static, 1), dynamic

    static, dynamic = in_graph(make)
    assert static.shape == (3, 5, 4)
    np.testing.assert_allclose(static, dynamic, atol=1e-6)


@pytest.mark.parametrize(
    ("fw", "bw", "states", "says"),
    [([], [], None, "at least one cell"), ([1], [1, 2], None, "1 and 2"), ([1], [1], [1, 2], "one state for each")],
)
def test_lists_that_do_not_fit_are_refused(fw: Any, bw: Any, states: Any, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        rnn.stack_bidirectional_dynamic_rnn(fw, bw, X, initial_states_fw=states)
