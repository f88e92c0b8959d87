# ruff: noqa: PLR0917 - the signatures are tf.contrib's own
"""``tf.contrib.rnn``: recurrent cells, and what unrolls them.

See https://www.tensorflow.org/versions/r1.15/api_docs/python/tf/contrib/rnn. The cells are those of
``tf.compat.v1.nn.rnn_cell``, with the variable names that they had.
"""

from collections.abc import Sequence
from typing import Any

import components.estimator.compat  # noqa: F401  before TensorFlow

import tensorflow as tf

from components.estimator.contrib.missing import attribute_error_of

v1 = tf.compat.v1
_cells = v1.nn.rnn_cell

BasicLSTMCell = _cells.BasicLSTMCell
BasicRNNCell = _cells.BasicRNNCell
DeviceWrapper = _cells.DeviceWrapper
DropoutWrapper = _cells.DropoutWrapper
GRUCell = _cells.GRUCell
LSTMCell = _cells.LSTMCell
LSTMStateTuple = _cells.LSTMStateTuple
MultiRNNCell = _cells.MultiRNNCell
RNNCell = _cells.RNNCell
ResidualWrapper = _cells.ResidualWrapper
static_bidirectional_rnn = v1.nn.static_bidirectional_rnn
static_rnn = v1.nn.static_rnn
static_state_saving_rnn = v1.nn.static_state_saving_rnn


def stack_bidirectional_dynamic_rnn(
    cells_fw: Sequence[Any],
    cells_bw: Sequence[Any],
    inputs: Any,
    initial_states_fw: Sequence[Any] | None = None,
    initial_states_bw: Sequence[Any] | None = None,
    dtype: Any = None,
    sequence_length: Any = None,
    parallel_iterations: int | None = None,
    time_major: bool = False,
    scope: Any = None,
    swap_memory: bool = False,
) -> tuple[Any, tuple[Any, ...], tuple[Any, ...]]:
    """Stack bidirectional layers: each reads the outputs of both directions of the one below.

    Args:
        cells_fw: One cell a layer, forwards.
        cells_bw: As many cells, backwards.
        inputs: ``[batch, time, depth]``, or ``[time, batch, depth]`` if ``time_major``.
        initial_states_fw: One state a layer; zeros where not given.
        initial_states_bw: The same, backwards.
        dtype: Of the zeros.
        sequence_length: ``[batch]``; whole sequences where not given.
        parallel_iterations: As for ``dynamic_rnn``.
        time_major: Which axis is the first.
        scope: Variable scope, "stack_bidirectional_rnn" by default.
        swap_memory: As for ``dynamic_rnn``.

    Returns:
        The outputs of the last layer ``[batch, time, fw + bw]``, and the final states of each layer, both ways.

    Raises:
        ValueError: The lists are empty or of different lengths.
    """
    _check(cells_fw, cells_bw, initial_states_fw, initial_states_bw)
    states_fw, states_bw = [], []
    with v1.variable_scope(scope or "stack_bidirectional_rnn"):
        for i, (cell_fw, cell_bw) in enumerate(zip(cells_fw, cells_bw, strict=True)):
            with v1.variable_scope(f"cell_{i}"):
                outputs, (state_fw, state_bw) = v1.nn.bidirectional_dynamic_rnn(
                    cell_fw,
                    cell_bw,
                    inputs,
                    sequence_length=sequence_length,
                    initial_state_fw=initial_states_fw[i] if initial_states_fw else None,
                    initial_state_bw=initial_states_bw[i] if initial_states_bw else None,
                    dtype=dtype,
                    parallel_iterations=parallel_iterations,
                    swap_memory=swap_memory,
                    time_major=time_major,
                )
            inputs = tf.concat(outputs, 2)
            states_fw.append(state_fw)
            states_bw.append(state_bw)
    return inputs, tuple(states_fw), tuple(states_bw)


def stack_bidirectional_rnn(
    cells_fw: Sequence[Any],
    cells_bw: Sequence[Any],
    inputs: Sequence[Any],
    initial_states_fw: Sequence[Any] | None = None,
    initial_states_bw: Sequence[Any] | None = None,
    dtype: Any = None,
    sequence_length: Any = None,
    scope: Any = None,
) -> tuple[Any, tuple[Any, ...], tuple[Any, ...]]:
    """Stack bidirectional layers over a list of steps, each ``[batch, depth]``; else as the dynamic one."""
    _check(cells_fw, cells_bw, initial_states_fw, initial_states_bw)
    states_fw, states_bw = [], []
    with v1.variable_scope(scope or "stack_bidirectional_rnn"):
        for i, (cell_fw, cell_bw) in enumerate(zip(cells_fw, cells_bw, strict=True)):
            with v1.variable_scope(f"cell_{i}"):
                inputs, state_fw, state_bw = static_bidirectional_rnn(
                    cell_fw,
                    cell_bw,
                    inputs,
                    initial_states_fw[i] if initial_states_fw else None,
                    initial_states_bw[i] if initial_states_bw else None,
                    sequence_length=sequence_length,
                    dtype=dtype,
                )
            states_fw.append(state_fw)
            states_bw.append(state_bw)
    return inputs, tuple(states_fw), tuple(states_bw)


def _check(cells_fw: Any, cells_bw: Any, states_fw: Any, states_bw: Any) -> None:
    for name, value in (("cells_fw", cells_fw), ("cells_bw", cells_bw)):
        if not isinstance(value, list | tuple) or not value:
            raise ValueError(f"{name} must be a list of at least one cell, not {value!r}")
    if len(cells_fw) != len(cells_bw):
        raise ValueError(f"as many cells forwards as backwards: got {len(cells_fw)} and {len(cells_bw)}")
    for name, states in (("initial_states_fw", states_fw), ("initial_states_bw", states_bw)):
        if states is not None and len(states) != len(cells_fw):
            raise ValueError(f"{name} must have one state for each of {len(cells_fw)} layers, not {len(states)}")


__all__ = [
    "BasicLSTMCell",
    "BasicRNNCell",
    "DeviceWrapper",
    "DropoutWrapper",
    "GRUCell",
    "LSTMCell",
    "LSTMStateTuple",
    "MultiRNNCell",
    "RNNCell",
    "ResidualWrapper",
    "stack_bidirectional_dynamic_rnn",
    "stack_bidirectional_rnn",
    "static_bidirectional_rnn",
    "static_rnn",
    "static_state_saving_rnn",
]
__getattr__ = attribute_error_of(__name__)
