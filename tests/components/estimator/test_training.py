"""Training with a real Estimator: it learns, continues, repeats itself, and blames the right line."""

import json
from collections.abc import Iterator
from pathlib import Path

import components.estimator.compat  # noqa: F401  before TensorFlow

import numpy as np
import pytest
import tensorflow as tf

from components import progress
from components.estimator.task import Task
from components.estimator.training import train_and_evaluate
from components.trainer.record import read_record
from pipeline.config.model import Training
from pipeline.errors import UserCodeError
from tests.components import problem_folder

pytestmark = pytest.mark.slow

MODEL = """\
import tensorflow as tf

def model_fn(features, labels, mode, params):
    guess = tf.compat.v1.layers.dense(features["x"], 1, name="line")
    if mode == tf.estimator.ModeKeys.PREDICT:
        return tf.estimator.EstimatorSpec(mode, predictions={"y": guess})
    loss = tf.reduce_mean(tf.square(guess - tf.reshape(labels, [-1, 1])))
    if mode == tf.estimator.ModeKeys.EVAL:
        return tf.estimator.EstimatorSpec(mode, loss=loss)
    optimizer = tf.compat.v1.train.GradientDescentOptimizer(params.get("rate", 0.1))
    step = tf.compat.v1.train.get_global_step()
    return tf.estimator.EstimatorSpec(mode, loss=loss, train_op=optimizer.minimize(loss, step))
"""
SPEC = {"x": tf.io.FixedLenFeature([2], tf.float32), "y": tf.io.FixedLenFeature([1], tf.float32)}


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Two gzip files of y = 3 a - 2 b + 1."""
    folder = tmp_path_factory.mktemp("rows")
    random = np.random.default_rng(1)
    names = []
    for part in range(2):
        name = str(folder / f"part-{part}.gz")
        names.append(name)
        with tf.io.TFRecordWriter(name, "GZIP") as writer:
            for a, b in random.normal(size=(100, 2)):
                feature = {
                    "x": tf.train.Feature(float_list=tf.train.FloatList(value=[a, b])),
                    "y": tf.train.Feature(float_list=tf.train.FloatList(value=[3 * a - 2 * b + 1])),
                }
                writer.write(tf.train.Example(features=tf.train.Features(feature=feature)).SerializeToString())
    return names


@pytest.fixture
def problem(tmp_path: Path) -> Iterator[Path]:
    """The file model.py of a problem named lines."""
    with problem_folder.written(tmp_path, "lines", MODEL) as model_file:
        yield model_file


def task(rows: list[str], model_dir: Path, **settings: object) -> Task:
    values = {"train_steps": 60, "batch_size": 20, "shuffle_buffer": 200, **settings}
    return Task("lines", "y", rows, rows, SPEC, Training.model_validate(values), model_dir)


def weights(model_dir: Path) -> list[float]:
    kernel = tf.train.load_variable(str(model_dir), "line/kernel")
    return [float(one) for one in kernel.ravel()]


def test_it_learns_and_reports(problem: Path, rows: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(progress.VARIABLE, str(tmp_path / "events.jsonl"))
    _, metrics = train_and_evaluate(task(rows, tmp_path / "m", train_steps=200))
    assert weights(tmp_path / "m") == pytest.approx([3, -2], abs=0.05)
    assert metrics["loss"] < 0.01
    assert metrics["global_step"] == 200
    events = [json.loads(line) for line in (tmp_path / "events.jsonl").read_text().splitlines()]
    assert all(event["of"] == 200 for event in events if "step" in event)
    assert problem.exists()


def test_a_stopped_training_continues_from_its_checkpoint(
    problem: Path, rows: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(progress.VARIABLE, str(tmp_path / "events.jsonl"))
    train_and_evaluate(task(rows, tmp_path / "m", train_steps=30))
    _, metrics = train_and_evaluate(task(rows, tmp_path / "m", train_steps=50))
    assert metrics["global_step"] == 50
    assert "continues from step 30" in (tmp_path / "events.jsonl").read_text()
    _, metrics = train_and_evaluate(task(rows, tmp_path / "m", train_steps=50))  # nothing is left to train
    assert metrics["global_step"] == 50
    assert problem.exists()


def test_the_same_seed_gives_the_same_weights(problem: Path, rows: list[str], tmp_path: Path) -> None:
    for name, seed in (("a", 7), ("b", 7), ("c", 8)):
        train_and_evaluate(task(rows, tmp_path / name, seed=seed))
    assert weights(tmp_path / "a") == weights(tmp_path / "b")
    assert weights(tmp_path / "a") != weights(tmp_path / "c")
    assert problem.exists()


def failure(problem: Path, rows: list[str], text: str, model_dir: Path, **settings: object) -> UserCodeError:
    problem.write_text(text)
    with pytest.raises(UserCodeError) as caught:
        train_and_evaluate(task(rows, model_dir, **settings))
    return caught.value


def test_a_loss_that_is_no_number_is_said(problem: Path, rows: list[str], tmp_path: Path) -> None:
    error = failure(problem, rows, MODEL, tmp_path / "m", params={"rate": 1e30})
    assert "became NaN" in error.headline
    assert "learning rate" in str(error.hint)
    record = read_record(tmp_path / "m")
    assert record is not None
    assert record.sentences()[0].startswith("failed: the loss became NaN; planned were ")


def test_an_exception_in_model_fn_names_its_line(problem: Path, rows: list[str], tmp_path: Path) -> None:
    error = failure(problem, rows, MODEL.replace('features["x"]', 'features["z"]'), tmp_path / "m")
    assert error.headline == "model_fn of lines raised KeyError"
    assert f"{problem}:4" in str(error.where)


def test_an_error_while_running_the_graph_names_its_line(problem: Path, rows: list[str], tmp_path: Path) -> None:
    text = MODEL.replace("    loss =", '    guess = tf.debugging.check_numerics(guess / 0.0, "boom")\n    loss =')
    error = failure(problem, rows, text, tmp_path / "m")
    assert f"{problem}:7" in str(error.where)


def test_the_wrong_type_is_refused(problem: Path, rows: list[str], tmp_path: Path) -> None:
    text = "def model_fn(features, labels, mode):\n    return {'loss': 0}\n"
    error = failure(problem, rows, text, tmp_path / "m")
    assert (error.headline, error.got) == ("model_fn returned the wrong type", "dict")


def test_the_wrong_arguments_are_refused(problem: Path, rows: list[str], tmp_path: Path) -> None:
    error = failure(problem, rows, "def model_fn(x, y):\n    pass\n", tmp_path / "m")
    assert error.got == "model_fn(x, y)"


def test_a_module_without_model_fn_is_refused(problem: Path, rows: list[str], tmp_path: Path) -> None:
    error = failure(problem, rows, "A = 1\n", tmp_path / "m")
    assert error.headline == "model.py of lines defines no model_fn or build_estimator or build_keras_model"
