"""Peak memory of training does not grow with the rows: the small brother of bench/memory.py."""

import subprocess
import sys
from pathlib import Path

import components.estimator.compat  # noqa: F401  before TensorFlow

import numpy as np
import pytest
import tensorflow as tf

pytestmark = pytest.mark.slow

PROJECT = Path(__file__).resolve().parents[3]
PROGRAM = Path(__file__).with_name("memory_program.py")
FLOATS = 500
MODEL = """\
import tensorflow as tf

def model_fn(features, labels, mode):
    guess = tf.compat.v1.layers.dense(features["x"], 1)
    loss = tf.reduce_mean(tf.square(guess - labels))
    train_op = tf.compat.v1.train.GradientDescentOptimizer(1e-4).minimize(loss, tf.compat.v1.train.get_global_step())
    return tf.estimator.EstimatorSpec(mode, predictions={"y": guess}, loss=loss, train_op=train_op)
"""


def test_ten_times_the_rows_take_no_more_memory(tmp_path: Path) -> None:
    """At 2 kB a row, 200,000 rows are 400 MB, which would show if anything kept them."""
    few, many = (peak(tmp_path / str(rows), rows) for rows in (20_000, 200_000))
    assert many < 1.2 * few, f"{many} kB against {few} kB"


def peak(folder: Path, rows: int) -> int:
    """Write the rows, train on them in a process of its own, and return its peak in kB."""
    code = folder / "code" / "wide"
    code.mkdir(parents=True)
    (code / "__init__.py").write_text("")
    (code / "model.py").write_text(MODEL)
    (folder / "rows").mkdir()
    numbers = np.zeros((100, FLOATS))  # which gzip makes little of, and memory does not
    numbers[:, :4] = np.random.default_rng(1).normal(size=(100, 4))
    examples = []
    for x in numbers:
        feature = {
            "x": tf.train.Feature(float_list=tf.train.FloatList(value=x)),
            "y": tf.train.Feature(float_list=tf.train.FloatList(value=[x[0]])),
        }
        examples.append(tf.train.Example(features=tf.train.Features(feature=feature)).SerializeToString())
    options = tf.io.TFRecordOptions("GZIP", compression_level=1)
    for part in range(2):
        with tf.io.TFRecordWriter(str(folder / "rows" / f"part-{part}.gz"), options) as writer:
            for row in range(rows // 2):
                writer.write(examples[row % 100])
    command = [sys.executable, "-W", "ignore", str(PROGRAM), str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=PROJECT, env=environment())
    assert done.returncode == 0, done.stderr[-3000:]
    return int(done.stdout.splitlines()[-1])


def environment() -> dict[str, str]:
    return {"PYTHONPATH": str(PROJECT), "PATH": "/usr/bin:/bin", "TF_CPP_MIN_LOG_LEVEL": "2"}
