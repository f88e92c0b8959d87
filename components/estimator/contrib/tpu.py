"""``tf.contrib.tpu``, for code that runs a ``TPUEstimator`` with ``use_tpu=False``, on CPU or GPU.

See https://www.tensorflow.org/versions/r1.15/api_docs/python/tf/contrib/tpu. ``use_tpu=True`` is refused with a
reason. Export such an Estimator with ``TPUEstimator(..., export_to_tpu=False)``.
"""

import components.estimator.compat  # noqa: F401  before TensorFlow

import tensorflow as tf

from components.estimator.contrib.missing import attribute_error_of

_estimators = tf.compat.v1.estimator.tpu
_tpu = tf.compat.v1.tpu

InputPipelineConfig = _estimators.InputPipelineConfig
RunConfig = _estimators.RunConfig
TPUConfig = _estimators.TPUConfig
TPUEstimator = _estimators.TPUEstimator
TPUEstimatorSpec = _estimators.TPUEstimatorSpec
CrossShardOptimizer = _tpu.CrossShardOptimizer
batch_parallel = _tpu.batch_parallel
bfloat16_scope = _tpu.bfloat16_scope
cross_replica_sum = _tpu.cross_replica_sum
initialize_system = _tpu.initialize_system
outside_compilation = _tpu.outside_compilation
replicate = _tpu.replicate
rewrite = _tpu.rewrite
shard = _tpu.shard
shutdown_system = _tpu.shutdown_system

__all__ = [
    "CrossShardOptimizer",
    "InputPipelineConfig",
    "RunConfig",
    "TPUConfig",
    "TPUEstimator",
    "TPUEstimatorSpec",
    "batch_parallel",
    "bfloat16_scope",
    "cross_replica_sum",
    "initialize_system",
    "outside_compilation",
    "replicate",
    "rewrite",
    "shard",
    "shutdown_system",
]
__getattr__ = attribute_error_of(__name__)
