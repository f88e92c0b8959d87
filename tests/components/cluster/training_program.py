"""Trains a small model as the Trainer does, in whatever cluster its settings or TF_CONFIG say; see clusters.py.

Arguments: a folder, which holds the copy ``code/lines`` of a problem, and the settings as JSON. Prints what came of it
as a line of JSON.
"""

import json
import sys
from pathlib import Path

import components.estimator.compat  # noqa: F401  before TensorFlow

import tensorflow as tf

from components.estimator.distributed import train_anywhere
from components.estimator.task import Task
from components.estimator.training import exported_checkpoint
from components.trainer.record import read_record
from components.user_code import place
from pipeline.config.model import Training
from pipeline.errors import PipelineError

SPEC = {"x": tf.io.FixedLenFeature([2], tf.float32), "y": tf.io.FixedLenFeature([1], tf.float32)}


def task_of(folder: Path, settings: str) -> Task:
    """Return what is trained."""
    place.use_copy(folder / "code", "lines", folder / "code" / "lines")
    rows = sorted(str(file) for file in (folder / "rows").iterdir())
    values = {name: value for name, value in json.loads(settings).items() if name != "fresh"}
    command = [sys.executable, "-W", "ignore", str(Path(__file__).with_name("fresh_program.py")), str(folder), settings]
    training = Training.model_validate(values)
    return Task("lines", "y", rows, rows, SPEC, training, folder / "model", command=command)


def main(folder: Path, settings: str) -> int:
    """Train; return the exit code."""
    task = task_of(folder, settings)
    if json.loads(settings).get("fresh"):
        tf.constant(1)  # from now on this process cannot be forked
    try:
        done = train_anywhere(task)
    except PipelineError as error:
        print(json.dumps({"error": error.as_json()}), flush=True)  # noqa: T201
        return error.exit_code
    record = read_record(task.model_dir)
    told = {
        "metrics": done and done[1],
        "record": record and record.as_json(),
        "exported": exported_checkpoint(task),
    }
    print(json.dumps(told), flush=True)  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2]))
