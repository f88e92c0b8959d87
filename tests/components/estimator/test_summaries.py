"""Summaries that are there without a line in the model, for each way to bring one, and the curve beside them."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import components.estimator.compat  # noqa: F401  before TensorFlow

import numpy as np
import pytest
import tensorflow as tf

from components.estimator.task import Task
from components.estimator.training import train_and_evaluate
from components.trainer.curve import Curve, read_curve
from pipeline.config.model import Training
from tests.components import problem_folder

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:`tf.keras.backend.set_learning_phase:UserWarning"),
    pytest.mark.filterwarnings("ignore:`Model.state_updates`:UserWarning"),
    pytest.mark.filterwarnings("ignore::UserWarning:tf_keras.*"),
]

MODEL = """\
import tensorflow as tf

v1 = tf.compat.v1

def model_fn(features, labels, mode, params):
    guess = v1.layers.dense(features["x"], 1, name="line")
    if mode == tf.estimator.ModeKeys.PREDICT:
        return tf.estimator.EstimatorSpec(mode, predictions={"y": guess})
    loss = tf.reduce_mean(tf.square(guess - tf.reshape(labels, [-1, 1])))
    metrics = {"error": v1.metrics.mean(tf.abs(guess - tf.reshape(labels, [-1, 1])))}
    if mode == tf.estimator.ModeKeys.EVAL:
        return tf.estimator.EstimatorSpec(mode, loss=loss, eval_metric_ops=metrics)
    step = v1.train.get_global_step()
    BODY
"""
MINIMIZE = """\
    optimizer = v1.train.GradientDescentOptimizer(0.1)
    return tf.estimator.EstimatorSpec(mode, loss=loss, train_op=optimizer.minimize(loss, step))"""
CLIPPED = """\
    rate = v1.train.exponential_decay(0.1, step, 10, 0.5)
    optimizer = v1.train.AdamOptimizer(rate)
    gradients, variables = zip(*optimizer.compute_gradients(loss))
    clipped, _ = tf.clip_by_global_norm(gradients, 0.5)
    train_op = optimizer.apply_gradients(zip(clipped, variables), global_step=step)
    return tf.estimator.EstimatorSpec(mode, loss=loss, train_op=train_op)"""
TF1 = """\
    rate = v1.placeholder_with_default(0.05, [])
    v1.summary.scalar("training/learning_rate", rate)  # a name that is ours, too
    variables = v1.trainable_variables()
    optimizer = v1.train.MomentumOptimizer(rate, 0.9)
    train = optimizer.apply_gradients(zip(tf.gradients(loss, variables), variables), global_step=step)
    averages = tf.train.ExponentialMovingAverage(0.9)
    with tf.control_dependencies([train]):
        train = averages.apply(variables)
    scaffold = v1.train.Scaffold(summary_op=v1.summary.merge_all())
    return tf.estimator.EstimatorSpec(mode, loss=loss, train_op=train, scaffold=scaffold)"""
CONDITION = """\
    class Odd(v1.train.GradientDescentOptimizer):
        def _lr(self, step):
            raise ValueError
        _lr_t = property(_lr)
    odd = Odd(0.1)
    pairs = [(tf.clip_by_norm(g, 2.0), v) for g, v in odd.compute_gradients(loss)]
    train = tf.cond(step % 2 < 1, lambda: odd.apply_gradients(pairs, step), lambda: v1.assign_add(step, 1).op)
    return tf.estimator.EstimatorSpec(mode, loss=loss, train_op=train)"""
BY_HAND = """\
    train = [tf.compat.v1.assign_sub(one, 0.1 * g) for one, g in
             zip(v1.trainable_variables(), tf.gradients(loss, v1.trainable_variables()))]
    with tf.control_dependencies(train):
        train = v1.assign_add(step, 1)
    return tf.estimator.EstimatorSpec(mode, loss=loss, train_op=train)"""
BROKEN = """\
    broken = v1.get_variable("broken", [3], initializer=tf.constant_initializer([1.0, float("nan"), float("inf")]))
    train_op = v1.train.GradientDescentOptimizer(0.1).minimize(loss + 0.0 * broken[0], step)
    return tf.estimator.EstimatorSpec(mode, loss=loss, train_op=train_op)"""
CANNED = """\
import tensorflow as tf

