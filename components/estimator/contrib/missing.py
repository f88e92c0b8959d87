"""What is said of a name of ``tf.contrib`` that is not here: what to write in its place."""

import difflib
import sys
from collections.abc import Callable, Iterable
from typing import Any

PACKAGE = "components.estimator.contrib"
_PAGE = "docs/bringing-your-estimator.md has the table"

REPLACEMENTS = {
    "all_reduce": "use tf.distribute.CrossDeviceOps",
    "autograph": "use tf.autograph",
    "batching": "use tf.nondifferentiable_batch_function",
    "bayesflow": "use the package tensorflow-probability",
    "boosted_trees": "use the package tensorflow-decision-forests; Estimators of boosted trees are gone",
    "checkpoint": "use tf.train.Checkpoint",
    "cloud": "read gs:// paths with the package tensorflow-io",
    "cluster_resolver": "use tf.distribute.cluster_resolver",
    "coder": "use the package tensorflow-compression",
    "compiler": "use tf.function(jit_compile=True)",
    "constrained_optimization": "use the package tensorflow-constrained-optimization",
    "copy_graph": "use tf.compat.v1.import_graph_def(graph.as_graph_def())",
    "cudnn_rnn": "use tf.keras.layers.LSTM or GRU, which take cuDNN where they can",
    "deprecated": "use tf.compat.v1.summary",
    "distribute": "use tf.distribute",
    "distributions": "use tf.compat.v1.distributions or the package tensorflow-probability",
    "eager": "use tf.Variable, tf.GradientTape and tf.compat.v1.enable_eager_execution",
    "factorization": "use tf.compat.v1.estimator.experimental.KMeans; WALS and GMM are gone",
    "feature_column": "use tf.feature_column.sequence_* and tf.keras.experimental.SequenceFeatures",
    "ffmpeg": "use tf.audio.decode_wav",
    "gan": "use the package tensorflow-gan",
    "graph_editor": "edit the GraphDef instead: graph.as_graph_def() and tf.compat.v1.import_graph_def",
    "grid_rnn": "write the cell on tf.compat.v1.nn.rnn_cell.RNNCell",
    "hadoop": "use the package tensorflow-io",
    "image": "use tf.image, tf.keras.layers.RandomRotation or tf.raw_ops.ImageProjectiveTransformV3",
    "input_pipeline": "use tf.data",
    "integrate": "use tfp.math.ode of the package tensorflow-probability",
    "keras": "use tf.keras",
    "kernel_methods": "use tf.keras.layers.experimental.RandomFourierFeatures",
    "kfac": "use tf.compat.v1.train.AdamOptimizer; KFAC is gone",
    "labeled_tensor": "use plain tensors",
    "learn": "use tf.estimator.Estimator, RunConfig, TrainSpec and train_and_evaluate; in a problem folder only the"
    " model_fn is needed",
    "legacy_seq2seq": "use tf.compat.v1.nn.dynamic_rnn and an attention layer of tf.keras.layers",
    "linear_optimizer": "use tf.estimator.experimental.LinearSDCA",
    "lite": "use tf.lite",
    "losses": "use tf.compat.v1.losses",
    "memory_stats": "use tf.config.experimental.get_memory_info",
    "meta_graph_transform": "use tf.compat.v1.saved_model",
    "mixed_precision": "use tf.keras.mixed_precision",
    "model_pruning": "use the package tensorflow-model-optimization",
    "nccl": "use tf.distribute.NcclAllReduce",
    "nn": "use tf.nn and tf.compat.v1.nn",
    "opt": "use tf.compat.v1.train.*Optimizer, or tf.keras.optimizers.legacy with decay",
    "periodic_resample": "use tf.reshape and tf.gather",
    "proto": "use tf.io.decode_proto",
    "quantize": "use the package tensorflow-model-optimization",
    "receptive_field": "use the package receptive-field",
    "recurrent": "use tf.compat.v1.nn.dynamic_rnn",
    "reduce_slice_ops": "use tf.math.segment_sum",
    "resampler": "use tf.raw_ops.ImageProjectiveTransformV3",
    "rpc": "call the service outside the graph",
    "saved_model": "use tf.saved_model and Estimator.export_saved_model",
    "seq2seq": "use tf.compat.v1.nn.dynamic_rnn with teacher forcing, or tf.keras.layers.Attention",
    "session_bundle": "use tf.saved_model",
    "signal": "use tf.signal",
    "slim": "install the package tf-slim (import tf_slim as slim), or use tf.contrib.layers.fully_connected, batch_norm"
    " and layer_norm of this package",
    "solvers": "use tf.linalg.experimental.conjugate_gradient",
    "sparsemax": "write it with tf.sort and tf.cumsum",
    "specs": "use tf.keras.Sequential",
    "staging": "use tf.raw_ops.Stage or Dataset.prefetch",
    "stat_summarizer": "use tf.profiler",
    "stateless": "use tf.random.stateless_*",
    "summary": "use tf.compat.v1.summary",
    "tensor_forest": "use the package tensorflow-decision-forests",
    "tensorboard": "use the package tensorboard",
    "tensorrt": "use tf.experimental.tensorrt",
    "tfprof": "use tf.compat.v1.profiler",
    "timeseries": "write the series as a window of features, as the problem `sine` does",
    "tpu": "use tf.compat.v1.estimator.tpu",
    "util": "use tf.make_tensor_proto and tf.make_ndarray",
    "data": "use tf.data and tf.data.experimental",
    "data.Counter": "use tf.data.Dataset.counter",
    "data.sliding_window_batch": "use Dataset.window and flat_map",
    "data.LMDBDataset": "use the package tensorflow-io",
    "data.assert_element_shape": "use Dataset.map with tf.ensure_shape",
    "estimator": "use tf.estimator",
    "estimator.EarlyStopping": "use stop_if_no_decrease_hook",
    "estimator.boosted_trees_classifier_train_in_memory": "use the package tensorflow-decision-forests",
    "estimator.export_all_saved_models": "use Estimator.export_saved_model",
    "estimator.export_saved_model_for_mode": "use Estimator.experimental_export_all_saved_models",
    "estimator.read_eval_metrics": "use tensorflow_estimator.python.estimator.early_stopping.read_eval_metrics",
    "estimator.replicate_model_fn": "give RunConfig(train_distribute=tf.distribute.MirroredStrategy())",
    "estimator.TowerOptimizer": "give RunConfig(train_distribute=tf.distribute.MirroredStrategy())",
    "framework": "use tf.compat.v1 and tf.train",
    "framework.arg_scope": "pass the arguments to each layer (functools.partial), or use tf_slim.arg_scope",
    "framework.add_arg_scope": "pass the arguments to each layer (functools.partial), or use tf_slim.add_arg_scope",
    "framework.assert_same_float_dtype": "use tf.debugging.assert_same_float_dtype",
    "framework.assert_scalar": "use tf.debugging.assert_scalar",
    "framework.assign_from_checkpoint": "use tf.compat.v1.train.init_from_checkpoint, or RunConfig's warm start",
    "framework.assign_from_checkpoint_fn": "use tf.compat.v1.train.init_from_checkpoint, or a Scaffold's init_fn",
    "framework.deprecated": "use warnings.warn",
    "framework.is_tensor": "use tf.is_tensor",
    "framework.local_variable": "use tf.compat.v1.get_variable(collections=[tf.compat.v1.GraphKeys.LOCAL_VARIABLES])",
    "framework.model_variable": "use tf.compat.v1.get_variable",
    "framework.variable": "use tf.compat.v1.get_variable",
    "framework.with_shape": "use tf.ensure_shape",
    "framework.zero_initializer": "use tf.zeros_initializer",
    "layers": "use tf.compat.v1.layers, tf.keras.layers or the package tf-slim (tf_slim.layers)",
    "layers.avg_pool2d": "use tf.compat.v1.layers.average_pooling2d",
    "layers.bias_add": "use tf.nn.bias_add",
    "layers.bow_encoder": "use embed_sequence and tf.reduce_mean",
    "layers.conv2d": "use tf.compat.v1.layers.conv2d (its activation is none by default, not relu; its variables are"
    " kernel and bias)",
    "layers.conv2d_transpose": "use tf.compat.v1.layers.conv2d_transpose",
    "layers.convolution": "use tf.compat.v1.layers.conv2d",
    "layers.convolution2d": "use tf.compat.v1.layers.conv2d",
    "layers.embedding_lookup_unique": "use embed_sequence(unique=True)",
    "layers.group_norm": "use tf.keras.layers.GroupNormalization",
    "layers.instance_norm": "use tf.keras.layers.GroupNormalization(groups=-1)",
    "layers.legacy_fully_connected": "use fully_connected",
    "layers.max_pool2d": "use tf.compat.v1.layers.max_pooling2d",
    "layers.one_hot_encoding": "use tf.one_hot",
    "layers.repeat": "use a for loop over tf.compat.v1.layers",
    "layers.separable_conv2d": "use tf.compat.v1.layers.separable_conv2d",
    "layers.shared_embedding_columns": "use tf.feature_column.shared_embeddings",
    "layers.softmax": "use tf.nn.softmax",
    "layers.summarize_activation": "use tf.compat.v1.summary.histogram",
    "layers.summarize_tensor": "use tf.compat.v1.summary.histogram or scalar",
    "layers.unit_norm": "use tf.nn.l2_normalize",
    "lookup": "use tf.lookup and tf.compat.v1.lookup",
    "metrics": "use tf.compat.v1.metrics",
    "metrics.accuracy": "use tf.reduce_mean(tf.cast(tf.equal(predictions, labels), tf.float32))",
    "metrics.confusion_matrix": "use tf.math.confusion_matrix",
    "metrics.cohen_kappa": "compute it from tf.math.confusion_matrix",
    "metrics.set_intersection": "use tf.sets.intersection",
    "metrics.streaming_concat": "return the values as predictions and concatenate them outside",
    "metrics.streaming_covariance": "compute it from streaming_mean of x, y and x * y",
    "metrics.streaming_pearson_correlation": "compute it from streaming_mean of x, y, x * x, y * y and x * y",
    "predictor": "use tf.saved_model.load",
    "predictor.from_contrib_estimator": "use from_estimator",
    "rnn": "use tf.compat.v1.nn.rnn_cell or tf.keras.layers",
    "rnn.AttentionCellWrapper": "use tf.keras.layers.Attention over the outputs",
    "rnn.ConvLSTMCell": "use tf.keras.layers.ConvLSTM2D",
    "rnn.CoupledInputForgetGateLSTMCell": "use LSTMCell",
    "rnn.FusedRNNCellAdaptor": "use tf.compat.v1.nn.dynamic_rnn with LSTMCell",
    "rnn.GRUBlockCell": "use GRUCell",
    "rnn.GRUBlockCellV2": "use GRUCell",
    "rnn.GridLSTMCell": "use LSTMCell",
    "rnn.InputProjectionWrapper": "use tf.compat.v1.layers.dense before the cell",
    "rnn.LSTMBlockCell": "use LSTMCell (or BasicLSTMCell, whose equations it has)",
    "rnn.LSTMBlockFusedCell": "use tf.compat.v1.nn.dynamic_rnn with BasicLSTMCell and time_major=True",
    "rnn.LayerNormBasicLSTMCell": "use BasicLSTMCell, and layer_norm on its outputs",
    "rnn.OutputProjectionWrapper": "use tf.compat.v1.layers.dense after the cell",
    "rnn.TimeReversedFusedRNN": "use tf.compat.v1.nn.bidirectional_dynamic_rnn",
    "rnn.transpose_batch_time": "use tf.transpose(x, [1, 0, 2])",
    "tpu.TPUDistributionStrategy": "use tf.distribute.TPUStrategy",
    "tpu.keras_to_tpu_model": "use tf.distribute.TPUStrategy",
    "training": "use tf.compat.v1.train and tf.data",
    "training.add_gradients_summaries": "use tf.contrib.layers.optimize_loss(summaries=['gradients'])",
    "training.batch_sequences_with_states": "use tf.data.experimental.bucket_by_sequence_length",
    "training.bucket_by_sequence_length": "use tf.data.experimental.bucket_by_sequence_length",
    "training.clip_gradient_norms": "use tf.clip_by_global_norm",
    "training.create_train_op": "use tf.contrib.layers.optimize_loss",
    "training.evaluate_once": "use Estimator.evaluate",
    "training.evaluate_repeatedly": "use tf.estimator.train_and_evaluate",
    "training.stratified_sample": "use Dataset.rejection_resample",
    "training.train": "use tf.estimator.train_and_evaluate",
}
"""From a name below ``tf.contrib`` to what to do. A namespace's own entry stands in for names that have none."""


