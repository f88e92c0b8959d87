"""The fork server: imports TensorFlow, Beam and TFX once, and forks a process for each node of the run.

Importing them takes longer than most nodes do. The server does nothing else than import: no session, no store, no
thread, so that what it forks is as good as a fresh process. It is started by the runner and speaks JSON lines:
``{"start": NODE}`` and ``{"kill": NODE}`` come in, ``{"ready": true}`` and ``{"ended": NODE, "code": N}`` go out. When
the runner is gone, however it went, its input ends; then it kills what it started and exits.
"""

import contextlib
import ctypes
import json
import os
import select
import signal
import sys
import warnings
from pathlib import Path
from typing import Any, NoReturn

from pipeline.local.record import Job, read_job
from pipeline.metadata import password

PREPARE = "prepare"
"""The name of the first process of a run: it compiles the chain and tidies the metadata."""

_PR_SET_PDEATHSIG = 1


def serve(job_file: Path) -> None:
    """Import, then fork on request until the input ends."""
    job = read_job(job_file)
    _die_with_parent(signal.SIGKILL)  # importing, it would not see for seconds that its input has ended
    requests, replies = os.dup(0), os.dup(1)
    _redirect(job.log("server"))
    password.take()
    _import_everything()
    _die_with_parent(0)  # from now on it sees it, and has children to end first
    _reply(replies, {"ready": True})
    children: dict[int, str] = {}
    buffer = b""
    while True:
        readable, _, _ = select.select([requests], [], [], 0.02)
        if readable:
            data = os.read(requests, 65536)
            if not data:
                break
            *lines, buffer = (buffer + data).split(b"\n")
            for line in lines:
                _obey(json.loads(line), job, children, (requests, replies))
        _reap(children, replies)
    for process in children:
        _kill(process)
    os._exit(0)  # the interpreter would take seconds to take TensorFlow down


def _die_with_parent(number: int, parent: int | None = None) -> None:
    """Have the kernel send this process a signal when its parent dies; 0 for none.

    Args:
        number: The signal.
        parent: Who the parent is, to see whether it died before the kernel was asked.
    """
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, number)
    if parent is not None and os.getppid() != parent:
        os._exit(1)


def _import_everything() -> None:
    warnings.simplefilter("ignore")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "1")
    os.environ.setdefault("GLOG_minloglevel", "3")  # see pipeline.metadata.client, which TFX must not be before
    import components.estimator.compat  # noqa: F401  before TensorFlow

    import pipeline.chain
    import pipeline.local.node  # noqa: F401
    from components.trainer import run  # noqa: F401  what import paths in the chain lead to
    from components.transform import preprocessing  # noqa: F401


def _redirect(log: Path) -> None:
    file = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    os.dup2(file, 1)
    os.dup2(file, 2)
    os.close(file)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)


def _reply(replies: int, message: dict[str, Any]) -> None:
    with contextlib.suppress(BrokenPipeError):
        os.write(replies, json.dumps(message).encode() + b"\n")


def _obey(request: dict[str, Any], job: Job, children: dict[int, str], pipes: tuple[int, int]) -> None:
    if "start" in request:
        server = os.getpid()
        process = os.fork()
        if process == 0:
            for pipe in pipes:
                os.close(pipe)
            _be_node(request["start"], job, server)
        children[process] = request["start"]
    elif "kill" in request:
        for process, name in children.items():
            if name == request["kill"]:
                _kill(process)


def _be_node(name: str, job: Job, server: int) -> NoReturn:
    code = 1
    try:
        os.setpgid(0, 0)  # a group of its own, so that what it starts can be killed with it
        _die_with_parent(signal.SIGKILL, server)
        _redirect(job.log(name))
        from pipeline.local import node

        code = node.prepare(job) if name == PREPARE else node.run(job, name)
    except BaseException:  # noqa: BLE001  nothing may escape into the server's own code
        import traceback

        with contextlib.suppress(OSError):  # the log's disk may be what is full
            traceback.print_exc()
    finally:
        try:
            sys.stdout.flush()
            sys.stderr.flush()
        finally:
            os._exit(code)


def _reap(children: dict[int, str], replies: int) -> None:
    while children:
        process, status = os.waitpid(-1, os.WNOHANG)
        if process == 0:
            return
        name = children.pop(process, None)
        _kill(process)  # whatever is left of its group
        if name is not None:
            _reply(replies, {"ended": name, "code": os.waitstatus_to_exitcode(status)})


def _kill(process: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process, signal.SIGKILL)


if __name__ == "__main__":
    serve(Path(sys.argv[1]))
