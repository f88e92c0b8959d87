"""Initializers and regularizers of ``tf.contrib.layers``."""

import numbers
from collections.abc import Callable, Sequence
from typing import Any

import components.estimator.compat  # noqa: F401  before TensorFlow

import tensorflow as tf

v1 = tf.compat.v1
Regularizer = Callable[[Any], Any]


def xavier_initializer(uniform: bool = True, seed: int | None = None, dtype: Any = tf.float32) -> Any:
    """Return an initializer that keeps the scale of gradients in all layers (Glorot and Bengio, AISTATS 2010).

    Args:
        uniform: Uniform in +-sqrt(6 / (in + out)), else normal with deviation sqrt(2 / (in + out)).
        seed: For the random numbers.
        dtype: A floating type.
    """
    return variance_scaling_initializer(1.0, "FAN_AVG", uniform, seed, dtype)


xavier_initializer_conv2d = xavier_initializer


def variance_scaling_initializer(
    factor: float = 2.0,
    mode: str = "FAN_IN",
    uniform: bool = False,
    seed: int | None = None,
    dtype: Any = tf.float32,
) -> Any:
    """Return an initializer of variance ``factor / n``, n being the fan ``FAN_IN``, ``FAN_OUT`` or ``FAN_AVG``."""
    if not dtype.is_floating:
        raise TypeError(f"An initializer of a floating type is expected, not {dtype}")
    if mode not in ("FAN_IN", "FAN_OUT", "FAN_AVG"):
        raise TypeError(f"mode must be FAN_IN, FAN_OUT or FAN_AVG, not {mode!r}")
    distribution = "uniform" if uniform else "truncated_normal"
    # The variable says its type itself when it calls the initializer.
    return v1.variance_scaling_initializer(factor, mode.lower(), distribution, seed)


def l1_regularizer(scale: float, scope: str | None = None) -> Regularizer:
    """Return a function from weights to ``scale * sum(|w|)``, or to None if the scale is 0.

    Raises:
        ValueError: The scale is an integer or negative.
    """
    return _regularizer(scale, scope, "l1_regularizer", lambda weights: tf.reduce_sum(tf.abs(weights)))


def l2_regularizer(scale: float, scope: str | None = None) -> Regularizer:
    """Return a function from weights to ``scale * sum(w ** 2) / 2``, or to None if the scale is 0.

    Raises:
        ValueError: The scale is an integer or negative.
    """
    return _regularizer(scale, scope, "l2_regularizer", tf.nn.l2_loss)


def l1_l2_regularizer(scale_l1: float = 1.0, scale_l2: float = 1.0, scope: str | None = None) -> Regularizer:
    """Return the sum of both."""
    if isinstance(scale_l1, numbers.Integral) or isinstance(scale_l2, numbers.Integral):
        raise ValueError(f"scale cannot be an integer: {scale_l1}, {scale_l2}")
    scope = scope or "l1_l2_regularizer"
    if not scale_l1:
        return l2_regularizer(scale_l2, scope)
    if not scale_l2:
        return l1_regularizer(scale_l1, scope)
    return sum_regularizer([l1_regularizer(scale_l1), l2_regularizer(scale_l2)], scope)


def sum_regularizer(regularizer_list: Sequence[Regularizer | None], scope: str | None = None) -> Any:
    """Return the sum of several regularizers, or None if there is none."""
    given = [one for one in regularizer_list if one is not None]
    if not given:
        return None

    def total(weights: Any) -> Any:
        with v1.name_scope(scope, "sum_regularizer"):
            found = [one for one in (each(weights) for each in given) if one is not None]
            return tf.add_n(found) if found else None

    return total


def apply_regularization(regularizer: Regularizer, weights_list: Sequence[Any] | None = None) -> Any:
    """Return the summed penalty of the weights, a scalar, which is also added to the regularization losses.

    Args:
        regularizer: From weights to a scalar or None.
        weights_list: The weights; those of the collection WEIGHTS where not given.

    Raises:
        ValueError: There are no weights.
    """
    weights_list = weights_list or v1.get_collection(v1.GraphKeys.WEIGHTS)
    if not weights_list:
        raise ValueError("No weights to regularize.")
    with v1.name_scope("get_regularization_penalty"):
        penalties = [regularizer(weights) for weights in weights_list]
        total = tf.add_n([tf.constant(0.0) if one is None else one for one in penalties])
    v1.add_to_collection(v1.GraphKeys.REGULARIZATION_LOSSES, total)
    return total


def _regularizer(scale: float, scope: str | None, name: str, norm: Regularizer) -> Regularizer:
    if isinstance(scale, numbers.Integral):
        raise ValueError(f"scale cannot be an integer: {scale}")
    if scale < 0.0:
        raise ValueError(f"Setting a scale less than 0 on a regularizer: {scale}")
    if scale == 0.0:
        return lambda _: None

    def penalty(weights: Any) -> Any:
        with v1.name_scope(scope, name, [weights]):
            return tf.convert_to_tensor(scale, dtype=weights.dtype.base_dtype) * norm(weights)

    return penalty
