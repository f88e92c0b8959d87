"""The variables and collections that the layers of ``tf.contrib.layers`` share."""

from typing import Any

import components.estimator.compat  # noqa: F401  before TensorFlow

import tensorflow as tf

v1 = tf.compat.v1


def model_variable(name: str, shape: Any, variables_collections: Any = None, **kwargs: Any) -> Any:
    """Make a variable that counts as part of the model.

    Args:
        name: Its name, below the current variable scope.
        shape: Its shape.
        variables_collections: Collections to add it to: a list, or a dict from names of variables to lists.
        **kwargs: For ``tf.compat.v1.get_variable``.
    """
    if isinstance(variables_collections, dict):
        variables_collections = variables_collections.get(name)
    extra = [variables_collections] if isinstance(variables_collections, str) else list(variables_collections or ())
    collections = [v1.GraphKeys.GLOBAL_VARIABLES, v1.GraphKeys.MODEL_VARIABLES, *extra]
    return v1.get_variable(name, shape, collections=collections, **kwargs)


def activated(outputs: Any, activation_fn: Any, outputs_collections: Any) -> Any:
    """Return the outputs after the activation, added to the collections that want them."""
    if activation_fn is not None:
        outputs = activation_fn(outputs)
    if outputs_collections:
        v1.add_to_collections(outputs_collections, outputs)
    return outputs
