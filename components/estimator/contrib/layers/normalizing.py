# ruff: noqa: PLR0917 - the signatures are tf.contrib's own
"""Batch and layer normalisation of ``tf.contrib.layers``."""

from typing import Any

import components.estimator.compat  # noqa: F401  before TensorFlow

import tensorflow as tf

from components.estimator.contrib.layers.collecting import activated, model_variable

v1 = tf.compat.v1


def batch_norm(
    inputs: Any,
    decay: float = 0.999,
    center: bool = True,
    scale: bool = False,
    epsilon: float = 0.001,
    activation_fn: Any = None,
    param_initializers: dict[str, Any] | None = None,
    param_regularizers: dict[str, Any] | None = None,
    updates_collections: Any = v1.GraphKeys.UPDATE_OPS,
    is_training: Any = True,
    reuse: bool | None = None,
    variables_collections: Any = None,
    outputs_collections: Any = None,
    trainable: bool = True,
    batch_weights: Any = None,
    fused: bool | None = None,
    data_format: str = "NHWC",
    zero_debias_moving_mean: bool = False,
    scope: Any = None,
    renorm: bool = False,
    renorm_clipping: dict[str, Any] | None = None,
    renorm_decay: float = 0.99,
    adjustment: Any = None,
) -> Any:
    """Normalise over the batch (Ioffe and Szegedy, https://arxiv.org/abs/1502.03167).

    In training the moving mean and variance are updated by ops in ``updates_collections``, which the train op must
    depend on (``optimize_loss`` does); with None they are updated as the outputs are computed.

    Args:
        inputs: ``[batch, ..., depth]``, or ``[batch, depth, ...]`` for ``data_format="NCHW"``.
        decay: Of the moving averages.
        center: Whether there is a beta.
        scale: Whether there is a gamma.
        epsilon: Added to the variance.
        activation_fn: Applied last.
        param_initializers: For "beta", "gamma", "moving_mean" and "moving_variance".
        param_regularizers: For "beta" and "gamma".
        updates_collections: Collections for the update ops, or None.
        is_training: Whether the batch's own moments are taken; may be a tensor.
        reuse: As for ``tf.compat.v1.variable_scope``.
        variables_collections: Collections for the variables: a list, or a dict of lists.
        outputs_collections: Collection for the outputs.
        trainable: Whether beta and gamma are trained.
        batch_weights: Not supported.
        fused: Whether to use the fused op; where possible if None.
        data_format: "NHWC" or "NCHW".
        zero_debias_moving_mean: Not supported.
        scope: Variable scope, "BatchNorm" by default.
        renorm: As for ``tf.compat.v1.layers.batch_normalization``; so are the next three.
        renorm_clipping: See there.
        renorm_decay: See there.
        adjustment: See there.

    Raises:
        ValueError: ``batch_weights`` or ``zero_debias_moving_mean`` is given, or the data format is unknown.
    """
    if batch_weights is not None or zero_debias_moving_mean:
        raise ValueError("batch_weights and zero_debias_moving_mean of batch_norm are not supported")
    if data_format not in ("NHWC", "NCHW"):
        raise ValueError(f"data_format must be NHWC or NCHW, not {data_format!r}")
    initial, regularizers = param_initializers or {}, param_regularizers or {}
    with v1.variable_scope(scope, "BatchNorm", [inputs], reuse=reuse) as own:
        layer = v1.layers.BatchNormalization(
            axis=1 if data_format == "NCHW" else -1,
            momentum=decay,
            epsilon=epsilon,
            center=center,
            scale=scale,
            beta_initializer=initial.get("beta", v1.zeros_initializer()),
            gamma_initializer=initial.get("gamma", v1.ones_initializer()),
            moving_mean_initializer=initial.get("moving_mean", v1.zeros_initializer()),
            moving_variance_initializer=initial.get("moving_variance", v1.ones_initializer()),
            beta_regularizer=regularizers.get("beta"),
            gamma_regularizer=regularizers.get("gamma"),
            trainable=trainable,
            renorm=renorm,
            renorm_clipping=renorm_clipping,
            renorm_momentum=renorm_decay,
            adjustment=adjustment,
            fused=fused,
            name=own.name.rpartition("/")[2],
            _scope=own,
            _reuse=reuse,
        )
        # The layer adds its updates to UPDATE_OPS by itself; here the caller says where they belong.
        waiting = v1.get_collection_ref(v1.GraphKeys.UPDATE_OPS)
        before = len(waiting)
        outputs = layer(tf.convert_to_tensor(inputs), training=is_training)
        updates = waiting[before:]
        del waiting[before:]
        if updates_collections is None:
            with tf.control_dependencies(updates):
                outputs = tf.identity(outputs)
        else:
            for update in updates:
                v1.add_to_collections(updates_collections, update)
        for variable in layer.variables:
            kind = variable.op.name.rpartition("/")[2]
            extra = variables_collections
            extra = extra.get(kind) if isinstance(extra, dict) else extra
            v1.add_to_collections([v1.GraphKeys.MODEL_VARIABLES, *(extra or ())], variable)
        return activated(outputs, activation_fn, outputs_collections)


