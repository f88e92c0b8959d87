"""The fork server: imports TensorFlow, Beam and TFX once, and forks a process for each node of the run.

Importing them takes longer than most nodes do. The server does nothing else than import: no session, no store, no
thread, so that what it forks is as good as a fresh process. It is started by the runner and speaks JSON lines:
``{"start": NODE}``, ``{"stop": NODE}`` (SIGTERM) and ``{"kill": NODE}`` (SIGKILL) come in, ``{"ready": true}``,
``{"started": NODE, "process": N}`` and ``{"ended": NODE, "code": N, "peak_mb": N}`` go out. When the runner is
gone, however it went, its input ends; then it kills what it started and exits.
"""

import contextlib
import ctypes
import gc
import json
import os
import select
import signal
import sys
import warnings
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

from pipeline.local import leftovers
from pipeline.local.record import Job, read_job
from pipeline.metadata import password

PREPARE = "prepare"
"""The name of the first process of a run: it compiles the chain and tidies the metadata."""

CLOSE = "close"
"""The name of the last process of a run in which a node did not end well: it writes that down."""

TERMINATED = 143
"""The exit code of a node that was asked to end, and did."""

NOT_STARTED = 75
"""The exit code in the place of that of a node for which no process was to be had; EX_TEMPFAIL of sysexits.h."""

_PR_SET_PDEATHSIG = 1


def serve(job_file: Path, runner: int, only: str = "") -> None:
    """Import, then fork on request until the input ends.

    Args:
        job_file: What the run is to do; see :func:`pipeline.local.record.create_job`.
        runner: The process that started this one, which may be gone already.
        only: The one node of the run that is run here, where others may be run by other servers at the same time.
    """
    _die_with_parent(signal.SIGKILL, runner)  # importing, it would not see for seconds that its input has ended
    job = read_job(job_file)
    requests, replies = os.dup(0), os.dup(1)
    _redirect(job.log("server"))
    password.take()
    # The collector would look through half a million objects that stay, again and again: as they are made here, and
    # then in every node, which would copy the pages that it marks.
    gc.disable()
    _import_everything()
    gc.freeze()
    gc.enable()
    _die_with_parent(0)  # from now on it sees it, and has children to end first
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # who ends a whole service means the runner, which ends us in order
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
                _obey(json.loads(line), job, children, (requests, replies), only)
        _reap(job, children, replies, only)
    for process in children:
        _kill(process)
    leftovers.remove_all(job.folder, only)  # the runner does so too, if it lives
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


def _obey(request: dict[str, Any], job: Job, children: dict[int, str], pipes: tuple[int, int], only: str) -> None:
    if "start" in request:
        server = os.getpid()
        try:
            process = os.fork()
        except OSError as error:  # no memory, or too many processes
            sys.stderr.write(f"{request['start']} could not be forked: {error}\n")
            _reply(pipes[1], {"ended": request["start"], "code": NOT_STARTED})
            return
        if process == 0:
            for pipe in pipes:
                os.close(pipe)
            _be_node(request, job, server, only)
        _lead_group(process)  # the child does so, too: who comes first is a matter of luck
        children[process] = request["start"]
        _reply(pipes[1], {"started": request["start"], "process": process})
        return
    for process, name in children.items():
        if name == request.get("kill"):
            _kill(process)
        elif name == request.get("stop"):
            _kill(process, signal.SIGTERM)


def _be_node(request: dict[str, Any], job: Job, server: int, only: str) -> NoReturn:
    code, name = 1, request["start"]
    try:
        _lead_group(0)
        signal.signal(signal.SIGTERM, _end)
        _die_with_parent(signal.SIGKILL, server)
        _redirect(job.log(name))
        leftovers.use(job.folder, leftovers.name_of(name, only))
        from pipeline.local import node

        if name == PREPARE:
            code = node.prepare(job, among_others=bool(only))
        elif name == CLOSE:
            code = node.close(job, request["ends"])
        else:
            code = node.run(job, name, request.get("failed", ""))
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 1
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


def _end(number: int, frame: FrameType | None) -> NoReturn:
    """Leave all blocks in order, so that each removes its temporary files; what takes too long is killed."""
    del number, frame
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    sys.exit(TERMINATED)


def _lead_group(process: int) -> None:
    """Put a process into a group of its own, so that what it starts can be killed with it."""
    with contextlib.suppress(PermissionError, ProcessLookupError):
        os.setpgid(process, process)


def _reap(job: Job, children: dict[int, str], replies: int, only: str) -> None:
    while children:
        process, status, usage = os.wait4(-1, os.WNOHANG)
        if process == 0:
            return
        name = children.pop(process, None)
        _kill(process)  # whatever is left of its group
        if name is not None:
            leftovers.remove(job.folder, leftovers.name_of(name, only))
            code = os.waitstatus_to_exitcode(status)
            _reply(replies, {"ended": name, "code": code, "peak_mb": usage.ru_maxrss >> 10})


def _kill(process: int, number: int = signal.SIGKILL) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process, number)


if __name__ == "__main__":
    serve(Path(sys.argv[1]), int(sys.argv[2]), *sys.argv[3:4])
