"""Which gradients a model applies, by which optimizer, found out without a word in its code.

Whatever way a model is brought, an optimizer's ``apply_gradients`` is called while its graph is built: by
``minimize``, by the ``get_updates`` of canned Estimators and Keras, or by the ``model_fn`` itself. The three classes
that optimizers of TensorFlow and Keras 2 derive from are made to write down what it was given, for graphs that are
watched. Nothing is added to a graph here, and what the method does is not changed.
"""

import functools
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import components.estimator.compat  # noqa: F401  before TensorFlow

import tensorflow as tf

_MARK = "_writes_down_gradients"
# Set by the optimizers of TensorFlow 1 when they prepare themselves, the first two; the others by their __init__.
_RATES = ("_lr_t", "_learning_rate_tensor", "_lr", "_learning_rate", "learning_rate")


@dataclass
class Applied:
    """What the optimizers of one graph were given.

    Attributes:
        gradients: Gradients by their variable's name, tensors or ``IndexedSlices``, as the optimizer got them.
        computed: The gradients that optimizers computed themselves, likewise: where a model clips, the ones before.
        variables: The variables by name.
        optimizers: The optimizers that applied them, in the order of their calls.
    """

    gradients: dict[str, Any] = field(default_factory=dict)
    computed: dict[str, Any] = field(default_factory=dict)
    variables: dict[str, Any] = field(default_factory=dict)
    optimizers: list[Any] = field(default_factory=list)


_KEPT = "_estimator_pipeline_applied"  # an attribute of the graph, to go when it goes: what is kept refers to it
_inside = threading.local()


def watch_graph(graph: Any) -> None:
    """Write down from now on what is applied in a graph."""
    _install()
    setattr(graph, _KEPT, Applied())


def applied_in(graph: Any) -> Applied:
    """Return what was applied in a graph; nothing, if it is not watched."""
    return getattr(graph, _KEPT, None) or Applied()


def learning_rates(graph: Any) -> dict[str, Any]:
    """Return the learning rates of the optimizers that applied something in a graph, by the optimizers' names.

    Each is a scalar that can be fetched from the graph. An optimizer without one, or one that only knows it inside a
    function or a condition, is left out.
    """
    found: dict[str, Any] = {}
    for optimizer in applied_in(graph).optimizers:
        rate = _rate(optimizer)
        if rate is None or getattr(rate, "graph", graph) is not graph:
            continue
        name = str(getattr(optimizer, "_name", None) or type(optimizer).__name__)
        while name in found:
            name += "_"
        found[name] = rate
    return found


def _rate(optimizer: Any) -> Any:
    try:
        rate = _read_rate(optimizer)
        rate = None if rate is None else tf.convert_to_tensor(rate)
    except Exception:  # noqa: BLE001  an optimizer of the model's own may call anything so; that is no reason to fail
        return None
    return rate if rate is not None and rate.shape.rank == 0 else None


def _read_rate(optimizer: Any) -> Any:
    if isinstance(optimizer, tf.keras.optimizers.legacy.Optimizer):
        return optimizer._decayed_lr(tf.float32)
    if isinstance(optimizer, tf.keras.optimizers.Optimizer):
        return optimizer.learning_rate
    for name in _RATES:
        rate = getattr(optimizer, name, None)
        if rate is not None:
            return rate() if callable(rate) and not hasattr(rate, "dtype") else rate
    return None


def _install() -> None:
    for owner in (
        tf.compat.v1.train.Optimizer,
        tf.keras.optimizers.legacy.Optimizer,
        tf.keras.optimizers.Optimizer.__mro__[1],  # of Keras 2.11 and later; it declares the method
    ):
        _wrap(owner, "apply_gradients", _applying)
    _wrap(tf.compat.v1.train.Optimizer, "compute_gradients", _computing)


def _wrap(owner: Any, name: str, make: Callable[[Any], Any]) -> None:
    method = owner.__dict__.get(name)
    if method is not None and not hasattr(method, _MARK):
        wrapped = functools.wraps(method)(make(method))
        setattr(wrapped, _MARK, True)
        setattr(owner, name, wrapped)


def _applying(method: Any) -> Any:
    def apply_gradients(self: Any, grads_and_vars: Any, *arguments: Any, **given: Any) -> Any:
        applied = _of_this_graph()
        if applied is None:
            return method(self, grads_and_vars, *arguments, **given)
        pairs = list(grads_and_vars)
        if not getattr(_inside, "depth", 0):  # an optimizer around another one hands on what it has changed
            _note(applied, applied.gradients, pairs)
        _inside.depth = getattr(_inside, "depth", 0) + 1
        try:
            done = method(self, pairs, *arguments, **given)
        finally:
            _inside.depth -= 1
        if not any(one is self for one in applied.optimizers):
            applied.optimizers.append(self)
        return done

    return apply_gradients


def _computing(method: Any) -> Any:
    def compute_gradients(self: Any, *arguments: Any, **given: Any) -> Any:
        pairs = method(self, *arguments, **given)
        applied = _of_this_graph()
        if applied is not None:
            pairs = list(pairs)
            _note(applied, applied.computed, pairs)
        return pairs

    return compute_gradients


def _note(applied: Applied, kept: dict[str, Any], pairs: list[Any]) -> None:
    for pair in pairs:
        if not isinstance(pair, (tuple, list)) or len(pair) != 2 or not hasattr(pair[1], "name"):
            return  # a mistake, which the optimizer is about to name
        gradient, variable = pair
        applied.variables.setdefault(variable.name, variable)
        if gradient is not None:
            kept.setdefault(variable.name, gradient)  # the first replica's, where there are several


def _of_this_graph() -> Applied | None:
    """Return where to write; None outside a watched graph, as when training eagerly."""
    if tf.executing_eagerly():
        return None
    graph = tf.compat.v1.get_default_graph()
    while graph is not None and not hasattr(graph, _KEPT):  # inside a condition or a loop
        graph = getattr(graph, "outer_graph", None)
    return getattr(graph, _KEPT, None)
