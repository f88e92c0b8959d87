"""``tf.contrib.framework``: the global step, nested structures, sorting, variables and checkpoints.

See https://www.tensorflow.org/versions/r1.15/api_docs/python/tf/contrib/framework. All of it is elsewhere in
TensorFlow now; here it has its old names.
"""

from typing import Any

import components.estimator.compat  # noqa: F401  before TensorFlow

import tensorflow as tf
from tensorflow.python.util import nest

from components.estimator.contrib.missing import attribute_error_of

v1 = tf.compat.v1

if not hasattr(nest, "is_sequence"):
    nest.is_sequence = nest.is_nested  # its name until TensorFlow 2.5

argsort = tf.argsort
assert_global_step = v1.train.assert_global_step
create_global_step = v1.train.create_global_step
get_global_step = v1.train.get_global_step
get_or_create_global_step = v1.train.get_or_create_global_step
init_from_checkpoint = v1.train.init_from_checkpoint
list_variables = tf.train.list_variables
load_checkpoint = tf.train.load_checkpoint
load_variable = tf.train.load_variable
sort = tf.sort


def get_variables(
    scope: Any = None, suffix: str | None = None, collection: str = v1.GraphKeys.GLOBAL_VARIABLES
) -> list[Any]:
    """Return the variables of a collection, filtered.

    Args:
        scope: A variable scope, or the beginning of the names (a regular expression).
        suffix: The last part of the names.
        collection: The graph collection to look in.
    """
    prefix = scope if scope is None or isinstance(scope, str) else scope.name
    found = v1.get_collection(collection, prefix)
    return [one for one in found if suffix is None or one.op.name.rpartition("/")[2] == suffix]


def get_model_variables(scope: Any = None, suffix: str | None = None) -> list[Any]:
    """Return the variables that the layers of ``tf.contrib.layers`` made."""
    return get_variables(scope, suffix, v1.GraphKeys.MODEL_VARIABLES)


def get_trainable_variables(scope: Any = None, suffix: str | None = None) -> list[Any]:
    """Return the variables that are trained."""
    return get_variables(scope, suffix, v1.GraphKeys.TRAINABLE_VARIABLES)


__all__ = [
    "argsort",
    "assert_global_step",
    "create_global_step",
    "get_global_step",
    "get_model_variables",
    "get_or_create_global_step",
    "get_trainable_variables",
    "get_variables",
    "init_from_checkpoint",
    "list_variables",
    "load_checkpoint",
    "load_variable",
    "nest",
    "sort",
]
__getattr__ = attribute_error_of(__name__)
