# ruff: noqa: PLR0917 - the signatures are tf.contrib's own
"""Layers of ``tf.contrib.layers``, with the variable names that they had: "fully_connected/weights"."""

import functools
from collections.abc import Callable, Sequence
from typing import Any

import components.estimator.compat  # noqa: F401  before TensorFlow

import tensorflow as tf

from components.estimator.contrib.layers.collecting import activated, model_variable
from components.estimator.contrib.layers.regularizing import xavier_initializer

v1 = tf.compat.v1
_XAVIER = xavier_initializer()
_ZEROS = v1.zeros_initializer()


def fully_connected(
    inputs: Any,
    num_outputs: int,
    activation_fn: Any = tf.nn.relu,
    normalizer_fn: Any = None,
    normalizer_params: dict[str, Any] | None = None,
    weights_initializer: Any = _XAVIER,
    weights_regularizer: Any = None,
    biases_initializer: Any = _ZEROS,
    biases_regularizer: Any = None,
    reuse: bool | None = None,
    variables_collections: Any = None,
    outputs_collections: Any = None,
    trainable: bool = True,
    scope: Any = None,
) -> Any:
    """Multiply by weights, add biases or normalise, activate.

    Args:
        inputs: ``[..., depth]``, at least two dimensions.
        num_outputs: Size of the last dimension of the output.
        activation_fn: ReLU by default; None for a linear layer.
        normalizer_fn: Takes the place of the biases, as ``batch_norm``.
        normalizer_params: For ``normalizer_fn``.
        weights_initializer: Xavier's by default.
        weights_regularizer: From weights to a penalty.
        biases_initializer: None for no biases.
        biases_regularizer: From biases to a penalty.
        reuse: As for ``tf.compat.v1.variable_scope``.
        variables_collections: Collections for the variables: a list, or a dict of lists.
        outputs_collections: Collection for the outputs.
        trainable: Whether the variables are trained.
        scope: Variable scope, "fully_connected" by default.

    Returns:
        ``[..., num_outputs]``.

    Raises:
        ValueError: The number of outputs is not an integer, or the inputs' last dimension is not known.
    """
    if isinstance(num_outputs, bool) or not hasattr(num_outputs, "__index__"):
        raise ValueError(f"num_outputs should be an integer, got {num_outputs!r}")
    with v1.variable_scope(scope, "fully_connected", [inputs], reuse=reuse):
        inputs = tf.convert_to_tensor(inputs)
        shape = inputs.shape.as_list()
        if len(shape) < 2 or shape[-1] is None:
            raise ValueError(f"fully_connected needs inputs [..., depth] whose depth is known, got {shape}")
        make = functools.partial(
            model_variable,
            variables_collections=variables_collections,
            dtype=inputs.dtype.base_dtype,
            trainable=trainable,
        )
        size = int(num_outputs)
        weights = make("weights", [shape[-1], size], initializer=weights_initializer, regularizer=weights_regularizer)
        outputs = tf.matmul(inputs, weights) if len(shape) == 2 else tf.tensordot(inputs, weights, 1)
        if normalizer_fn is not None:
            outputs = normalizer_fn(outputs, **(normalizer_params or {}))
        elif biases_initializer is not None:
            outputs += make("biases", [size], initializer=biases_initializer, regularizer=biases_regularizer)
        return activated(outputs, activation_fn, outputs_collections)


linear = functools.partial(fully_connected, activation_fn=None)
relu = functools.partial(fully_connected, activation_fn=tf.nn.relu)
relu6 = functools.partial(fully_connected, activation_fn=tf.nn.relu6)


def stack(inputs: Any, layer: Callable[..., Any], stack_args: Sequence[Any], **kwargs: Any) -> Any:
    """Apply a layer again and again: ``stack(x, fully_connected, [32, 64], scope="fc")`` makes fc/fc_1 and fc/fc_2.

    Args:
        inputs: What the first layer takes.
        layer: As ``fully_connected``.
        stack_args: For each layer its arguments: one, or a list of several.
        **kwargs: For every layer; ``scope`` and ``reuse`` are for all of them together.

    Raises:
        ValueError: ``stack_args`` is not a list.
    """
    if not isinstance(stack_args, list | tuple):
        raise ValueError(f"stack_args need to be a list or tuple, got {stack_args!r}")
    scope, reuse = kwargs.pop("scope", None), kwargs.pop("reuse", None)
    with v1.variable_scope(scope, "Stack", [inputs], reuse=reuse):
        function = layer.func if isinstance(layer, functools.partial) else layer
        name = scope or getattr(function, "__name__", "stack")
        for number, given in enumerate(stack_args, start=1):
            arguments = given if isinstance(given, list | tuple) else [given]
            inputs = layer(inputs, *arguments, scope=f"{name}_{number}", **kwargs)
        return inputs


def dropout(
    inputs: Any,
    keep_prob: float = 0.5,
    noise_shape: Any = None,
    is_training: Any = True,
    outputs_collections: Any = None,
    scope: Any = None,
    seed: int | None = None,
) -> Any:
    """Keep each value with ``keep_prob`` and scale it up, in training; hand all on otherwise."""
    with v1.variable_scope(scope, "Dropout", [inputs]):
        outputs = v1.layers.dropout(inputs, 1.0 - keep_prob, noise_shape, seed, is_training)
        return activated(outputs, None, outputs_collections)


def flatten(inputs: Any, outputs_collections: Any = None, scope: Any = None) -> Any:
    """Return ``[batch, everything else]``."""
    with v1.name_scope(scope, "Flatten", [inputs]):
        return activated(v1.layers.flatten(inputs), None, outputs_collections)


def embed_sequence(
    ids: Any,
    vocab_size: int | None = None,
    embed_dim: int | None = None,
    unique: bool = False,
    initializer: Any = None,
    regularizer: Any = None,
    trainable: bool = True,
    scope: Any = None,
    reuse: bool | None = None,
) -> Any:
    """Look up an embedding for each symbol of sequences.

    Args:
        ids: ``[batch, length]``, integers below ``vocab_size``.
        vocab_size: How many symbols there are.
        embed_dim: Size of an embedding.
        unique: Look each symbol up once, where it is costly.
        initializer: As for ``tf.compat.v1.get_variable``.
        regularizer: From embeddings to a penalty.
        trainable: Whether the embeddings are trained.
        scope: Variable scope, "EmbedSequence" by default.
        reuse: Whether to use the embeddings that the scope holds; sizes are not needed then.

    Returns:
        ``[batch, length, embed_dim]``.

    Raises:
        ValueError: A size is missing, and there is nothing to reuse.
    """
    if not reuse and (vocab_size is None or embed_dim is None):
        raise ValueError(f"Must specify vocab size and embedding dimension when not reusing: {vocab_size}, {embed_dim}")
    with v1.variable_scope(scope, "EmbedSequence", [ids], reuse=reuse):
        ids = tf.convert_to_tensor(ids)
        shape = None if vocab_size is None or embed_dim is None else [vocab_size, embed_dim]
        embeddings = model_variable(
            "embeddings", shape, initializer=initializer, regularizer=regularizer, trainable=trainable
        )
        if not unique:
            return tf.nn.embedding_lookup(embeddings, ids)
        symbols, places = tf.unique(tf.reshape(ids, [-1]))
        found = tf.gather(tf.nn.embedding_lookup(embeddings, symbols), tf.reshape(places, tf.shape(ids)))
        return tf.ensure_shape(found, [*ids.shape.as_list(), embeddings.shape.as_list()[1]])
