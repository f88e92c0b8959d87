"""``tf.data.experimental.CheckpointInputPipelineHook``: a training that resumes goes on in the data where it stopped.

The state of each dataset iterator is written as often as the model's checkpoint, under a name of its own, since an
evaluation restores the model and must not restore the iterator. Interface and behaviour after
https://www.tensorflow.org/versions/r2.15/api_docs/python/tf/data/experimental/CheckpointInputPipelineHook.
"""

import os
from typing import Any

import tensorflow as tf
from tensorflow.python.data.experimental.ops import iterator_ops as experimental_iterator_ops
from tensorflow.python.data.ops import iterator_ops

_v1 = tf.compat.v1


class CheckpointInputPipelineHook(tf.compat.v1.train.SessionRunHook):
    """Save and restore the state of the input pipeline every so many steps or seconds.

    Files are ``<model_dir>/input.ckpt-<step>``, or ``input_<task type>_<task id>.ckpt-<step>`` where several workers
    train, each of which has a place of its own in its data; the newest is named in the file ``checkpoint_input...``.

    Args:
        estimator: The Estimator that trains: its model_dir, and its ``save_checkpoints_steps`` or ``_secs``.
        external_state_policy: What to do with datasets whose state is not all in the graph, such as a Python generator
            or a random seed of the process: 'fail' (the default), 'warn' or 'ignore'.

    Raises:
        ValueError: The Estimator saves no checkpoints, or the policy is none of the three.
    """

    def __init__(self, estimator: Any, external_state_policy: str | None = None) -> None:
        config = estimator.config
        prefix = "input"
        if config.num_worker_replicas > 1:
            prefix = f"input_{config.task_type}_{config.task_id}"
        self._directory = estimator.model_dir
        self._path = os.path.join(self._directory, f"{prefix}.ckpt")  # noqa: PTH118  may be gs:// or hdfs://
        self._latest = f"checkpoint_{prefix}"
        self._keep = config.keep_checkpoint_max
        self._policy = experimental_iterator_ops._convert_external_state_policy_to_enum(external_state_policy or "fail")
        # Raises where neither is set, as the model's own CheckpointSaverHook does.
        self._timer = _v1.train.SecondOrStepTimer(
            every_secs=config.save_checkpoints_secs, every_steps=config.save_checkpoints_steps
        )
        self._saver: Any = None
        self._global_step: Any = None

    def begin(self) -> None:
        """Add the operations that save and restore, before the graph is finalized."""
        self._global_step = _v1.train.get_global_step()
        if self._global_step is None:
            raise RuntimeError("A global step must be created before CheckpointInputPipelineHook is used.")
        iterators = _v1.get_collection(iterator_ops.GLOBAL_ITERATORS)
        saveables = [
            iterator_ops._IteratorSaveable(it, it.name, external_state_policy=self._policy) for it in iterators
        ]
        if not saveables:
            # An input_fn that returns tensors of its own making has no place to remember.
            _v1.logging.warning("CheckpointInputPipelineHook: the input has no dataset iterator; nothing is saved.")
            self._saver = None
            return
        self._saver = _v1.train.Saver(saveables, max_to_keep=self._keep, save_relative_paths=True)

    def after_create_session(self, session: Any, coord: Any) -> None:
        """Go to the saved place; this runs after the Estimator's own hook has put the iterator at the start."""
        del coord
        if self._saver is None:
            return
        newest = tf.train.latest_checkpoint(self._directory, latest_filename=self._latest)
        step = session.run(self._global_step)
        if newest:
            self._saver.restore(session, newest)
            self._timer.update_last_triggered_step(step)
        else:
            self._save(session, step)

    def before_run(self, run_context: Any) -> Any:
        """Ask for the global step together with the training step."""
        del run_context
        return _v1.train.SessionRunArgs(self._global_step)

    def after_run(self, run_context: Any, run_values: Any) -> None:
        """Save when it is time to."""
        # The step that came with the training step may be the one before it.
        if self._saver is not None and self._timer.should_trigger_for_step(run_values.results + 1):
            step = run_context.session.run(self._global_step)
            if self._timer.should_trigger_for_step(step):
                self._save(run_context.session, step)

    def end(self, session: Any) -> None:
        """Save the place at which training ended."""
        if self._saver is None:
            return
        step = session.run(self._global_step)
        if step != self._timer.last_triggered_step():
            self._save(session, step)

    def _save(self, session: Any, step: int) -> None:
        self._timer.update_last_triggered_step(step)
        self._saver.save(session, self._path, global_step=step, latest_filename=self._latest, write_meta_graph=False)
