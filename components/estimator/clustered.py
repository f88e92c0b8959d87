"""What one process of a training cluster does beside, or in place of, what a training in one process does.

The protocol is the Estimator's own (``tf.estimator.train_and_evaluate``, "Example of distributed training"): the chief
and the workers build the same graph, with its variables on the parameter servers, and each feeds it rows of its own,
without waiting for the others; the chief saves; the evaluator looks at the checkpoints.
"""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import components.estimator.compat  # noqa: F401  before TensorFlow

import tensorflow as tf

from components.cluster.messages import in_step, supervised, tell
from components.cluster.roles import Part, Role
from components.cluster.waiting import wait_for
from components.estimator.checkpoints import latest
from components.estimator.evaluations import Evaluations
from components.progress import report
from components.whole import write_whole
from pipeline.errors import InfrastructureError

ENDED = "ended.json"
"""The file by which the chief says that training is over, in the training's folder."""

_TELL_SECS = 0.1
_LOOK_SECS = 0.25
_SESSION_SECS = 0.5  # TensorFlow: 30


def serve_variables(part: Part) -> None:
    """Be a parameter server; does not return. As tf.estimator's own executor does it, without the model."""
    server = tf.distribute.Server(
        tf.train.ClusterSpec({kind: list(given) for kind, given in part.cluster.items() if kind != "evaluator"}),
        job_name=part.role.kind,
        task_index=part.role.index,
        protocol="grpc",
    )
    told(part.role, at_work=True)
    if not supervised():
        report(line=f"{part.role} serves variables, until the platform ends it")
    server.join()


def waits(role: Role, what: str) -> None:
    """Tell what this process waits for: the supervisor, or on a platform whoever watches the node."""
    told(role, doing=f"waits for {what}")
    if not supervised():
        report(line=f"{role} waits for " + ", ".join(what.splitlines()))


def told(role: Role, **message: Any) -> None:
    """Tell the supervisor something about this process."""
    tell(kind=role.kind, index=role.index, **message)


def look_often() -> None:
    """Have a worker look every half second whether the chief has initialised the model, in place of every half minute.

    ``SessionManager`` has an argument for that, and nobody hands it over: a worker that comes a second before the
    chief, or back with it after a server was lost, would be idle for the rest of 30 s.
    """
    from tensorflow.python.training import session_manager

    made = session_manager.SessionManager.__init__
    if not getattr(made, "looks_often", False):

        def often(self: Any, *given: Any, **named: Any) -> None:
            made(self, *given, **{"recovery_wait_secs": _SESSION_SECS, **named})

        often.looks_often = True  # type: ignore[attr-defined]
        session_manager.SessionManager.__init__ = often


class TellHook(tf.estimator.SessionRunHook):
    """Tells the supervisor that a process has begun to train (again), and the chief's step from then on.

    And when the chief is within a step: there it may hang, waiting for another process. The first one does not count,
    which may compile, or fill a buffer of rows.
    """

    def __init__(self, role: Role) -> None:
        self._role = role
        self._last = 0.0
        self._first = True

    def begin(self) -> None:
        """Find the step's tensor."""
        self._step = tf.compat.v1.train.get_or_create_global_step()

    def after_create_session(self, session: Any, coord: Any) -> None:
        """Tell where it begins; also after a server was lost, when there is another session."""
        del coord
        self._first = True
        in_step.clear()
        told(self._role, at_work=True, step=int(session.run(self._step)))

    def before_run(self, run_context: Any) -> Any:
        """Ask for the step, now and then."""
        del run_context
        if not self._first:
            in_step.set()
        if self._role.kind == "worker" or time.monotonic() - self._last < _TELL_SECS:
            return None
        return tf.estimator.SessionRunArgs(self._step)

    def after_run(self, run_context: Any, run_values: Any) -> None:
        """Tell it."""
        del run_context
        self._first = False
        in_step.clear()
        if run_values.results is not None:
            self._last = time.monotonic()
            told(self._role, step=int(run_values.results))

    def end(self, session: Any) -> None:
        """Be within no step any more, also if the rows ended within one."""
        del session
        in_step.clear()


def say_ended(model_dir: Path) -> None:
    """Say that training is over, at the latest checkpoint."""
    write_whole(model_dir / ENDED, json.dumps({"checkpoint": Path(latest(model_dir) or "").name}))


def has_ended(model_dir: Path) -> bool:
    """Whether training is over, at the checkpoint that is the latest one."""
    file, newest = model_dir / ENDED, latest(model_dir)
    return file.exists() and newest is not None and json.loads(file.read_text())["checkpoint"] == Path(newest).name


