"""Trains and evaluates an Estimator with ``train_and_evaluate``."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import components.estimator.compat  # noqa: F401  before TensorFlow

import tensorflow as tf

from components.estimator.checkpoints import checkpoint_hooks, recover
from components.estimator.inputs import input_fn
from components.estimator.models import create_estimator
from components.estimator.watching import ProgressHook
from components.progress import report
from components.user_code import place
from components.user_code.boundary import user_code
from pipeline.config.model import Training
from pipeline.errors import UserCodeError


@dataclass(frozen=True)
class Task:
    """What is trained on what.

    Attributes:
        problem: Name of the problem.
        label: Name of the label among the transformed features.
        train_files: gzip TFRecord files of transformed examples.
        eval_files: The same of the eval split.
        feature_spec: How to parse them.
        settings: The training settings.
        model_dir: Where checkpoints and summaries go; what is there already is continued.
    """

    problem: str
    label: str
    train_files: Sequence[str]
    eval_files: Sequence[str]
    feature_spec: dict[str, Any]
    settings: Training
    model_dir: Path


def train_and_evaluate(task: Task) -> tuple[Any, dict[str, float]]:
    """Train until ``train_steps`` and evaluate, as https://www.tensorflow.org/api_docs/python/tf/estimator describes.

    Returns:
        The Estimator, and its last evaluation's metrics by name.

    Raises:
        UserCodeError: If the problem's model fails, or its loss is not a number.
    """
    settings = task.settings
    start = recover(task.model_dir)
    if start >= settings.train_steps:
        report(note=f"continues from step {start:,}, the last one")
    # A training that goes on is to see other rows, and to drop other units, than the attempt before did first of all:
    # killed often enough, it would otherwise never see the rest of its data. An undisturbed one starts at 0.
    seed = settings.seed + start
    # tf_random_seed alone leaves the initializers of Keras and tf.layers to generators of their own. Seeds Python's,
    # numpy's and theirs, which last once anybody has seeded them: so for each way to bring a model.
    tf.keras.utils.set_random_seed(settings.seed % 2**32)
    config = tf.estimator.RunConfig(
        model_dir=str(task.model_dir),
        tf_random_seed=seed,
        save_checkpoints_steps=settings.save_checkpoints_steps or max(1, -(-settings.train_steps // 4)),
        keep_checkpoint_max=settings.keep_checkpoint_max,
        save_summary_steps=settings.save_summary_steps,
        log_step_count_steps=settings.log_step_count_steps,
    )

    def training_hooks(spec: Any) -> list[Any]:
        progress = ProgressHook(spec.loss, settings.train_steps, settings.batch_size)
        return [progress, *checkpoint_hooks(spec, estimator.config, start)]

    features = {name: one for name, one in task.feature_spec.items() if name != task.label}
    params = {"train_steps": settings.train_steps, **settings.params}
    estimator = create_estimator(task.problem, config, params, features, training_hooks)
    common: dict[str, Any] = {"feature_spec": task.feature_spec, "label": task.label}
    train_spec = tf.estimator.TrainSpec(
        input_fn(
            task.train_files,
            **common,
            batch_size=settings.batch_size,
            training=True,
            shuffle_buffer=settings.shuffle_buffer,
            seed=seed,
        ),
        max_steps=settings.train_steps,
    )
    eval_input = input_fn(task.eval_files, **common, batch_size=settings.eval_batch_size, training=False)
    eval_spec = tf.estimator.EvalSpec(
        eval_input,
        steps=settings.eval_steps,
        start_delay_secs=settings.start_delay_secs,
        throttle_secs=settings.throttle_secs,
    )
    with user_code(task.problem, "training the model", "model"):
        try:
            metrics = None
            # The Estimator would look for itself, but not find the step in the checkpoint of a converted Keras model,
            # and train one more.
            if start < settings.train_steps:
                metrics, _ = tf.estimator.train_and_evaluate(estimator, train_spec, eval_spec)
            if metrics is None:  # the last checkpoint was there already: a killed attempt had come this far
                metrics = estimator.evaluate(eval_input, steps=settings.eval_steps)
        except tf.estimator.NanLossDuringTrainingError:
            raise UserCodeError(
                f"The loss of {task.problem} became NaN while training",
                where=str(place.original(place.folder(task.problem) / "model.py")),
                hint="lower the learning rate, clip gradients, or look for a logarithm or a division at zero",
            ) from None
    return estimator, {name: float(value) for name, value in (metrics or {}).items()}
