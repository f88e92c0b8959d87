# ruff: noqa: PLR0917 - the signatures are tf.contrib's own
"""``tf.contrib.layers.optimize_loss``: from a loss to a train op, in one call."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import components.estimator.compat  # noqa: F401  before TensorFlow

import tensorflow as tf

v1 = tf.compat.v1

OPTIMIZER_CLS_NAMES: dict[str, Callable[..., Any]] = {
    "Adagrad": v1.train.AdagradOptimizer,
    "Adam": v1.train.AdamOptimizer,
    "Ftrl": v1.train.FtrlOptimizer,
    "Momentum": lambda learning_rate: v1.train.MomentumOptimizer(learning_rate, momentum=0.9),
    "RMSProp": v1.train.RMSPropOptimizer,
    "SGD": v1.train.GradientDescentOptimizer,
}
OPTIMIZER_SUMMARIES = ["learning_rate", "loss", "gradients", "gradient_norm", "global_gradient_norm"]
_DEFAULT_SUMMARIES = ("learning_rate", "loss", "global_gradient_norm")
Gradients = list[tuple[Any, Any]]


def optimize_loss(
    loss: Any,
    global_step: Any,
    learning_rate: Any,
    optimizer: Any,
    gradient_noise_scale: float | None = None,
    gradient_multipliers: Mapping[Any, Any] | None = None,
    clip_gradients: Any = None,
    learning_rate_decay_fn: Callable[[Any, Any], Any] | None = None,
    update_ops: Sequence[Any] | None = None,
    variables: Sequence[Any] | None = None,
    name: str | None = None,
    summaries: Sequence[str] | None = None,
    colocate_gradients_with_ops: bool = False,
    increment_global_step: bool = True,
) -> Any:
    """Return a train op for a loss.

    See https://www.tensorflow.org/versions/r1.15/api_docs/python/tf/contrib/layers/optimize_loss.

    Args:
        loss: Scalar.
        global_step: The step, or None for the graph's own.
        learning_rate: A float, a scalar tensor, or None if the optimizer has its own.
        optimizer: A name of ``OPTIMIZER_CLS_NAMES``; a class or function that makes an optimizer of
            ``tf.compat.v1.train`` from the learning rate (from nothing if that is None); or an optimizer.
        gradient_noise_scale: Adds normal noise of this deviation to the gradients.
        gradient_multipliers: Factors for gradients, by variable or by its name.
        clip_gradients: A float, the largest global norm; or a function from (gradient, variable) pairs to such pairs.
        learning_rate_decay_fn: From learning rate and step to a learning rate.
        update_ops: Run before the loss; those of the collection UPDATE_OPS where not given.
        variables: What to train; all trainable variables where not given.
        name: Variable scope, "OptimizeLoss" by default.
        summaries: Some of ``OPTIMIZER_SUMMARIES``; learning rate, loss and global norm where not given.
        colocate_gradients_with_ops: As for ``Optimizer.compute_gradients``.
        increment_global_step: Whether the step goes up.

    Returns:
        The loss, a tensor that applies the gradients when it is run.

    Raises:
        ValueError: An argument is of the wrong type, or no variable has a gradient.
    """
    loss = tf.convert_to_tensor(loss)
    if loss.shape.rank not in (0, None):
        raise ValueError(f"loss must be a scalar, not of shape {loss.shape}")
    step = v1.train.get_global_step() if global_step is None else global_step
    if step is None and (increment_global_step or learning_rate_decay_fn is not None):
        raise ValueError("global_step is required for learning_rate_decay_fn and to be incremented, and there is none")
    wanted = list(_DEFAULT_SUMMARIES) if summaries is None else list(summaries)
    unknown = sorted(set(wanted) - set(OPTIMIZER_SUMMARIES))
    if unknown:
        raise ValueError(f"Summaries should be some of {', '.join(OPTIMIZER_SUMMARIES)}; not {', '.join(unknown)}")
    with v1.variable_scope(name, "OptimizeLoss", [loss, step]):
        pending = list(v1.get_collection(v1.GraphKeys.UPDATE_OPS) if update_ops is None else update_ops)
        if pending:
            with tf.control_dependencies(pending):
                loss = tf.identity(loss)
        rate = _learning_rate(learning_rate)
        if learning_rate_decay_fn is not None:
            if rate is None:
                raise ValueError("learning_rate_decay_fn needs a learning_rate")
            rate = learning_rate_decay_fn(rate, step)
        if rate is not None and "learning_rate" in wanted:
            v1.summary.scalar("learning_rate", rate)
        chosen = _optimizer(optimizer, rate)
        gradients: Gradients = chosen.compute_gradients(
            loss,
            v1.trainable_variables() if variables is None else list(variables),
            colocate_gradients_with_ops=colocate_gradients_with_ops,
        )
        if all(gradient is None for gradient, _ in gradients):
            raise ValueError("No variable has a gradient: the loss depends on none of the trainable variables")
        if gradient_noise_scale is not None:
            gradients = [(_noisy(gradient, gradient_noise_scale), variable) for gradient, variable in gradients]
        if gradient_multipliers is not None:
            gradients = [
                (_multiplied(gradient, variable, gradient_multipliers), variable) for gradient, variable in gradients
            ]
        if "global_gradient_norm" in wanted or "gradient_norm" in wanted:
            v1.summary.scalar("global_norm/gradient_norm", tf.linalg.global_norm([one for one, _ in gradients]))
        clipped = _clipped(gradients, clip_gradients)
        _summarize(loss, clipped, clip_gradients is not None, wanted)
        applied = chosen.apply_gradients(clipped, global_step=step if increment_global_step else None, name="train")
        with tf.control_dependencies([applied]):
            return tf.identity(loss)


def _learning_rate(given: Any) -> Any:
    if given is None:
        return None
    if tf.is_tensor(given) or isinstance(given, tf.Variable):
        if given.shape.rank not in (0, None):
            raise ValueError(f"learning_rate should be a scalar, not of shape {given.shape}")
        return given
    if isinstance(given, bool) or not isinstance(given, int | float):
        raise ValueError(f"learning_rate should be a float or a scalar tensor, got {given!r}")
    if given < 0.0:
        raise ValueError(f"Invalid learning_rate {given}")
    return v1.get_variable("learning_rate", [], trainable=False, initializer=v1.constant_initializer(float(given)))


def _optimizer(given: Any, rate: Any) -> Any:
    if isinstance(given, v1.train.Optimizer):
        return given
    if isinstance(given, str):
        if given not in OPTIMIZER_CLS_NAMES:
            raise ValueError(f"Optimizer name should be one of {', '.join(OPTIMIZER_CLS_NAMES)}, got {given}")
        if rate is None:
            raise ValueError(f"learning_rate must be given for the optimizer {given}")
        made = OPTIMIZER_CLS_NAMES[given](learning_rate=rate)
    elif callable(given):
        made = given() if rate is None else given(rate)
    else:
        raise ValueError(f"optimizer should be a name, a class, a function or an optimizer, got {given!r}")
    if not isinstance(made, v1.train.Optimizer):
        raise ValueError(f"optimizer should make an optimizer of tf.compat.v1.train, not {type(made).__name__}")
    return made


def _noisy(gradient: Any, scale: float) -> Any:
    if gradient is None:
        return None
    dense = tf.convert_to_tensor(gradient)
    return dense + scale * v1.truncated_normal(tf.shape(dense), dtype=dense.dtype)


def _multiplied(gradient: Any, variable: Any, factors: Mapping[Any, Any]) -> Any:
    by_name = {one if isinstance(one, str) else one.op.name: factor for one, factor in factors.items()}
    factor = by_name.get(variable.op.name, by_name.get(variable.name))
    if gradient is None or factor is None:
        return gradient
    if isinstance(gradient, tf.IndexedSlices):
        return tf.IndexedSlices(gradient.values * factor, gradient.indices, gradient.dense_shape)
    return gradient * tf.cast(factor, gradient.dtype)


def _clipped(gradients: Gradients, limit: Any) -> Gradients:
    if limit is None:
        return gradients
    if callable(limit):
        return list(limit(gradients))
    if isinstance(limit, bool) or not isinstance(limit, int | float):
        raise ValueError(f"clip_gradients should be a float or a function, got {limit!r}")
    clipped, _ = tf.clip_by_global_norm([gradient for gradient, _ in gradients], float(limit))
    return [(gradient, variable) for gradient, (_, variable) in zip(clipped, gradients, strict=True)]


def _summarize(loss: Any, clipped: Gradients, is_clipped: bool, wanted: Sequence[str]) -> None:
    if "loss" in wanted:
        v1.summary.scalar("loss", loss)
    for gradient, variable in clipped:
        if gradient is None:
            continue
        values = gradient.values if isinstance(gradient, tf.IndexedSlices) else gradient
        if "gradients" in wanted:
            v1.summary.histogram(f"gradients/{variable.op.name}", values)
        if "gradient_norm" in wanted:
            v1.summary.scalar(f"gradient_norm/{variable.op.name}", tf.linalg.global_norm([values]))
    if is_clipped and ("global_gradient_norm" in wanted or "gradient_norm" in wanted):
        v1.summary.scalar("global_norm/clipped_gradient_norm", tf.linalg.global_norm([one for one, _ in clipped]))