def do_part(
    part: Part, model_dir: Path, made: tuple[Any, Any, Any], timeout: int, throttle_secs: int, *, done: bool
) -> None:
    """Train, or evaluate, as one process of a cluster.

    Args:
        part: The part of this process.
        model_dir: The training's folder.
        made: The Estimator, the ``TrainSpec`` and the ``EvalSpec``, whose own ``throttle_secs`` is 0.
        timeout: Seconds that the others may take to come.
        throttle_secs: Fewest seconds between two evaluations.
        done: Whether there is nothing left to train.

    Raises:
        InfrastructureError: If the others do not come.
    """
    if part.role.kind == "evaluator":
        from tensorflow_estimator.python.estimator.training import _TrainingExecutor

        def executor(listener: Any) -> Any:
            return _TrainingExecutor(*made, continuous_eval_listener=listener)

        evaluate_until_ended(part.role, model_dir, throttle_secs, executor)
        return
    if not done:
        wait_for(part.servers, timeout, lambda servers: waits(part.role, servers))
        if not part.leads:
            waits(part.role, "the chief, which initialises the model")
        try:
            tf.estimator.train_and_evaluate(*made)
        except tf.errors.DeadlineExceededError as error:
            if part.leads:
                raise
            raise InfrastructureError(
                f"The training cluster did not form within {timeout:,} s",
                got=f"{part.role} waited for the chief to initialise the model: {error.message[:300]}",
                expected="a chief that trains",
                hint="see why the chief does not run (its log)",
            ) from None
    if part.leads:
        say_ended(model_dir)


def evaluate_until_ended(role: Role, model_dir: Path, throttle_secs: int, executor: Callable[[Any], Any]) -> None:
    """Be the evaluator, by tf.estimator's own loop, which this tells when to look.

    Left alone, that loop never ends if training stops early, sleeps through the end of training for as much as
    ``throttle_secs``, and takes a whole core to look for checkpoints if these are zero.

    Args:
        role: The evaluator's.
        model_dir: The training's folder.
        throttle_secs: Fewest seconds between two evaluations, save for the last one.
        executor: Given a listener, makes the executor (``_TrainingExecutor``) whose ``run_evaluator`` is the loop.
    """
    from tensorflow_estimator.python.estimator.training import _ContinuousEvalListener

    class Listener(_ContinuousEvalListener):
        seen: str | None = None
        began = -float("inf")

        def before_eval(self) -> bool:
            """Wait until there is something to evaluate; False if there never will be."""
            while True:
                over, newest = has_ended(model_dir), latest(model_dir)
                if newest and newest != self.seen and (over or time.monotonic() - self.began >= throttle_secs):
                    self.began, self.seen = time.monotonic(), newest
                    return True
                if over:
                    return False
                time.sleep(_LOOK_SECS)

        def after_eval(self, eval_result: Any) -> bool:
            """Remember what was evaluated, which may be newer than what was waited for."""
            self.seen = eval_result.checkpoint_path or self.seen
            return True

    told(role, at_work=True)
    while True:
        listener = Listener()
        try:
            executor(listener).run_evaluator()
        except Exception:
            # Where checkpoints come faster than evaluations, the one at hand is swept meanwhile; there is a newer one.
            if listener.seen is None or Path(f"{listener.seen}.index").exists():
                raise
        else:
            return


def wait_for_checkpoint(role: Role, model_dir: Path) -> None:
    """Return when there is a checkpoint.

    An evaluator has no use before, and making its Estimator earlier would write a converted Keras model's first weights
    side by side with the chief.
    """
    told(role, at_work=True)
    if latest(model_dir) is None:
        waits(role, "the chief's first checkpoint")
    while latest(model_dir) is None:
        time.sleep(_LOOK_SECS)


def wait_for_evaluation(model_dir: Path, part: Part, most: float = 600.0) -> None:
    """On a platform, let the evaluator look at the last checkpoint before it is exported, if there is an evaluator.

    Whether there is one, the cluster need not say: it is believed in if it was named, or has written anything.

    Args:
        model_dir: The training's folder.
        part: The chief's.
        most: Seconds to wait; after that the chief evaluates.
    """
    newest = latest(model_dir)
    evaluations = Evaluations(str(model_dir / "eval"))
    if newest is None or not ("evaluator" in part.cluster or evaluations.by_step):
        return
    step, until = int(newest.rpartition("-")[2]), time.monotonic() + most
    while max(evaluations.by_step, default=0) < step and time.monotonic() < until:
        time.sleep(_LOOK_SECS)
        evaluations.refresh()
