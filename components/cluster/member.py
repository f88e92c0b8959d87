"""One process of a cluster that we supervise: how it begins, what it leaves behind, and that it never outlives us."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import traceback
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from components import forking
from components.cluster.roles import part_of
from components.whole import write_whole
from pipeline.errors import InfrastructureError, PipelineError, find

TOLD = 70
"""The exit code of a process that has told why it cannot go on, and would tell the same again; EX_SOFTWARE."""

PARENT = "ESTIMATOR_PIPELINE_CLUSTER_PARENT"


def forked(work: Callable[[], None], folder: Path) -> Callable[[Mapping[str, str], Path, int], int]:
    """Return a starter (see :mod:`components.cluster.supervisor`) that forks this process.

    Only for a process that has no threads and has not used TensorFlow: neither would be whole in the child.

    Args:
        work: What the child does.
        folder: Where it writes its error.
    """

    def start(variables: Mapping[str, str], log: Path, pipe: int) -> int:
        del pipe  # is inherited
        sys.stdout.flush()
        sys.stderr.flush()
        parent = os.getpid()
        child = os.fork()
        if child:
            return child
        code = 1
        try:
            tie(parent)
            _redirect(log)
            os.environ.update(variables)
            code = run(work, folder)
        except BaseException:  # noqa: BLE001  nothing may escape into the parent's own code
            with contextlib.suppress(OSError):
                traceback.print_exc()
        finally:
            with contextlib.suppress(OSError):
                sys.stdout.flush()
                sys.stderr.flush()
            os._exit(code)  # TensorFlow's servers cannot be ended otherwise

    return start


def fresh(command: Sequence[str]) -> Callable[[Mapping[str, str], Path, int], int]:
    """Return a starter that runs a command, for a process that cannot fork; the command calls :func:`tie` first."""

    def start(variables: Mapping[str, str], log: Path, pipe: int) -> int:
        environment = {
            **os.environ,
            **variables,
            PARENT: str(os.getpid()),
            "PYTHONPATH": os.pathsep.join(path or str(Path.cwd()) for path in sys.path),
        }
        with log.open("ab") as file:
            process = subprocess.Popen(
                list(command), pass_fds=(pipe,), stdin=subprocess.DEVNULL, stdout=file, stderr=file, env=environment
            )
        process.returncode = 0  # whoever supervises waits for it, and Popen must not
        return process.pid

    return start


def tie(parent: int) -> None:
    """Tie this process's life to its parent's, and leave signals to whoever supervises it."""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the parent, too, which ends its children
    forking.tie(parent)


def run(work: Callable[[], None], folder: Path) -> int:
    """Do the work; return the exit code. What a person is to be told is written to ``<task>.error.json``."""
    try:
        work()
    except Exception as error:  # noqa: BLE001  every failure becomes an exit code
        traceback.print_exc()
        told = find(error)
        # What the machine did may pass; the log has it.
        if told is None or isinstance(told, InfrastructureError) or _passes(error):
            return 1
        return _tell(told, folder)
    return 0


def _passes(error: BaseException | None) -> bool:
    """Whether it is at bottom what TensorFlow says of another process that went away."""
    while error is not None:
        if type(error).__name__ in ("UnavailableError", "AbortedError", "CancelledError", "DeadlineExceededError"):
            return True
        error = error.__cause__ or error.__context__
    return False


def _tell(error: PipelineError, folder: Path) -> int:
    part = part_of(os.environ)
    if part is None:
        return 1
    write_whole(folder / f"{part.role.file}.error.json", json.dumps(error.as_json()))
    return TOLD


def _redirect(log: Path) -> None:
    file = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    os.dup2(file, 1)
    os.dup2(file, 2)
    os.close(file)
