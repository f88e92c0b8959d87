"""Refuses a request by columns that leaves out what is needed, as parsing refuses an example that does.

A value that may be missing has a mark (:data:`MISSING`), since each row of a column by name holds something. In
a column that is needed the mark is a mistake: a model would answer it with NaN, or worse, with a number.
"""

from collections.abc import Mapping
from typing import Any

import components.estimator.compat  # noqa: F401  before TensorFlow

import tensorflow as tf

MISSING: dict[Any, Any] = {tf.float32: float("nan"), tf.int64: tf.int64.min, tf.string: ""}
"""By type, what stands for a missing value in a column of one value a row."""


def needed(spec: Any) -> bool:
    """Whether a column of this parsing spec has to have a value in each row."""
    return isinstance(spec, tf.io.FixedLenFeature) and spec.default_value is None


def check_needed(columns: Mapping[str, Any], spec: Mapping[str, Any]) -> Any:
    """Make a tensor whose computation fails where a needed number is missing; None where there is no such column.

    Texts are left alone: the empty one is a value where the settings' ``data.missing`` does not hold it.

    Args:
        columns: The columns, ``[batch]`` or ``[batch, n]``; only the former can have values that are missing.
        spec: How each is parsed from an example.
    """
    checks = []
    for name, column in columns.items():
        if column.shape.rank != 1 or column.dtype == tf.string or not needed(spec[name]):
            continue
        if column.dtype.is_floating:
            missing, mark = tf.math.is_nan(column), "NaN"
        else:
            missing, mark = tf.equal(column, tf.constant(MISSING[column.dtype], column.dtype)), str(tf.int64.min)
        said = f"{name} is needed in each row, and {mark} stands for a missing value"
        checks.append(tf.debugging.Assert(tf.logical_not(tf.reduce_any(missing)), [said]))
    if not checks:
        return None
    with tf.control_dependencies(checks):
        return tf.constant(True)
