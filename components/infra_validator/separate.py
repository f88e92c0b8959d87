"""Asking a model in a process of its own, which may crash, hang or eat all memory without harm to the node.

The process is a fork of the node's where that is safe (:mod:`components.forking`), and a fresh interpreter where it is
not. It is safe in the nodes that call this, which import TensorFlow and leave it alone.

The child leads a process group, so that whatever it starts dies with it, and asks the kernel to kill it when its parent
dies. It talks back over a pipe, one JSON object a line: what it is about to do, and at last its answer. So a
crash can be told together with what the model was asked at the time.
"""

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from components.forking import fork, may_fork, prepare_child
from components.infra_validator.probe import LINE_LIMIT, PROBE_MODULE, probe


@dataclass(frozen=True)
class Outcome:
    """How a probe ended.

    Attributes:
        answer: What the probe reports; None where it never came to that.
        failure: Why there is no answer, in words; None where there is one.
        seconds: From its start to its end.
    """

    answer: dict[str, Any] | None
    failure: str | None
    seconds: float


def ask(request: Mapping[str, Any], *, timeout: float) -> Outcome:
    """Probe a model in a separate process.

    Args:
        request: What :func:`components.infra_validator.probe.probe` takes, as JSON values.
        timeout: Seconds until the process is killed.

    Returns:
        The outcome. A model that crashes or hangs is one, not an exception.
    """
    started = time.monotonic()
    reading, writing = os.pipe()
    try:
        pid = _fork(request, reading, writing) if may_fork() else _start(request, writing)
    except BaseException:
        os.close(reading)
        raise
    finally:
        os.close(writing)
    try:
        lines, timed_out = _listen(reading, deadline=started + timeout)
    finally:
        os.close(reading)
        # The group is gone where all went well; where the child sits in a call, nothing softer would end it.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(pid, signal.SIGKILL)
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        _, status = os.waitpid(pid, 0)
    seconds = time.monotonic() - started
    answers = [line["answer"] for line in lines if "answer" in line]
    if answers:
        return Outcome(answers[-1], None, seconds)
    doing = next((line["doing"] for line in reversed(lines) if "doing" in line), "starting")
    if timed_out:
        return Outcome(None, f"the process was still {doing} after {timeout:g} s and was killed", seconds)
    return Outcome(None, f"the process {_ending(status)} while {doing}", seconds)


def _fork(request: Mapping[str, Any], reading: int, writing: int) -> int:
    def work(parent: int) -> None:
        os.close(reading)
        prepare_child(parent)
        probe(request, writing)

    return fork(work)


def _start(request: Mapping[str, Any], writing: int) -> int:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path or str(Path.cwd()) for path in sys.path)}
    arguments = [sys.executable, "-m", PROBE_MODULE, str(writing), str(os.getpid()), json.dumps(dict(request))]
    process = subprocess.Popen(
        arguments, pass_fds=(writing,), stdin=subprocess.DEVNULL, env=environment, process_group=0
    )
    # Its end is awaited in ask, for both kinds alike; Popen must not look for it, too.
    process.returncode = 0
    return process.pid


def _listen(reading: int, *, deadline: float) -> tuple[list[dict[str, Any]], bool]:
    """Read lines until the child closes its end or time is up."""
    buffered = b""
    while True:
        left = deadline - time.monotonic()
        if left <= 0 or not select.select([reading], [], [], left)[0]:
            return _parse(buffered), True
        block = os.read(reading, 65536)
        if not block or len(buffered) > LINE_LIMIT:
            return _parse(buffered), False
        buffered += block
        if b'"answer"' in buffered and buffered.endswith(b"\n"):
            return _parse(buffered), False


def _parse(buffered: bytes) -> list[dict[str, Any]]:
    lines = []
    for line in buffered.splitlines():
        with contextlib.suppress(ValueError):
            lines.append(json.loads(line))
    return lines


def _ending(status: int) -> str:
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        name = signal.Signals(number).name
        likely = " (out of memory?)" if number == signal.SIGKILL else ""
        return f"was ended by signal {number}, {name}{likely},"
    return f"ended with exit code {os.waitstatus_to_exitcode(status)}"
