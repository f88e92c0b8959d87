"""``tf.contrib.estimator``: heads, early stopping, and what adds metrics and outputs to an Estimator from outside.

See https://www.tensorflow.org/versions/r1.15/api_docs/python/tf/contrib/estimator. The heads are those of
``tf.estimator``; they take optimizers of ``tf.compat.v1.train`` too, as the old ones did, and run the graph's update
ops with them.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import components.estimator.compat  # noqa: F401  before TensorFlow

import tensorflow as tf

from components.estimator.contrib.missing import attribute_error_of

v1 = tf.compat.v1

BaselineEstimator = v1.estimator.BaselineEstimator
DNNEstimator = v1.estimator.DNNEstimator
DNNLinearCombinedEstimator = v1.estimator.DNNLinearCombinedEstimator
LinearEstimator = v1.estimator.LinearEstimator
RNNClassifier = tf.estimator.experimental.RNNClassifier
RNNEstimator = tf.estimator.experimental.RNNEstimator
InMemoryEvaluatorHook = tf.estimator.experimental.InMemoryEvaluatorHook
add_metrics = tf.estimator.add_metrics
call_logit_fn = tf.estimator.experimental.call_logit_fn
dnn_logit_fn_builder = v1.estimator.experimental.dnn_logit_fn_builder
linear_logit_fn_builder = v1.estimator.experimental.linear_logit_fn_builder
make_early_stopping_hook = tf.estimator.experimental.make_early_stopping_hook
make_stop_at_checkpoint_step_hook = tf.estimator.experimental.make_stop_at_checkpoint_step_hook
stop_if_higher_hook = tf.estimator.experimental.stop_if_higher_hook
stop_if_lower_hook = tf.estimator.experimental.stop_if_lower_hook
stop_if_no_decrease_hook = tf.estimator.experimental.stop_if_no_decrease_hook
stop_if_no_increase_hook = tf.estimator.experimental.stop_if_no_increase_hook


class _TakesV1Optimizers:
    """Lets a head of ``tf.estimator`` be given an optimizer of ``tf.compat.v1.train``."""

    def create_estimator_spec(
        self, features: Any, mode: str, logits: Any, labels: Any = None, optimizer: Any = None, **kwargs: Any
    ) -> Any:
        """See ``tf.estimator.Head``."""
        if isinstance(optimizer, v1.train.Optimizer):
            given = optimizer

            def minimize(loss: Any) -> Any:
                step = v1.train.get_or_create_global_step()
                with tf.control_dependencies(v1.get_collection(v1.GraphKeys.UPDATE_OPS)):
                    return given.minimize(loss, global_step=step)

            kwargs["train_op_fn"], optimizer = minimize, None
        create: Callable[..., Any] = super().create_estimator_spec  # type: ignore[misc]
        return create(features, mode, logits, labels=labels, optimizer=optimizer, **kwargs)


_REDUCTIONS = {
    v1.losses.Reduction.SUM: tf.losses.Reduction.SUM,
    v1.losses.Reduction.SUM_OVER_BATCH_SIZE: tf.losses.Reduction.SUM_OVER_BATCH_SIZE,
    v1.losses.Reduction.MEAN: tf.losses.Reduction.SUM_OVER_BATCH_SIZE,
}


def _head_function(name: str, head: Any) -> Callable[..., Any]:
    adapted = type(head.__name__, (_TakesV1Optimizers, head), {"__doc__": head.__doc__})

    def make(*args: Any, **kwargs: Any) -> Any:
        reduction = kwargs.get("loss_reduction")
        if reduction in _REDUCTIONS:
            kwargs["loss_reduction"] = _REDUCTIONS[reduction]
        return adapted(*args, **kwargs)

    make.__name__ = make.__qualname__ = name
    make.__doc__ = f"Return a ``tf.estimator.{head.__name__}``; arguments as there, best by name."
    return make


binary_classification_head = _head_function("binary_classification_head", tf.estimator.BinaryClassHead)
logistic_regression_head = _head_function("logistic_regression_head", tf.estimator.LogisticRegressionHead)
multi_class_head = _head_function("multi_class_head", tf.estimator.MultiClassHead)
multi_head = _head_function("multi_head", tf.estimator.MultiHead)
multi_label_head = _head_function("multi_label_head", tf.estimator.MultiLabelHead)
poisson_regression_head = _head_function("poisson_regression_head", tf.estimator.PoissonRegressionHead)
regression_head = _head_function("regression_head", tf.estimator.RegressionHead)


def forward_features(
    estimator: Any, keys: str | Sequence[str] | None = None, sparse_default_values: Mapping[str, Any] | None = None
) -> Any:
    """Return an Estimator that hands features on into its predictions, so that answers can be joined to requests.

    Args:
        estimator: Any Estimator.
        keys: Which features; all where not given.
        sparse_default_values: For each sparse feature that is to become dense, what stands for a missing value.

    Returns:
        A new Estimator with the same ``model_dir``. Predictions have the features under their names, and so has the
        default Predict signature of an export.

    Raises:
        TypeError: A key is not a string, or predictions are not a dict.
        ValueError: In ``model_fn``: there is no such feature, or a prediction of that name.
    """
    wanted = [keys] if isinstance(keys, str) else None if keys is None else list(keys)
    if any(not isinstance(one, str) for one in wanted or ()):
        raise TypeError(f"keys must be strings, not {keys!r}")
    defaults = dict(sparse_default_values or {})
    inner = estimator.model_fn  # takes (features, labels, mode, config): params are bound

    def model_fn(features: Any, labels: Any, mode: str, config: Any) -> Any:
        spec = inner(features, labels, mode, config)
        if spec.predictions is None:
            return spec
        if not isinstance(spec.predictions, dict):
            raise TypeError(f"Predictions should be a dict to be added to, not {type(spec.predictions).__name__}")
        added = {}
        for key in sorted(features) if wanted is None else wanted:
            if key not in features:
                raise ValueError(f"There is no feature {key} to forward; there are: {', '.join(sorted(features))}")
            if key in spec.predictions:
                raise ValueError(f"{key} is a prediction already, which forwarding would overwrite")
            value = features[key]
            if isinstance(value, tf.SparseTensor) and key in defaults:
                value = tf.sparse.to_dense(value, default_value=defaults[key])
            if not tf.is_tensor(value) or isinstance(value, tf.SparseTensor):
                raise ValueError(f"Feature {key} should be a dense Tensor; see sparse_default_values")
            added[key] = value
        outputs = dict(spec.export_outputs or {})
        for name in ("predict", tf.saved_model.DEFAULT_SERVING_SIGNATURE_DEF_KEY):
            if isinstance(outputs.get(name), tf.estimator.export.PredictOutput):
                outputs[name] = tf.estimator.export.PredictOutput({**outputs[name].outputs, **added})
        return spec._replace(predictions={**spec.predictions, **added}, export_outputs=outputs or spec.export_outputs)

    return tf.estimator.Estimator(model_fn, model_dir=estimator.model_dir, config=estimator.config)


def clip_gradients_by_norm(optimizer: Any, clip_norm: float) -> Any:
    """Return an optimizer of ``tf.compat.v1.train`` that clips each gradient to ``clip_norm`` before it applies it."""

    class ClippingOptimizer(type(optimizer)):  # type: ignore[misc]
        def __init__(self) -> None:
            self.__dict__.update(optimizer.__dict__)

        def apply_gradients(self, grads_and_vars: Any, global_step: Any = None, name: str | None = None) -> Any:
            clipped = [
                (None if gradient is None else tf.clip_by_norm(gradient, clip_norm), variable)
                for gradient, variable in grads_and_vars
            ]
            return super().apply_gradients(clipped, global_step, name)

    return ClippingOptimizer()


__all__ = [
    "BaselineEstimator",
    "DNNEstimator",
    "DNNLinearCombinedEstimator",
    "InMemoryEvaluatorHook",
    "LinearEstimator",
    "RNNClassifier",
    "RNNEstimator",
    "add_metrics",
    "binary_classification_head",
    "call_logit_fn",
    "clip_gradients_by_norm",
    "dnn_logit_fn_builder",
    "forward_features",
    "linear_logit_fn_builder",
    "logistic_regression_head",
    "make_early_stopping_hook",
    "make_stop_at_checkpoint_step_hook",
    "multi_class_head",
    "multi_head",
    "multi_label_head",
    "poisson_regression_head",
    "regression_head",
    "stop_if_higher_hook",
    "stop_if_lower_hook",
    "stop_if_no_decrease_hook",
    "stop_if_no_increase_hook",
]
__getattr__ = attribute_error_of(__name__)
