"""What processes of a cluster learn from each other through the training's folder."""

from pathlib import Path

import components.estimator.compat  # noqa: F401  before TensorFlow

import pytest
import tensorflow as tf

from components.cluster.account import Account
from components.cluster.messages import in_step
from components.cluster.roles import Role
from components.cluster.supervisor import FOLDER
from components.estimator import clustered
from components.estimator.best import BestCheckpoint
from components.estimator.evaluations import Evaluations
from components.estimator.planning import planned
from components.estimator.task import Task
from pipeline.config.model import Training

pytestmark = [pytest.mark.slow, pytest.mark.alone]


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


def test_the_record_tells_what_earlier_attempts_have_lost(tmp_path: Path) -> None:
    (tmp_path / FOLDER).mkdir()
    account = Account(tmp_path / FOLDER)
    account.note("forming")
    account.note("lost", role="ps-0", process=7, code=-9, step=36, why="")
    account.note("went on", role="ps-0", process=7, step=36, resumed=20, seconds=1.25)
    record = planned(Task("lines", "y", [], [], {}, Training(), tmp_path))
    assert record.losses == ("ps 0 was killed (signal 9, SIGKILL) at step 36; went on from step 20 after 1.2 s",)


def test_only_within_a_step_that_is_not_the_first_the_chief_may_be_taken_for_one_that_hangs() -> None:
    seen: list[bool] = []

    class Looks(tf.estimator.SessionRunHook):
        def before_run(self, run_context: object) -> None:
            seen.append(in_step.is_set())

        def after_run(self, run_context: object, run_values: object) -> None:
            seen.append(in_step.is_set())

    with tf.Graph().as_default():
        step = tf.compat.v1.train.get_or_create_global_step()
        more = tf.compat.v1.assign_add(step, 1)
        hooks = [clustered.TellHook(Role("chief")), Looks()]
        with tf.compat.v1.train.MonitoredSession(hooks=hooks) as session:
            session.run(more)
            session.run(more)
    assert seen == [False, False, True, False]


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
