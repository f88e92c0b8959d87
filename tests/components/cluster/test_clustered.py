"""What processes of a cluster learn from each other through the training's folder."""

from pathlib import Path

import components.estimator.compat  # noqa: F401  before TensorFlow

import pytest
import tensorflow as tf

from components.estimator import clustered
from components.estimator.best import BestCheckpoint
from components.estimator.evaluations import Evaluations

pytestmark = pytest.mark.slow


def evaluated(folder: Path, step: int, **metrics: float) -> None:
    """Write an evaluation's summary, as the Estimator does."""
    with tf.Graph().as_default():
        writer = tf.compat.v1.summary.FileWriter(str(folder), filename_suffix=f".{step}")
        summary = tf.compat.v1.Summary()
        for name, value in metrics.items():
            summary.value.add(tag=name, simple_value=value)
        writer.add_summary(summary, step)
        writer.close()


def test_evaluations_of_another_process_are_taken_up(tmp_path: Path) -> None:
    evaluations = Evaluations(str(tmp_path))
    assert evaluations.by_step == {}
    evaluated(tmp_path, 10, loss=0.5)
    evaluations.refresh()
    evaluated(tmp_path, 20, loss=0.25)
    evaluations.refresh()
    assert evaluations.by_step == {10: {"loss": 0.5}, 20: {"loss": 0.25}}


def test_one_that_is_being_written_is_taken_up_when_it_is_whole(tmp_path: Path) -> None:
    evaluations = Evaluations(str(tmp_path))
    evaluated(tmp_path / "elsewhere", 10, loss=0.5)
    [file] = (tmp_path / "elsewhere").iterdir()
    (tmp_path / file.name).write_bytes(file.read_bytes()[:-3])
    evaluations.refresh()
    assert evaluations.by_step == {}
    (tmp_path / file.name).write_bytes(file.read_bytes())
    evaluations.refresh()
    assert evaluations.by_step == {10: {"loss": 0.5}}


def test_training_is_over_at_the_checkpoint_that_is_the_latest(tmp_path: Path) -> None:
    for step in (10, 20):
        assert not clustered.has_ended(tmp_path)
        (tmp_path / f"model.ckpt-{step}.index").touch()
        tf.compat.v1.train.update_checkpoint_state(str(tmp_path), f"model.ckpt-{step}")
        clustered.say_ended(tmp_path)
        assert clustered.has_ended(tmp_path)
        tf.compat.v1.train.update_checkpoint_state(str(tmp_path), f"model.ckpt-{step + 5}")


def test_a_checkpoint_that_is_swept_meanwhile_is_not_the_best(tmp_path: Path) -> None:
    best = BestCheckpoint(tmp_path, "loss", lower_is_better=True)
    best.consider(str(tmp_path / "model.ckpt-10"), {"global_step": 10, "loss": 0.5})
    assert best.best() is None
    for part in ("index", "data-00000-of-00001"):
        (tmp_path / f"model.ckpt-20.{part}").touch()
    best.consider(str(tmp_path / "model.ckpt-20"), {"global_step": 21, "loss": 0.7})
    found = best.best()
    assert found is not None
    assert (found.step, found.value) == (21, 0.7)
    assert Path(f"{found.checkpoint}.index").exists()


def test_a_worker_looks_often_whether_the_chief_is_ready() -> None:
    from tensorflow.python.training import session_manager

    before = session_manager.SessionManager.__init__
    try:
        clustered.look_often()
        clustered.look_often()
        with tf.Graph().as_default():
            assert session_manager.SessionManager()._recovery_wait_secs == 0.5
            assert session_manager.SessionManager(recovery_wait_secs=3)._recovery_wait_secs == 3
    finally:
        session_manager.SessionManager.__init__ = before