def layer_norm(
    inputs: Any,
    center: bool = True,
    scale: bool = True,
    activation_fn: Any = None,
    reuse: bool | None = None,
    variables_collections: Any = None,
    outputs_collections: Any = None,
    trainable: bool = True,
    begin_norm_axis: int = 1,
    begin_params_axis: int = -1,
    scope: Any = None,
) -> Any:
    """Normalise each example over its own values (Ba, Kiros and Hinton, https://arxiv.org/abs/1607.06450).

    Args:
        inputs: ``[batch, ...]``.
        center: Whether there is a beta.
        scale: Whether there is a gamma.
        activation_fn: Applied last.
        reuse: As for ``tf.compat.v1.variable_scope``.
        variables_collections: Collections for the variables: a list, or a dict of lists.
        outputs_collections: Collection for the outputs.
        trainable: Whether beta and gamma are trained.
        begin_norm_axis: The first axis that is normalised over; all after it are too.
        begin_params_axis: The first axis that beta and gamma have; all after it too.
        scope: Variable scope, "LayerNorm" by default.

    Raises:
        ValueError: An axis is out of range, or the size of beta and gamma is not known.
    """
    with v1.variable_scope(scope, "LayerNorm", [inputs], reuse=reuse):
        inputs = tf.convert_to_tensor(inputs)
        shape = inputs.shape.as_list()
        rank = len(shape)
        first = begin_norm_axis + rank if begin_norm_axis < 0 else begin_norm_axis
        if first >= rank or begin_params_axis >= rank:
            raise ValueError(f"begin_norm_axis and begin_params_axis must be below the rank, {rank}")
        params_shape = shape[begin_params_axis:]
        if None in params_shape:
            raise ValueError(f"Inputs {shape} do not say the size of axes {begin_params_axis} and after")
        dtype = inputs.dtype.base_dtype
        made = {
            name: model_variable(
                name,
                params_shape,
                variables_collections,
                dtype=dtype,
                initializer=initializer,
                trainable=trainable,
            )
            for name, wanted, initializer in (
                ("beta", center, v1.zeros_initializer()),
                ("gamma", scale, v1.ones_initializer()),
            )
            if wanted
        }
        mean, variance = tf.nn.moments(inputs, list(range(first, rank)), keepdims=True)
        # As TensorFlow 1.15: float16 cannot tell a smaller one from 0.
        epsilon = 1e-3 if dtype == tf.float16 else 1e-12
        outputs = tf.nn.batch_normalization(inputs, mean, variance, made.get("beta"), made.get("gamma"), epsilon)
        return activated(tf.ensure_shape(outputs, shape), activation_fn, outputs_collections)
