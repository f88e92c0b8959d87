"""Five ways to train the house-price network on the same rows; each turn of bench.training is a process of this.

- ``ours``: what the Trainer node calls, deterministic as it is by default.
- ``unwatched``: the same without summaries of ours and the curve, for bench.watching.
- ``cluster``: the same, in a cluster of our own with as many workers as are given; for bench.cluster.
- ``bare``: the same ``model_fn`` in a script as https://www.tensorflow.org/guide/estimator has it, with an ``input_fn``
  as https://www.tensorflow.org/guide/data_performance has it.
- ``keras``: the same layers, loss, optimiser, batches and rows under Keras 2 ``fit``.

Prints one JSON object: ``import`` and ``total`` in seconds, ``cpu``, the CPU seconds of the total, and ``marks``, pairs
of step and time.
"""

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

BEGAN = time.perf_counter()

import components.estimator.compat  # noqa: E402, F401  before TensorFlow

import tensorflow as tf  # noqa: E402
import tensorflow_transform as tft  # noqa: E402

from components import progress  # noqa: E402
from components.estimator import training  # noqa: E402
from components.estimator.distributed import train_anywhere  # noqa: E402
from components.estimator.task import Task  # noqa: E402
from components.estimator.training import train_and_evaluate  # noqa: E402
from pipeline.config import read_problem  # noqa: E402
from pipeline.config.model import DEFAULT_TRAIN_STEPS, Cluster, Training  # noqa: E402
from pipeline.problems.housing import features as f  # noqa: E402
from pipeline.problems.housing import model  # noqa: E402

HOUSING = Path(model.__file__).parent
LABEL = f.LABEL
EPOCH = 500  # steps between two marks under Keras


def ours(data: dict[str, Any], spec: dict[str, Any], settings: Training, folder: Path) -> list[tuple[int, float]]:
    """Train as the Trainer node does, progress reports included."""
    os.environ[progress.VARIABLE] = str(folder.with_suffix(".jsonl"))
    if settings.deterministic:
        tf.config.experimental.enable_op_determinism()
    train_and_evaluate(Task("housing", LABEL, data["train"], data["eval"], spec, settings, folder))
    return _marks(folder)


def unwatched(data: dict[str, Any], spec: dict[str, Any], settings: Training, folder: Path) -> list[tuple[int, float]]:
    """Train as ``ours``, without the summaries and the curve that every training has."""
    setattr(training, "SummaryHook", lambda *_: tf.estimator.SessionRunHook())  # noqa: B010  of another type
    return ours(data, spec, settings, folder)


def cluster(data: dict[str, Any], spec: dict[str, Any], settings: Training, folder: Path) -> list[tuple[int, float]]:
    """Train as the Trainer node does where ``training.cluster`` is set."""
    os.environ[progress.VARIABLE] = str(folder.with_suffix(".jsonl"))
    if settings.deterministic:
        tf.config.experimental.enable_op_determinism()
    settings = settings.model_copy(update={"cluster": Cluster(workers=data["workers"])})
    train_anywhere(Task("housing", LABEL, data["train"], data["eval"], spec, settings, folder))
    return _marks(folder)


def bare(data: dict[str, Any], spec: dict[str, Any], settings: Training, folder: Path) -> list[tuple[int, float]]:
    """Train by the Estimator API alone."""

    def input_fn(files: list[str], training: bool) -> Any:
        return _dataset(files, spec, settings, training)

    config = tf.estimator.RunConfig(
        model_dir=str(folder),
        tf_random_seed=settings.seed,
        save_checkpoints_steps=settings.save_checkpoints_steps,
        save_summary_steps=settings.save_summary_steps,
    )
    params = {"train_steps": settings.train_steps, **settings.params}
    estimator = tf.estimator.Estimator(model.model_fn, config=config, params=params)
    tf.estimator.train_and_evaluate(
        estimator,
        tf.estimator.TrainSpec(lambda: input_fn(data["train"], True), max_steps=settings.train_steps),
        tf.estimator.EvalSpec(
            lambda: input_fn(data["eval"], False),
            steps=None,
            start_delay_secs=0,
            throttle_secs=settings.evaluation_throttle_secs,
        ),
    )
    return _marks(folder)


def keras(data: dict[str, Any], spec: dict[str, Any], settings: Training, folder: Path) -> list[tuple[int, float]]:
    """Train with ``fit``, which gets no callback for a batch, and saves as often as the others do."""
    steps = settings.train_steps or DEFAULT_TRAIN_STEPS
    every = settings.save_checkpoints_steps or steps
    marks: list[tuple[int, float]] = []

    def mark(epoch: int, logs: Any) -> None:
        del logs
        step = (epoch + 1) * EPOCH
        marks.append((step, time.time()))
        if step % every == 0:
            saved.save(str(folder / "model"))

    network = Network(settings.params)
    rate = tf.keras.optimizers.schedules.CosineDecay(settings.params["learning_rate"], steps, alpha=0.01)
    optimizer = tf.keras.optimizers.Adam(rate, global_clipnorm=5.0)
    network.compile(optimizer, loss=loss)
    saved = tf.train.Checkpoint(model=network, optimizer=optimizer)
    network.fit(
        _dataset(data["train"], spec, settings, True),
        steps_per_epoch=EPOCH,
        epochs=steps // EPOCH,
        verbose=0,
        callbacks=[tf.keras.callbacks.LambdaCallback(on_epoch_end=mark)],
    )
    network.evaluate(_dataset(data["eval"], spec, settings, False), verbose=0)
    return marks


