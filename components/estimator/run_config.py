"""The Estimator's ``RunConfig``, and the seeds, as the settings have them.

https://www.tensorflow.org/versions/r2.15/api_docs/python/tf/estimator/RunConfig
"""

from typing import Any

import components.estimator.compat  # noqa: F401  before TensorFlow

import tensorflow as tf

from components.cluster.roles import Part
from components.estimator.mirroring import mirrored
from components.estimator.task import Task
from components.trainer.record import TrainingRecord
from pipeline.config.model import Training

_PLATFORM_SECS = 1800  # what a platform may take to start the other processes
_SEEDS_APART = 1_000_003


def run_config(
    task: Task, record: TrainingRecord, began_at: int, part: Part | None = None, folder: str | None = None
) -> Any:
    """Return the ``RunConfig`` of one process.

    Args:
        task: What is trained.
        record: What is planned of it.
        began_at: The step of the checkpoint that training goes on from.
        part: The part of this process, if it is one of a cluster.
        folder: The ``model_dir``, if that is not the training's.
    """
    settings = task.settings
    more: dict[str, Any] = {}
    if part is not None:
        # Workers come when they can: the Estimator would let each wait 5 s longer than the one before.
        more = {"experimental_max_worker_delay_secs": 0, "session_creation_timeout_secs": timeout_secs(settings)}
    elif settings.distribute == "mirrored":
        more = mirrored()
    number = part.role.index + 1 if part is not None and part.role.kind == "worker" else 0
    if settings.save_checkpoints_secs is not None:
        when = {"save_checkpoints_secs": settings.save_checkpoints_secs}
    else:
        when = {"save_checkpoints_steps": settings.save_checkpoints_steps or max(1, -(-record.train_steps // 4))}
    return tf.estimator.RunConfig(
        model_dir=folder or str(task.model_dir),
        # A training that goes on is to drop other units than it did first of all, and a worker others than the next.
        # Rows are shuffled by a seed apart.
        tf_random_seed=settings.seed + began_at + _SEEDS_APART * number,
        keep_checkpoint_max=settings.keep_checkpoint_max,
        save_summary_steps=settings.save_summary_steps,
        log_step_count_steps=settings.log_step_count_steps,
        **when,
        **more,
    )


def timeout_secs(settings: Training) -> int:
    """Return the seconds that the processes of a cluster may take to find each other."""
    return settings.cluster.timeout_secs if settings.cluster else _PLATFORM_SECS


def set_seeds(settings: Training) -> None:
    """Seed Python's, numpy's and TensorFlow's generators, and with them the initializers of Keras and ``tf.layers``."""
    tf.keras.utils.set_random_seed(settings.seed % 2**32)
