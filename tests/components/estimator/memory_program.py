"""Trains on the files of a folder and prints the peak of its own memory; a program for test_memory.py.

``python memory_program.py FOLDER``: ``rows/*`` are the files, ``code/wide`` is the problem; checkpoints go to
``model``.
"""

import sys
from pathlib import Path

import components.estimator.compat  # noqa: F401  before TensorFlow

import tensorflow as tf

from components.estimator.task import Task
from components.estimator.training import train_and_evaluate
from components.user_code import place
from pipeline.config.model import Training

FLOATS = 500
STEPS, BATCH = 800, 250
SPEC = {"x": tf.io.FixedLenFeature([FLOATS], tf.float32), "y": tf.io.FixedLenFeature([1], tf.float32)}

if __name__ == "__main__":
    root = Path(sys.argv[1])
    place.use_copy(root / "code", "wide", root / "code" / "wide")
    files = sorted(str(file) for file in (root / "rows").iterdir())
    settings = Training(train_steps=STEPS, batch_size=BATCH, eval_steps=10, shuffle_buffer=2_000)
    train_and_evaluate(Task("wide", "y", files, files, SPEC, settings, root / "model"))
    status = Path("/proc/self/status").read_text().splitlines()
    sys.stdout.write(next(line.split()[1] for line in status if line.startswith("VmHWM:")) + "\n")
