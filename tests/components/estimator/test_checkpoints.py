"""What a training goes on from: the newest checkpoint that is whole, whatever a crash made of the others."""

import json
import os
from pathlib import Path

import components.estimator.compat  # noqa: F401  before TensorFlow

import pytest
import tensorflow as tf

from components import progress
from components.estimator.checkpoints import CheckpointHook, recover

pytestmark = pytest.mark.slow


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Checkpoints of the steps 100, 200 and 300, as an Estimator's Saver writes them."""
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        weights = tf.compat.v1.get_variable("weights", [2000], initializer=tf.random_normal_initializer())
        session.run(weights.initializer)
        saver = tf.compat.v1.train.Saver(sharded=True, save_relative_paths=True)
        for step in (100, 200, 300):
            saver.save(session, str(tmp_path / "model.ckpt"), global_step=step)
    return tmp_path


def steps(folder: Path) -> list[int]:
    """The steps that the file ``checkpoint`` names, and whose files are there."""
    state = tf.train.get_checkpoint_state(str(folder))
    named = [int(path.rpartition("-")[2]) for path in state.all_model_checkpoint_paths]
    assert state.model_checkpoint_path == state.all_model_checkpoint_paths[-1]
    assert sorted({int(one.name.split("-")[1].split(".")[0]) for one in folder.glob("*ckpt-*")}) == named
    return named


def cut(file: Path) -> None:
    os.truncate(file, file.stat().st_size // 2)


def test_what_is_whole_is_left_as_it_is(folder: Path) -> None:
    before = {one.name: (one.stat().st_mtime_ns, one.read_bytes()) for one in folder.iterdir()}
    assert recover(folder) == 300
    assert {one.name: (one.stat().st_mtime_ns, one.read_bytes()) for one in folder.iterdir()} == before


def test_nothing_there(tmp_path: Path) -> None:
    assert recover(tmp_path) == 0
    assert recover(tmp_path / "none") == 0


@pytest.mark.parametrize("part", ["index", "data-00000-of-00001"])
@pytest.mark.parametrize("damage", ["cut", "empty", "gone", "flipped"])
def test_a_damaged_checkpoint_is_left_out(folder: Path, part: str, damage: str) -> None:
    file = folder / f"model.ckpt-300.{part}"
    if damage == "cut":
        cut(file)
    elif damage == "empty":
        os.truncate(file, 0)
    elif damage == "gone":
        file.unlink()
    else:
        content = bytearray(file.read_bytes())
        content[len(content) // 3] ^= 0x40
        file.write_bytes(content)
    assert recover(folder) == 200
    assert steps(folder) == [100, 200]


def test_all_damaged(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = folder / "events.jsonl"
    monkeypatch.setenv(progress.VARIABLE, str(log))
    for step in (100, 200, 300):
        cut(folder / f"model.ckpt-{step}.index")
    assert recover(folder) == 0
    notes = [json.loads(line)["line"] for line in log.read_text().splitlines()]
    assert notes == [f"the checkpoint of step {step} is damaged, and left out" for step in (300, 200, 100)]
    log.unlink()
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("content", [None, b"", b"\0" * 60])
def test_a_damaged_list_of_checkpoints_is_made_anew(folder: Path, content: bytes | None) -> None:
    file = folder / "checkpoint"
    if content is None:
        file.unlink()
    else:
        file.write_bytes(content)
    assert recover(folder) == 300
    assert steps(folder) == [100, 200, 300]
    assert str(folder) not in file.read_text()


def test_a_checkpoint_that_is_not_in_the_list_yet_is_taken(folder: Path) -> None:
    tf.compat.v1.train.update_checkpoint_state(str(folder), "model.ckpt-200", ["model.ckpt-100", "model.ckpt-200"])
    assert recover(folder) == 300
    assert steps(folder) == [100, 200, 300]


def test_what_a_killed_saver_was_writing_is_removed(folder: Path) -> None:
    (folder / "model.ckpt-400_temp").mkdir()
    (folder / "model.ckpt-400_temp" / "part-00000-of-00001.data-00000-of-00001").write_bytes(b"x")
    (folder / "model.ckpt-400.data-00000-of-00001").write_bytes(b"x")
    (folder / "model.ckpt-400.data-00000-of-00001.tempstate1").write_bytes(b"x")
    assert recover(folder) == 300
    assert steps(folder) == [100, 200, 300]
    assert not list(folder.glob("*temp*"))


def test_what_was_restored_is_not_written_again(tmp_path: Path) -> None:
    """An Estimator's own hook would write it in place, where a kill would leave nothing whole."""

    def model_fn(features: object, labels: object, mode: str) -> object:
        del features, labels
        step = tf.compat.v1.train.get_global_step()
        weight = tf.compat.v1.get_variable("weight", [])
        op = tf.group(tf.compat.v1.assign_add(step, 1), tf.compat.v1.assign_add(weight, 1.0))
        spec = tf.estimator.EstimatorSpec(mode, loss=weight, train_op=op)
        return spec._replace(training_hooks=[CheckpointHook(config, spec.scaffold, start)])

    def files() -> dict[str, int]:
        return {one.name: one.stat().st_mtime_ns for one in tmp_path.glob("model.ckpt-*")}

    config = tf.estimator.RunConfig(model_dir=str(tmp_path), save_checkpoints_steps=5)
    start = recover(tmp_path)
    tf.estimator.Estimator(model_fn, config=config).train(lambda: None, max_steps=10)
    assert {one for one in files() if one.endswith("index")} == {f"model.ckpt-{step}.index" for step in (0, 5, 10)}
    first = files()
    start = recover(tmp_path)
    assert start == 10
    tf.estimator.Estimator(model_fn, config=config).train(lambda: None, max_steps=17)
    second = files()
    assert {one for one in second if one.endswith("index")} == {
        f"model.ckpt-{step}.index" for step in (0, 5, 10, 15, 17)
    }
    assert {name: when for name, when in second.items() if name in first} == first
