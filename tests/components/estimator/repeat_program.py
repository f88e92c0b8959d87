"""Trains shipped problems on made-up features, and prints what their weights hash to; see test_reproducible."""

import hashlib
import json
import sys
from pathlib import Path
from typing import Any

import components.estimator.compat  # noqa: F401  before TensorFlow

import numpy as np
import tensorflow as tf

from components.estimator.task import Task
from components.estimator.training import train_and_evaluate
from pipeline.config import read_problem
from pipeline.config.model import Training

ROOT = Path(__file__).parents[3]
STEPS = 60
_HOUSING = {
    "numbers": ((11,), tf.float32, 0),
    "cell": ((), tf.int64, 100),
    "nearness": ((), tf.int64, 5),
    "median_house_value": ((1,), tf.float32, 0),
}
_PENGUIN: dict[str, Any] = {
    **dict.fromkeys(("culmen_length_mm", "culmen_depth_mm", "flipper_length_mm", "body_mass_g"), ((1,), tf.float32, 0)),
    "species": ((1,), tf.int64, 3),
}
FEATURES: dict[str, dict[str, Any]] = {"housing": _HOUSING, "housing_canned": _HOUSING, "penguin": _PENGUIN}


def write_rows(file: Path, problem: str, rows: int) -> None:
    """Write rows of random features, of the shapes that the problem's transform makes."""
    random = np.random.default_rng(1)
    with tf.io.TFRecordWriter(str(file), "GZIP") as writer:
        for _ in range(rows):
            features = {}
            for name, (shape, dtype, below) in FEATURES[problem].items():
                size = shape[0] if shape else 1
                if dtype == tf.int64:
                    values = random.integers(0, below, size)
                    features[name] = tf.train.Feature(int64_list=tf.train.Int64List(value=values))
                else:
                    numbers = np.abs(random.normal(size=size)) * (2e5 if name == "median_house_value" else 1.0)
                    features[name] = tf.train.Feature(float_list=tf.train.FloatList(value=numbers))
            writer.write(tf.train.Example(features=tf.train.Features(feature=features)).SerializeToString())


def weights(model_dir: Path) -> str:
    """Hash all variables of the last checkpoint, optimizers' and all."""
    reader = tf.train.load_checkpoint(str(model_dir))
    digest = hashlib.sha256()
    for name in sorted(reader.get_variable_to_shape_map()):
        value = np.asarray(reader.get_tensor(name))
        if value.dtype.kind not in "OS":  # the description of Keras' objects is not a weight
            digest.update(name.encode() + value.tobytes())
    return digest.hexdigest()[:16]


def train(problem: str, files: list[str], model_dir: Path, *until: int, seed: int = 5) -> str:
    """Train in as many attempts as there are steps to train until; the model always believes in the last of them."""
    settings = read_problem(ROOT / "pipeline" / "problems" / problem).settings
    spec = {name: tf.io.FixedLenFeature(shape, dtype) for name, (shape, dtype, _) in FEATURES[problem].items()}
    for steps in until:
        training = Training.model_validate(
            {
                "train_steps": steps,
                "batch_size": 64,
                "shuffle_buffer": 300,
                "seed": seed,
                "params": {**settings.training.params, "train_steps": until[-1]},
            }
        )
        train_and_evaluate(Task(problem, settings.label, files, files, spec, training, model_dir))
    return weights(model_dir)


if __name__ == "__main__":
    tf.config.experimental.enable_op_determinism()
    rows_dir, target, mode = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
    found = {}
    for one in FEATURES:
        given = sorted(str(file) for file in rows_dir.glob(f"{one}-*.gz"))
        found[one] = train(one, given, target / one, STEPS)
        if mode == "resumed":
            found[f"{one} resumed"] = train(one, given, target / f"{one}-resumed", STEPS // 3, STEPS)
            found[f"{one} other seed"] = train(one, given, target / f"{one}-other", STEPS, seed=6)
    sys.stdout.write(json.dumps(found))
