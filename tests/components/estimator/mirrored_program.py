"""Trains on two devices of one process, the CPU taken twice in place of GPUs; see test_mirroring.py."""

import json
import sys
from pathlib import Path
from typing import Any

import components.estimator.compat  # noqa: F401  before TensorFlow

import tensorflow as tf

from components.estimator import mirroring
from components.trainer.record import read_record
from tests.components.cluster.training_program import task_of


def two_cpus() -> list[str]:
    """Take the place of :func:`components.estimator.mirroring.devices`."""
    return ["/cpu:0", "/cpu:1"]


if __name__ == "__main__":
    mirroring.devices = two_cpus
    made: Any = tf.estimator.RunConfig
    tf.estimator.RunConfig = lambda **given: made(
        session_config=tf.compat.v1.ConfigProto(device_count={"CPU": 2}, allow_soft_placement=True), **given
    )
    from components.estimator.distributed import train_anywhere

    task = task_of(Path(sys.argv[1]), sys.argv[2])
    told = [(train_anywhere(task) or ({}, {}))[1] for _ in range(2)]  # the second time it goes on, from the last step
    record = read_record(task.model_dir)
    print(json.dumps({"metrics": told, "steps": record and record.steps}), flush=True)  # noqa: T201
