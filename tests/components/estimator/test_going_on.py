"""A training that goes on draws other rows and other random numbers than the attempt before did first of all."""

import json
from collections.abc import Iterator
from pathlib import Path

import components.estimator.compat  # noqa: F401  before TensorFlow

import pytest
import tensorflow as tf

from components.estimator.task import Task
from components.estimator.training import train_and_evaluate
from pipeline.config.model import Training
from tests.components import problem_folder

pytestmark = [
    pytest.mark.slow,
    # Of Keras, about what the conversion itself calls.
    pytest.mark.filterwarnings("ignore:`tf.keras.backend.set_learning_phase:UserWarning"),
    pytest.mark.filterwarnings("ignore:`Model.state_updates`:UserWarning"),
    pytest.mark.filterwarnings("ignore::UserWarning:tf_keras.*"),
]

SPEC = {"x": tf.io.FixedLenFeature([1], tf.float32), "y": tf.io.FixedLenFeature([1], tf.float32)}
MODEL = """\
import json
import tensorflow as tf

class Tell(tf.estimator.SessionRunHook):
    def __init__(self, drawn, file):
        self.drawn, self.file = drawn, file
    def before_run(self, context):
        return tf.estimator.SessionRunArgs(self.drawn)
    def after_run(self, context, values):
        with open(self.file, "a") as file:
            file.write(json.dumps([[float(one) for one in part.ravel()] for part in values.results]) + chr(10))

def model_fn(features, labels, mode, params):
    guess = tf.compat.v1.layers.dense(features["x"], 1)
    loss = tf.reduce_mean(tf.square(guess - labels))
    train_op = tf.compat.v1.train.GradientDescentOptimizer(0.01).minimize(loss, tf.compat.v1.train.get_global_step())
    hooks = [Tell([features["x"], tf.random.uniform([3])], params["file"])]
    return tf.estimator.EstimatorSpec(mode, loss=loss, train_op=train_op, training_hooks=hooks)
"""


KERAS = """\
import tensorflow as tf

def build_keras_model(params, feature_spec):
    x = tf.keras.Input([1], name="x")
    model = tf.keras.Model(x, tf.keras.layers.Dense(1)(x))
    model.compile(optimizer="sgd", loss="mse")
    return model
"""


@pytest.fixture
def problem(tmp_path: Path) -> Iterator[Path]:
    """A problem named telling, which writes down what it is given."""
    with problem_folder.written(tmp_path, "telling", MODEL) as model_file:
        yield model_file


@pytest.fixture
def rows(tmp_path: Path) -> str:
    """A file of 1,000 rows, each another number."""
    name = str(tmp_path / "rows.gz")
    with tf.io.TFRecordWriter(name, "GZIP") as writer:
        for number in range(1000):
            value = tf.train.Feature(float_list=tf.train.FloatList(value=[number / 1000]))
            features = tf.train.Features(feature={"x": value, "y": value})
            writer.write(tf.train.Example(features=features).SerializeToString())
    return name


def test_a_keras_model_that_is_trained_is_not_trained_on(problem: Path, rows: str, tmp_path: Path) -> None:
    """It was killed after its last checkpoint, say."""
    problem.write_text(KERAS)
    settings = Training(train_steps=20, batch_size=10)
    for _ in range(2):
        _, metrics = train_and_evaluate(Task("telling", "y", [rows], [rows], SPEC, settings, tmp_path / "model"))
        assert metrics["global_step"] == 20
    assert tf.train.latest_checkpoint(str(tmp_path / "model")) == str(tmp_path / "model" / "model.ckpt-20")


@pytest.mark.usefixtures("problem")
def test_rows_and_random_numbers_are_new(rows: str, tmp_path: Path) -> None:
    told = tmp_path / "told.jsonl"

    def train(name: str, steps: int) -> list[list[list[float]]]:
        told.unlink(missing_ok=True)
        settings = Training(train_steps=steps, batch_size=10, params={"file": str(told)})
        train_and_evaluate(Task("telling", "y", [rows], [rows], SPEC, settings, tmp_path / name))
        return [json.loads(line) for line in told.read_text().splitlines()]

    first = train("one", 5)
    assert len(first) == 5
    then = train("one", 10)
    assert len(then) == 5
    assert not {x for batch, _ in first for x in batch} >= {x for batch, _ in then for x in batch}
    assert first[0][1] != then[0][1]
    assert train("another", 5) == first
