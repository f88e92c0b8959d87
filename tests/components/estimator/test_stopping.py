"""Early stopping and the best checkpoint: by the evaluations, also after a training was killed and goes on."""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import components.estimator.compat  # noqa: F401  before TensorFlow

import numpy as np
import pytest
import tensorflow as tf

from components.estimator.best import BestCheckpoint
from components.estimator.stopping import reason_to_stop
from components.estimator.task import Task
from components.estimator.training import exported_checkpoint, train_and_evaluate
from components.trainer.record import TrainingRecord, read_record
from pipeline.config.model import EarlyStopping, Training
from pipeline.errors import SettingsError
from tests.components import problem_folder

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:`tf.keras.backend.set_learning_phase:UserWarning"),
    pytest.mark.filterwarnings("ignore:`Model.state_updates`:UserWarning"),
    pytest.mark.filterwarnings("ignore::UserWarning:tf_keras.*"),
]

# One weight that walks along a line, from 0, by 0.1 in each step: the error falls until step 30, then rises.
WALK = """\
import tensorflow as tf

v1 = tf.compat.v1

def model_fn(features, labels, mode):
    place = v1.get_variable("place", [], initializer=tf.zeros_initializer())
    if mode == tf.estimator.ModeKeys.PREDICT:
        return tf.estimator.EstimatorSpec(mode, predictions={"y": place + 0.0 * features["x"]})
    error = tf.abs(place - 3.0) + 0.0 * tf.reduce_mean(labels)
    step = v1.train.get_global_step()
    walk = tf.group(v1.assign_add(place, 0.1), v1.assign_add(step, 1))
    metrics = {"distance": v1.metrics.mean(error), "nearness": v1.metrics.mean(-error)}
    return tf.estimator.EstimatorSpec(mode, loss=error, train_op=walk, eval_metric_ops=metrics)
"""
KERAS = """\
import tensorflow as tf

def build_keras_model():
    x = tf.keras.Input([1], name="x")
    model = tf.keras.Model(x, tf.keras.layers.Dense(1)(x))
    model.compile(tf.keras.optimizers.legacy.SGD(0.01), "mse", metrics=["mae"])
    return model
"""
SPEC = {"x": tf.io.FixedLenFeature([1], tf.float32), "y": tf.io.FixedLenFeature([1], tf.float32)}


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    name = str(tmp_path_factory.mktemp("rows") / "rows.gz")
    with tf.io.TFRecordWriter(name, "GZIP") as writer:
        for number in np.linspace(0, 1, 10):
            value = tf.train.Feature(float_list=tf.train.FloatList(value=[number]))
            features = tf.train.Features(feature={"x": value, "y": value})
            writer.write(tf.train.Example(features=features).SerializeToString())
    return [name]


@pytest.fixture
def problem(tmp_path: Path) -> Iterator[Path]:
    with problem_folder.written(tmp_path, "walks", WALK) as model_file:
        yield model_file


def task(rows: list[str], model_dir: Path, **settings: Any) -> Task:
    values = {"train_steps": 60, "batch_size": 5, "save_checkpoints_steps": 10, **settings}
    return Task("walks", "y", rows, rows, SPEC, Training.model_validate(values), model_dir)


def trained(rows: list[str], model_dir: Path, **settings: Any) -> TrainingRecord:
    train_and_evaluate(task(rows, model_dir, **settings))
    record = read_record(model_dir)
    assert record is not None
    return record


def stopping(**settings: Any) -> EarlyStopping:
    return EarlyStopping.model_validate(settings)


LOSSES = {10: {"loss": 3.0}, 20: {"loss": 2.0}, 30: {"loss": 2.5}, 40: {"loss": 2.1}, 50: {"loss": 9.0}}


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"max_steps_without_decrease": 20}, "loss did not decrease for 20 steps (20 were allowed): best 2 at step 20"),
        ({"max_steps_without_decrease": 25}, "did not decrease for 30 steps (25 were allowed)"),
        ({"max_steps_without_decrease": 40}, None),
        ({"max_steps_without_decrease": 10, "min_steps": 40}, "best 2.1 at step 40, 9 at step 50"),
        ({"max_steps_without_increase": 30}, "loss did not increase for 30 steps"),
        ({"stop_if_lower": 2.05}, "loss reached 2 at step 20, below 2.05"),
        ({"stop_if_lower": 2.0}, None),
        ({"stop_if_higher": 5.0}, "loss reached 9 at step 50, above 5"),
        ({"stop_if_higher": 2.7, "min_steps": 20}, "at step 50"),
        ({"metric": "auc", "stop_if_higher": 0.5}, None),
    ],
)
def test_the_rules(settings: dict[str, Any], said: str | None) -> None:
    reason = reason_to_stop(stopping(**settings), LOSSES)
    assert (reason is None) == (said is None)
    assert said is None or said in str(reason)


@pytest.mark.parametrize("settings", [{"max_steps_without_decrease": 20}, {"stop_if_lower": 1.5}])
def test_the_rules_are_those_of_the_api(settings: dict[str, Any], tmp_path: Path) -> None:
    """Asked of the API's own hook, by the event files that it reads."""
    api = tf.estimator.experimental
    estimator = tf.estimator.Estimator(lambda features: None, model_dir=str(tmp_path))
    for until in range(10, 60, 10):
        folder = tmp_path / str(until)
        with tf.Graph().as_default(), tf.compat.v1.summary.FileWriter(str(folder)) as writer:
            for step in range(10, until + 1, 10):
                value = tf.compat.v1.Summary.Value(tag="loss", simple_value=LOSSES[step]["loss"])
                writer.add_summary(tf.compat.v1.Summary(value=[value]), step)
        if "stop_if_lower" in settings:
            hook = api.stop_if_lower_hook(estimator, "loss", settings["stop_if_lower"], str(folder))
        else:
            hook = api.stop_if_no_decrease_hook(estimator, "loss", 20, str(folder))
        mine = reason_to_stop(stopping(**settings), {k: v for k, v in LOSSES.items() if k <= until})
        assert hook._should_stop_fn() == (mine is not None), until


def test_a_training_stops_at_the_evaluation_that_is_the_reason(problem: Path, rows: list[str], tmp_path: Path) -> None:
    stop = {"metric": "distance", "max_steps_without_decrease": 20}
    record = trained(rows, tmp_path / "m", train_steps=200, early_stopping=stop)
    assert (record.steps, record.train_steps) == (50, 200)
    assert "distance did not decrease for 20 steps" in str(record.stopped)
    assert record.sentences()[0].startswith("stopped early at step 50 of 200: distance did not")
    # The last attempt was killed before it could publish: nothing is trained again.
    again = trained(rows, tmp_path / "m", train_steps=200, early_stopping=stop)
    assert again == record
    assert tf.train.load_variable(str(tmp_path / "m"), "place") == pytest.approx(5.0, abs=1e-4)
    assert problem.exists()


def test_a_target_stops_also_after_a_resume(problem: Path, rows: list[str], tmp_path: Path) -> None:
    stop = {"metric": "nearness", "stop_if_higher": -1.05}
    trained(rows, tmp_path / "m", train_steps=10, early_stopping=stop)
    record = trained(rows, tmp_path / "m", train_steps=200, early_stopping=stop)
    assert record.steps == 20
    assert "nearness reached -1" in str(record.stopped)
    assert problem.exists()


def test_evaluations_from_before_a_kill_count(problem: Path, rows: list[str], tmp_path: Path) -> None:
    """The low was at step 30, before the resume at 40: without it, step 40 would be the best so far."""
    stop = {"metric": "distance", "max_steps_without_decrease": 20}
    trained(rows, tmp_path / "m", train_steps=40, early_stopping=stop)
    assert trained(rows, tmp_path / "m", train_steps=200, early_stopping=stop).steps == 50
    assert problem.exists()


def test_a_keras_model_stops_too(problem: Path, rows: list[str], tmp_path: Path) -> None:
    problem.write_text(KERAS)
    stop = {"metric": "mae", "stop_if_lower": 1e9}
    record = trained(rows, tmp_path / "m", early_stopping=stop, export="best", best_metric="mae")
    assert record.steps == 10
    assert record.exported_step == 10


def test_unknown_metrics_are_refused_before_the_training(problem: Path, rows: list[str], tmp_path: Path) -> None:
    settings = {
        "early_stopping": {"metric": "distanc", "stop_if_lower": 0.0},
        "export": "best",
        "best_metric": "accuracy",
    }
    with pytest.raises(SettingsError) as caught:
        train_and_evaluate(task(rows, tmp_path / "m", **settings))
    first, second = caught.value.parts
    assert (first.where, first.hint) == ("training.early_stopping.metric", "did you mean distance?")
    assert (second.where, second.expected) == ("training.best_metric", "one of: distance, loss, nearness")
    assert tf.train.latest_checkpoint(str(tmp_path / "m")) is None
    assert problem.exists()


def kept(rows: list[str], model_dir: Path, **settings: Any) -> float:
    """The weight in the checkpoint that would be exported."""
    chosen = exported_checkpoint(task(rows, model_dir, **settings)) or tf.train.latest_checkpoint(str(model_dir))
    return float(tf.train.load_variable(chosen, "place"))


def test_the_best_checkpoint_is_exported_of_a_training_that_diverges(
    problem: Path, rows: list[str], tmp_path: Path
) -> None:
    best = {"export": "best", "best_metric": "distance", "keep_checkpoint_max": 1}
    record = trained(rows, tmp_path / "m", **best)
    assert (record.steps, record.exported_step) == (60, 30)
    assert record.best_value == pytest.approx(0.0, abs=1e-5)
    assert kept(rows, tmp_path / "m", **best) == pytest.approx(3.0, abs=1e-4)
    assert kept(rows, tmp_path / "m") == pytest.approx(6.0, abs=1e-4)  # the final one
    estimator, _ = train_and_evaluate(task(rows, tmp_path / "m", **best))

    def receiver() -> Any:
        x = tf.compat.v1.placeholder(tf.float32, [None, 1])
        return tf.estimator.export.ServingInputReceiver({"x": x}, {"x": x})

    chosen = exported_checkpoint(task(rows, tmp_path / "m", **best))
    folder = estimator.export_saved_model(str(tmp_path / "e"), receiver, checkpoint_path=chosen)
    served = tf.saved_model.load(tf.compat.as_str_any(folder)).signatures["serving_default"]
    assert float(served(tf.constant([[1.0]]))["y"]) == pytest.approx(3.0, abs=1e-4)
    assert problem.exists()


def test_the_best_checkpoint_can_be_the_highest(problem: Path, rows: list[str], tmp_path: Path) -> None:
    best = {"export": "best", "best_metric": "nearness", "best_direction": "higher_is_better"}
    assert trained(rows, tmp_path / "m", **best).exported_step == 30
    assert problem.exists()


def test_the_best_checkpoint_outlives_kills(problem: Path, rows: list[str], tmp_path: Path) -> None:
    best = {"export": "best", "best_metric": "distance"}
    trained(rows, tmp_path / "m", train_steps=50, **best)
    assert trained(rows, tmp_path / "m", train_steps=60, **best).exported_step == 30

    # Killed after the checkpoint of step 30 was saved, and before it was evaluated.
    trained(rows, tmp_path / "n", train_steps=20, **best)
    for name in ("best", "best.json"):
        subprocess.run(["cp", "-r", tmp_path / "n" / name, tmp_path / f"{name}.before"], check=True)
    trained(rows, tmp_path / "n", train_steps=30, **best)
    shutil.rmtree(tmp_path / "n" / "best")
    for name in ("best", "best.json"):
        (tmp_path / f"{name}.before").rename(tmp_path / "n" / name)
    assert trained(rows, tmp_path / "n", train_steps=60, **best).exported_step == 30
    assert problem.exists()


def test_whatever_is_left_of_a_killed_attempt_does_no_harm(tmp_path: Path) -> None:
    (tmp_path / "best" / ".7").mkdir(parents=True)
    (tmp_path / "best" / ".7" / "half").write_text("")
    for name in ("index", "data-00000-of-00001"):
        (tmp_path / f"model.ckpt-7.{name}").write_text(name)
    keeper = BestCheckpoint(tmp_path, "loss", lower_is_better=True)
    assert (keeper.best(), keeper.seen()) == (None, None)
    keeper.consider(str(tmp_path / "model.ckpt-6"), {"loss": float("nan"), "global_step": 6})
    assert (keeper.best(), keeper.seen()) == (None, 6)
    keeper.consider(str(tmp_path / "model.ckpt-7"), {"loss": 3.0, "global_step": 7})
    best = keeper.best()
    assert best is not None
    assert (best.step, best.value, best.checkpoint) == (7, 3.0, str(tmp_path / "best" / "7" / "model.ckpt-7"))
    keeper.consider(str(tmp_path / "model.ckpt-8"), {"loss": 4.0, "global_step": 8})
    assert keeper.best() == best
    assert keeper.seen() == 8
    assert [one.name for one in (tmp_path / "best").iterdir()] == ["7"]


def test_epochs_become_steps(problem: Path, rows: list[str], tmp_path: Path) -> None:
    values = {"num_epochs": 3, "batch_size": 4, "save_checkpoints_secs": 600}
    walk = Task("walks", "y", rows * 2, rows, SPEC, Training.model_validate(values), tmp_path / "m")
    _, metrics = train_and_evaluate(walk)
    record = read_record(tmp_path / "m")
    assert record is not None
    assert metrics["global_step"] == 15  # 3 times 20 rows, by 4
    assert record.sentences() == ["15 steps of 4 rows: 3 epochs of 20"]
    assert problem.exists()


def test_latest_exports_each_evaluated_checkpoint_meanwhile(problem: Path, rows: list[str], tmp_path: Path) -> None:
    def receiver() -> Any:
        x = tf.compat.v1.placeholder(tf.float32, [None, 1])
        return tf.estimator.export.ServingInputReceiver({"x": x}, {"x": x})

    values = {"train_steps": 30, "save_checkpoints_steps": 10, "batch_size": 5, "export": "latest", "throttle_secs": 0}
    values["keep_checkpoint_max"] = 2
    settings = Training.model_validate(values)
    walk = Task("walks", "y", rows, rows, SPEC, settings, tmp_path / "m", make_receiver_fn=lambda: receiver)
    train_and_evaluate(walk)
    exports = sorted((tmp_path / "m" / "export" / "latest").iterdir())
    assert len(exports) == 2, "the older ones go, as checkpoints do"
    served = tf.saved_model.load(str(exports[-1])).signatures["serving_default"]
    assert float(served(tf.constant([[1.0]]))["y"]) == pytest.approx(3.0, abs=1e-4)
    assert exported_checkpoint(walk) is None
    assert problem.exists()
