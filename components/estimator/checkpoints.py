"""Checkpoints that outlive being killed: what a training goes on from, and how that is never put at risk.

The protocol
------------
TensorFlow writes a checkpoint as ``model.ckpt-<step>_temp/...``, renames the data to ``model.ckpt-<step>.data-*``,
writes ``model.ckpt-<step>.index`` in place, and last replaces ``checkpoint``, the file that says which one is the
latest. So:

- Killed before that, the earlier checkpoint is still the latest, and what lies about is removed by :func:`recover`, or
  taken if it turns out to be whole.
- A checkpoint that counts is never written again. The Estimator's own hook saves at once when a session begins, which
  after a restart writes the very checkpoint that was just restored, the only one of its age, in place:
  :class:`CheckpointHook` leaves that one be. In a cluster a session also begins anew when a server was lost.
- A file may still be damaged by what no protocol here can rule out (a power cut: TensorFlow does not flush). So
  :func:`recover` reads the latest checkpoint to its end, checksums included, and falls back to the one before.
"""

import re
import shutil
from pathlib import Path
from typing import Any

import components.estimator.compat  # noqa: F401  before TensorFlow

import tensorflow as tf

from components.progress import report

_NAME = re.compile(r"(?P<prefix>.+\.ckpt-(?P<step>\d+))(?P<part>|\.index|\.meta|\.data-\d+-of-\d+)")


def recover(folder: Path) -> int:
    """Make the newest checkpoint that is whole the latest one, and remove what is neither whole nor older.

    Args:
        folder: The Estimator's ``model_dir``; nothing else may be writing to it.

    Returns:
        The step that training goes on from; 0 if there is no checkpoint.
    """
    if not folder.is_dir():
        return 0
    for left in folder.iterdir():
        if "_temp" in left.name or ".tempstate" in left.name:  # what a killed Saver was writing
            shutil.rmtree(left) if left.is_dir() else left.unlink()
    files = [match for one in folder.iterdir() if (match := _NAME.fullmatch(one.name))]
    # Not only those that the file `checkpoint` names: it may be damaged, or one step behind.
    found = {one["prefix"]: int(one["step"]) for one in files if one["part"] in ("", ".index")}
    while found and not _is_whole(folder / (newest := max(found, key=lambda prefix: found[prefix]))):
        report(line=f"the checkpoint of step {found.pop(newest):,} is damaged, and left out")
    for file in files:
        if file["prefix"] not in found:
            (folder / file[0]).unlink()
    if not found:
        if files:
            (folder / "checkpoint").unlink(missing_ok=True)
        return 0
    kept = sorted(found, key=lambda prefix: found[prefix])
    if latest(folder) != str(folder / kept[-1]):
        # By name only, as the Estimator's Saver does it: the folder is linked to another place when it is done.
        tf.compat.v1.train.update_checkpoint_state(str(folder), kept[-1], kept)
    return found[kept[-1]]


def latest(folder: Path) -> str | None:
    """Return the path, without suffixes, that the file ``checkpoint`` names.

    None if there is no such file, it is damaged, or it names what is not there.
    """
    try:
        return tf.train.latest_checkpoint(str(folder))
    except ValueError:
        return None


def _is_whole(prefix: Path) -> bool:
    """Read all of a checkpoint, one variable at a time; the reader compares checksums.

    Raises:
        OSError: If its files cannot be read at all, which says nothing about what they hold.
    """
    for file in prefix.parent.glob(f"{prefix.name}.*"):
        file.open("rb").close()
    try:
        reader = tf.train.load_checkpoint(str(prefix))
        for name in reader.get_variable_to_shape_map():
            reader.get_tensor(name)
    except (tf.errors.OpError, ValueError, IndexError):  # what the reader makes of damage, of no narrower kinds
        return False
    return True


class CheckpointHook(tf.estimator.CheckpointSaverHook):
    """Saves like the Estimator's own hook, but not again what it has just restored.

    Args:
        config: The Estimator's ``RunConfig``: where to save, and how often.
        scaffold: The ``EstimatorSpec``'s, which holds the Saver.
        start: The step of the latest checkpoint, 0 if there is none.
    """

    def __init__(self, config: Any, scaffold: Any, start: int) -> None:
        super().__init__(
            config.model_dir,
            save_secs=config.save_checkpoints_secs,
            save_steps=config.save_checkpoints_steps,
            scaffold=scaffold,
        )
        self._restored = start

    def _save(self, session: Any, step: Any) -> Any:
        if step != self._restored or not step:
            saved = super()._save(session, step)
            self._restored = int(step)  # from now on what a session would begin with
            return saved
        for one in self._listeners:  # to whom a checkpoint of this step is news all the same
            one.before_save(session, step)
            one.after_save(session, step)
        return False


def checkpoint_hooks(spec: Any, config: Any, start: int) -> list[Any]:
    """Return the hook that saves, unless the model brings one of its own.

    Args:
        spec: The model's ``EstimatorSpec`` of mode TRAIN.
        config: The Estimator's ``RunConfig``.
        start: What :func:`recover` returned.
    """
    if config.train_distribute is not None:  # whose Saver is made later, over all replicas
        return []
    brought = [*spec.training_hooks, *spec.training_chief_hooks]
    if not config.is_chief or any(isinstance(one, tf.estimator.CheckpointSaverHook) for one in brought):
        return []
    return [CheckpointHook(config, spec.scaffold, start)]