class MissingNameError(AttributeError):
    """A name of ``tf.contrib`` is not here; the message names what replaces it."""


class MissingModuleError(ImportError):
    """A module of ``tf.contrib`` is not here; the message names what replaces it."""


def explain(name: str, available: Iterable[str]) -> str:
    """Say that ``tf.contrib.<name>`` is not here, and what to do.

    Args:
        name: The dotted name below ``tf.contrib``.
        available: The names that are there instead, without the namespace.
    """
    space, _, leaf = name.rpartition(".")
    names = sorted(available)
    near = difflib.get_close_matches(leaf, names, n=1, cutoff=0.7) or [one for one in names if leaf in one]
    if name in REPLACEMENTS:
        advice = REPLACEMENTS[name]
    elif leaf == "python":  # tensorflow.contrib.layers.python.layers.optimizers, say: never a public name
        advice = f"import the public name: from tensorflow.contrib import {space.partition('.')[0]}"
    elif near:
        advice = f"did you mean tf.contrib.{space + '.' if space else ''}{near[0]}?"
    else:
        while space and space not in REPLACEMENTS:
            space = space.rpartition(".")[0]
        advice = REPLACEMENTS.get(space, "TensorFlow 2.0 dropped it")
    return f"tf.contrib.{name} is not in {PACKAGE}: {advice} ({_PAGE})"


def public_names(module: str) -> list[str]:
    """Return the public names of a module that has been imported."""
    return list(getattr(sys.modules.get(module), "__all__", ()))


def attribute_error_of(module: str) -> Callable[[str], Any]:
    """Make the ``__getattr__`` of one module of this package.

    Args:
        module: Its ``__name__``.
    """

    def missing_attribute(name: str) -> Any:
        if name.startswith("__"):  # the import system asks for these, and takes no for an answer
            raise AttributeError(f"module {module!r} has no attribute {name!r}")
        below = f"{module}.{name}".removeprefix(f"{PACKAGE}.")
        raise MissingNameError(explain(below, public_names(module)), name=name, obj=sys.modules.get(module))

    return missing_attribute