class Network(tf.keras.Model):
    """``pipeline.problems.housing.model.network`` as Keras has it; returns location and width, ``[batch, 2]``."""

    def __init__(self, params: dict[str, Any]) -> None:
        super().__init__()
        self.waves = tf.constant([2.0**k for k in range(params["frequencies"])])
        self.cells = tf.keras.layers.Embedding(f.GRID * f.GRID, params["embedding_size"])
        self.classes = tf.keras.layers.Embedding(f.UNSEEN + 1, 4)
        self.dense = [tf.keras.layers.Dense(units, activation="relu") for units in params["hidden_units"]]
        self.dropout = [tf.keras.layers.Dropout(params["dropout"]) for _ in self.dense]
        self.location = tf.keras.layers.Dense(1)
        self.width = tf.keras.layers.Dense(1)

    def call(self, features: dict[str, Any], training: bool = False) -> Any:
        """Compute ``[batch, 2]``."""
        numbers = tf.reshape(features[f.NUMBERS], [-1, f.NUMBERS_SIZE])
        cell, nearness = (tf.reshape(features[name], [-1]) for name in (f.CELL, f.NEARNESS))
        if training:
            hidden = tf.random.uniform(tf.shape(nearness)) < 0.01
            nearness = tf.where(hidden, tf.constant(f.UNSEEN, nearness.dtype), nearness)
        place = tf.reshape(numbers[:, :2, tf.newaxis] * self.waves, [-1, 2 * len(self.waves)])
        parts = [tf.clip_by_value(numbers, -5.0, 5.0), tf.sin(place), tf.cos(place)]
        net = tf.concat([*parts, self.cells(cell), self.classes(nearness)], axis=1)
        for dense, dropout in zip(self.dense, self.dropout, strict=True):
            net = dropout(dense(net), training=training)
        location = model.START + self.location(net)
        return tf.concat([location, 0.02 + tf.nn.softplus(self.width(net) - 1.5)], axis=1)


def loss(prices: Any, outputs: Any) -> Any:
    """The problem's own loss."""
    prices = tf.reshape(tf.cast(prices, tf.float32), [-1, 1])
    return tf.reduce_mean(model.negative_log_likelihood(prices, outputs[:, :1], outputs[:, 1:]))


def _dataset(files: list[str], spec: dict[str, Any], settings: Training, training: bool) -> Any:
    def parse(serialized: Any) -> tuple[dict[str, Any], Any]:
        features = tf.io.parse_example(serialized, spec)
        return features, features.pop(LABEL)

    dataset = tf.data.TFRecordDataset(files, compression_type="GZIP", num_parallel_reads=tf.data.AUTOTUNE)
    if training:
        dataset = dataset.shuffle(settings.shuffle_buffer).repeat()
    dataset = dataset.batch(settings.batch_size if training else settings.eval_batch_size)
    return dataset.map(parse, num_parallel_calls=tf.data.AUTOTUNE).prefetch(tf.data.AUTOTUNE)


def _marks(folder: Path) -> list[tuple[int, float]]:
    """Step and time of each report of the Estimator's own step counter."""
    marks = []
    for file in sorted(folder.glob("events.out.tfevents.*")):
        for event in tf.compat.v1.train.summary_iterator(str(file)):
            if any(value.tag == "global_step/sec" for value in event.summary.value):
                marks.append((event.step, event.wall_time))
    return marks


def main() -> None:
    """Train one side, and print its times."""
    side, given, folder = sys.argv[1], json.loads(sys.argv[2]), Path(sys.argv[3])
    problem = read_problem(HOUSING).settings.training
    steps = given["steps"]
    changed = {"train_steps": steps, "save_checkpoints_steps": steps // 4, **given.get("training", {})}
    settings = problem.model_copy(update=changed)
    spec = tft.TFTransformOutput(given["transform"]).transformed_feature_spec()
    imported, cpu = time.perf_counter(), time.process_time()
    sides = {"ours": ours, "unwatched": unwatched, "cluster": cluster, "bare": bare, "keras": keras}
    marks = sides[side](given, spec, settings, folder)
    done = time.perf_counter()
    times = {"import": imported - BEGAN, "total": done - imported, "cpu": time.process_time() - cpu}
    print(json.dumps({**times, "marks": marks}))


if __name__ == "__main__":
    main()
