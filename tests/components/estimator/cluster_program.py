"""One process of a small training cluster, started by test_compat_cluster.py; the cluster is in TF_CONFIG.

Arguments: the kind of distribution and the model directory. Writes what it saw as a line of JSON to its output.
"""

import json
import sys
import time
from typing import Any

import components.estimator.compat  # noqa: F401  before TensorFlow

import tensorflow as tf  # isort: skip
from tensorflow.python.distribute import distribute_coordinator_context  # isort: skip

STEPS = 30


def strategy_of(kind: str) -> Any:
    """Return the strategy that a kind of distribution trains with, or None."""
    if kind == "mirrored_v2":
        return tf.distribute.MultiWorkerMirroredStrategy()
    if kind == "mirrored_v1":
        return tf.compat.v1.distribute.experimental.MultiWorkerMirroredStrategy()
    if kind == "parameter_server":
        return tf.compat.v1.distribute.experimental.ParameterServerStrategy()
    return None


def input_fn(input_context: Any = None) -> Any:
    """Return y = 2x - 1, a shard of its own for each worker that a strategy tells about the others."""
    context = distribute_coordinator_context.get_current_worker_context()
    if context is not None:
        seen["context"] = [context.task_type, context.task_id, context.num_workers]
    data = tf.data.Dataset.from_tensor_slices([[i / 64.0] for i in range(64)])
    if input_context is not None:
        seen["pipelines"] = input_context.num_input_pipelines
        data = data.shard(input_context.num_input_pipelines, input_context.input_pipeline_id)
    return data.map(lambda x: ({"x": x}, 2.0 * x - 1.0)).repeat().batch(8)


def model_fn(features: Any, labels: Any, mode: str) -> Any:
    """Fit a line."""
    predicted = tf.compat.v1.layers.dense(features["x"], 1, name="line")
    loss = tf.compat.v1.losses.mean_squared_error(labels, predicted, reduction="weighted_mean")
    optimizer = tf.compat.v1.train.GradientDescentOptimizer(0.1)
    train_op = optimizer.minimize(loss, tf.compat.v1.train.get_or_create_global_step())
    seen["replicas"] = tf.distribute.get_strategy().num_replicas_in_sync
    if mode == tf.estimator.ModeKeys.TRAIN:
        seen["device"] = tf.compat.v1.trainable_variables()[0].device
    return tf.estimator.EstimatorSpec(mode, loss=loss, train_op=train_op)


class LastWeights(tf.compat.v1.train.SessionRunHook):
    """Note the weights at the end, as this worker sees them."""

    def __init__(self, pause: float) -> None:
        self.pause = pause

    def begin(self) -> None:
        """Find the weights."""
        # Under a strategy the collection has a variable for each replica; the first is this worker's.
        self.weight = tf.compat.v1.global_variables("line/kernel")[0]

    def after_run(self, run_context: Any, run_values: Any) -> None:
        """Take it slowly, so that a worker that comes later still finds something to do."""
        time.sleep(self.pause)

    def end(self, session: Any) -> None:
        """Read them."""
        seen["weights"] = session.run(self.weight).tolist()


seen: dict[str, Any] = {}


def main(kind: str, model_dir: str) -> None:
    """Train, or evaluate, as the task that TF_CONFIG says."""
    strategy = strategy_of(kind)
    config = tf.estimator.RunConfig(
        model_dir=model_dir,
        train_distribute=strategy,
        save_checkpoints_steps=10,
        save_checkpoints_secs=None,
        experimental_max_worker_delay_secs=5,
        session_creation_timeout_secs=60,
        tf_random_seed=7,
    )
    seen.update(
        mode=getattr(config, "_distribute_coordinator_mode", None), chief=config.is_chief, task=config.task_type
    )
    seen["workers"] = config.num_worker_replicas
    estimator = tf.estimator.Estimator(model_fn, config=config)
    tf.estimator.train_and_evaluate(
        estimator,
        tf.estimator.TrainSpec(input_fn, max_steps=STEPS, hooks=[LastWeights(0.3 if kind == "plain" else 0.0)]),
        tf.estimator.EvalSpec(input_fn, steps=4, start_delay_secs=0, throttle_secs=1),
    )
    if config.task_type == "evaluator":
        seen["evaluated"] = int(estimator.get_variable_value("global_step"))
        seen["summaries"] = len(tf.io.gfile.listdir(estimator.eval_dir()))
    print("SEEN " + json.dumps(seen), flush=True)  # noqa: T201


if __name__ == "__main__":
    main(*sys.argv[1:])