def build_estimator(config, params):
    x = tf.feature_column.numeric_column("x", (2,))
    return tf.estimator.DNNLinearCombinedRegressor(
        linear_feature_columns=[x], linear_optimizer=tf.keras.optimizers.legacy.Ftrl(0.2),
        dnn_feature_columns=[x], dnn_hidden_units=[4],
        dnn_optimizer=tf.keras.optimizers.legacy.Adam(tf.keras.optimizers.schedules.PolynomialDecay(0.5, 20, 0.0)),
        config=config)
"""
KERAS = """\
import tensorflow as tf

def build_keras_model(params):
    model = tf.keras.Sequential([tf.keras.layers.Dense(1, input_shape=(2,), name="line")])
    model.compile(OPTIMIZER, "mse", metrics=["mae"])
    return model
"""
SPEC = {"x": tf.io.FixedLenFeature([2], tf.float32), "y": tf.io.FixedLenFeature([1], tf.float32)}


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """A file of y = 3 a - 2 b + 1."""
    name = str(tmp_path_factory.mktemp("rows") / "rows.gz")
    with tf.io.TFRecordWriter(name, "GZIP") as writer:
        for a, b in np.random.default_rng(1).normal(size=(200, 2)):
            feature = {
                "x": tf.train.Feature(float_list=tf.train.FloatList(value=[a, b])),
                "y": tf.train.Feature(float_list=tf.train.FloatList(value=[3 * a - 2 * b + 1])),
            }
            writer.write(tf.train.Example(features=tf.train.Features(feature=feature)).SerializeToString())
    return [name]


@pytest.fixture
def problem(tmp_path: Path) -> Iterator[Path]:
    with problem_folder.written(tmp_path, "lines", "") as model_file:
        yield model_file


def train(problem: Path, rows: list[str], folder: Path, text: str, **settings: object) -> None:
    problem.write_text(MODEL.replace("BODY", text.strip()) if not text.startswith("import") else text)
    values = {"train_steps": 20, "batch_size": 20, "shuffle_buffer": 200, "save_summary_steps": 5, **settings}
    values.setdefault("save_histograms_steps", 10)
    train_and_evaluate(Task("lines", "y", rows, rows, SPEC, Training.model_validate(values), folder))


def scalars(folder: Path) -> dict[str, dict[int, float]]:
    """Return what TensorBoard would show: values by step, by tag."""
    found: dict[str, dict[int, float]] = {}
    for tag, step, value in _values(folder):
        if value.HasField("simple_value"):
            found.setdefault(tag, {})[step] = value.simple_value
    return found


def histograms(folder: Path) -> dict[str, dict[int, Any]]:
    found: dict[str, dict[int, Any]] = {}
    for tag, step, value in _values(folder):
        if value.HasField("histo"):
            found.setdefault(tag, {})[step] = value.histo
    return found


def _values(folder: Path) -> Iterator[tuple[str, int, Any]]:
    for file in sorted(folder.glob("events.out.tfevents.*")):
        for event in tf.compat.v1.train.summary_iterator(str(file)):
            for value in event.summary.value:
                yield value.tag, event.step, value


def test_a_model_fn_has_them_all(problem: Path, rows: list[str], tmp_path: Path) -> None:
    train(problem, rows, tmp_path / "m", MINIMIZE, keep_checkpoint_max=50, save_checkpoints_steps=1)
    found = scalars(tmp_path / "m")
    steps = [1, 6, 11, 16]
    names = ["mean_loss", "learning_rate", "gradient_norm"]
    assert {name: list(found[f"training/{name}"]) for name in names} == dict.fromkeys(names, steps)
    assert list(found["training/examples_per_second"]) == steps[1:]
    assert min(found["training/examples_per_second"].values()) > 0
    assert list(found["training/learning_rate"].values()) == [pytest.approx(0.1)] * 4
    for step in steps:  # a step of plain gradient descent is the gradient times the rate
        before, after = (_weights(tmp_path / "m", at) for at in (step - 1, step))
        norm = float(np.linalg.norm(after - before)) / 0.1
        assert found["training/gradient_norm"][step] == pytest.approx(norm, rel=1e-3)
    drawn = histograms(tmp_path / "m")
    assert {tag: list(one) for tag, one in drawn.items()} == {
        tag: [1, 11] for tag in ("weights/line/kernel", "weights/line/bias")
    }
    told = drawn["weights/line/kernel"][11]  # of the weights as the step begins, or as it ends
    assert told.num == 2
    assert any(
        (told.min, told.max) == (pytest.approx(weights.min()), pytest.approx(weights.max()))
        for weights in (_weights(tmp_path / "m", step)[:2] for step in (10, 11))
    )


def _weights(folder: Path, step: int) -> Any:
    reader = tf.train.load_checkpoint(str(folder / f"model.ckpt-{step}"))
    return np.concatenate([reader.get_tensor(name).ravel() for name in ("line/kernel", "line/bias")])


def test_the_curve_holds_every_step_and_every_evaluation(problem: Path, rows: list[str], tmp_path: Path) -> None:
    train(problem, rows, tmp_path / "m", MINIMIZE, save_checkpoints_steps=10, throttle_secs=0)
    curve = read_curve(tmp_path / "m")
    assert curve is not None
    assert [(one.step, one.steps) for one in curve.stretches] == [(step, 1) for step in range(1, 21)]
    losses = scalars(tmp_path / "m")["loss"]
    assert all(losses[one.step] == pytest.approx(one.loss) for one in curve.stretches if one.step in losses)
    mean = sum(one.loss for one in curve.stretches[1:6]) / 5
    assert scalars(tmp_path / "m")["training/mean_loss"][6] == pytest.approx(mean)
    assert [step for step, _ in curve.watched("gradient_norm")] == [1, 6, 11, 16]
    assert sorted(curve.evaluations) == [10, 20]
    assert curve.metrics() == ["loss", "error"]
    assert curve.metric("error") == sorted(scalars(tmp_path / "m" / "eval")["error"].items())


def test_a_training_that_goes_on_goes_on_with_its_curve(problem: Path, rows: list[str], tmp_path: Path) -> None:
    train(problem, rows, tmp_path / "whole", MINIMIZE)
    train(problem, rows, tmp_path / "m", MINIMIZE, train_steps=13)
    kept = read_curve(tmp_path / "m")
    assert kept is not None
    kept.add(kept.stretches[-1].joined(kept.stretches[-1]))  # as if it had trained on after its last checkpoint
    kept.stretches[-1] = type(kept.stretches[-1])(14, 1, 99.0)
    kept.write(tmp_path / "m")
    train(problem, rows, tmp_path / "m", MINIMIZE, train_steps=20)
    whole, again = read_curve(tmp_path / "whole"), read_curve(tmp_path / "m")
    assert whole is not None
    assert again is not None
    assert [one.step for one in again.stretches] == [one.step for one in whole.stretches]
    assert [one.loss for one in again.stretches] == [one.loss for one in whole.stretches]


def test_summaries_change_no_weight(problem: Path, rows: list[str], tmp_path: Path) -> None:
    for name, every in (("often", 1), ("never", 1000)):
        train(
            problem,
            rows,
            tmp_path / name,
            CLIPPED,
            save_summary_steps=every,
            save_histograms_steps=1 if every == 1 else 0,
        )
    assert np.array_equal(_weights(tmp_path / "often", 20), _weights(tmp_path / "never", 20))
    assert not histograms(tmp_path / "never")


def test_a_decaying_rate_and_clipped_gradients(problem: Path, rows: list[str], tmp_path: Path) -> None:
    train(problem, rows, tmp_path / "m", CLIPPED)
    found = scalars(tmp_path / "m")
    assert found["training/learning_rate"][11] == pytest.approx(0.1 * 0.5**1.0, rel=0.08)
    assert found["training/gradient_norm"][1] == pytest.approx(0.5, rel=1e-5)
    assert found["training/gradient_norm_before_clipping"][1] > 1


def test_code_in_the_style_of_tensorflow_1(problem: Path, rows: list[str], tmp_path: Path) -> None:
    train(problem, rows, tmp_path / "m", TF1)
    found = scalars(tmp_path / "m")
    assert list(found["training/learning_rate"].values()) == [pytest.approx(0.05)] * 4
    assert len(found["training/gradient_norm"]) == 4
    assert "weights/line/kernel" in histograms(tmp_path / "m")


def test_a_training_by_hand_has_what_can_be_known(problem: Path, rows: list[str], tmp_path: Path) -> None:
    train(problem, rows, tmp_path / "m", BY_HAND)
    found = scalars(tmp_path / "m")
    assert {tag for tag in found if tag.startswith("training/")} == {
        "training/mean_loss",
        "training/examples_per_second",
    }
    assert "weights/line/kernel" in histograms(tmp_path / "m")


def test_gradients_applied_in_a_condition_by_an_optimizer_with_odd_names(
    problem: Path, rows: list[str], tmp_path: Path
) -> None:
    train(problem, rows, tmp_path / "m", CONDITION)
    found = scalars(tmp_path / "m")
    assert "training/learning_rate" not in found
    assert 0 < found["training/gradient_norm"][1] <= 2 * 2**0.5 + 1e-5
    assert "training/gradient_norm_before_clipping" in found


def test_weights_that_are_no_numbers_do_not_end_a_training(problem: Path, rows: list[str], tmp_path: Path) -> None:
    train(problem, rows, tmp_path / "m", BROKEN)
    assert histograms(tmp_path / "m")["weights/broken"][1].num == 1


def test_a_canned_estimator_with_two_optimizers(problem: Path, rows: list[str], tmp_path: Path) -> None:
    train(problem, rows, tmp_path / "m", CANNED)
    found = scalars(tmp_path / "m")
    assert list(found["training/learning_rate/Ftrl"].values()) == [pytest.approx(0.2)] * 4
    falling = list(found["training/learning_rate/Adam"].values())
    assert falling == sorted(falling, reverse=True)
    assert falling[0] > 2 * falling[-1]
    assert len(found["training/gradient_norm"]) == 4
    assert len([tag for tag in histograms(tmp_path / "m") if tag.startswith("weights/")]) == 6


@pytest.mark.parametrize("optimizer", ["tf.keras.optimizers.Adam(0.1)", '"sgd"'])
def test_a_keras_model(problem: Path, rows: list[str], tmp_path: Path, optimizer: str) -> None:
    train(problem, rows, tmp_path / "m", KERAS.replace("OPTIMIZER", optimizer))
    found = scalars(tmp_path / "m")
    rate = 0.01 if optimizer == '"sgd"' else 0.1
    assert list(found["training/learning_rate"].values()) == [pytest.approx(rate)] * 4
    assert len(found["training/gradient_norm"]) == 4
    assert set(histograms(tmp_path / "m")) == {"weights/line/kernel", "weights/line/bias"}
    curve = read_curve(tmp_path / "m")
    assert curve is not None
    assert curve.metrics() == ["loss", "mae"]


def test_a_curve_that_is_torn_is_none(tmp_path: Path) -> None:
    assert read_curve(tmp_path) is None
    (tmp_path / "curve.json").write_text('{"every": 1, "training": [{')
    assert read_curve(tmp_path) is None
    Curve().write(tmp_path)
    assert read_curve(tmp_path) == Curve()
