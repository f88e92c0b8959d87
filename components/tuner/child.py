"""A training in a process and a folder of its own, which the search talks with while it goes.

As with the gates (:mod:`components.infra_validator.separate`) the process is a fork of the node's where that is safe,
which has TensorFlow at once, and a fresh interpreter where it is not. It dies with its parent. Over one pipe it
sends JSON lines: ``{"evaluation": ...}`` after each evaluation, then ``{"done": ...}`` or ``{"error": ...}``. After an
evaluation it waits for a line on the other pipe: ``go``, or ``stop``, upon which it ends at once.
"""

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from components import progress
from components.forking import fork, may_fork, prepare_child

REQUEST, LOG, PROGRESS, MODEL = "request.json", "log.txt", "progress.jsonl", "model"
GO, STOP = "go", "stop"
_MODULE = "components.tuner.trial"


class Child:
    """A process that trains.

    Args:
        folder: Its folder, which must not be there: two trainings can never share one.
        request: What :func:`components.tuner.trial.carry_out` takes, as JSON values.
        others: Those that run already, whose pipes are none of its business.
    """

    def __init__(self, folder: Path, request: Mapping[str, Any], others: Iterable["Child"] = ()) -> None:
        folder.mkdir(parents=True)
        (folder / REQUEST).write_text(json.dumps(dict(request), indent=1), encoding="utf-8")
        self.folder = folder
        self.ended: str | None = None
        self._buffer = b""
        self._reading, theirs = os.pipe()
        asking, self._answering = os.pipe()
        foreign = [one for child in others for one in child.pipes]
        try:
            start = _fork if may_fork() else _start
            self._pid = start(folder, (asking, theirs), [*foreign, self._reading, self._answering])
        finally:
            os.close(theirs)
            os.close(asking)

    @property
    def pipes(self) -> tuple[int, ...]:
        """This side's ends."""
        return () if self.ended is not None else (self._reading, self._answering)

    def fileno(self) -> int:
        """Return what ``select`` waits for."""
        return self._reading

    def messages(self) -> list[dict[str, Any]]:
        """Return what it said since the last time; call when there is something to read. May find that it ended."""
        data = os.read(self._reading, 65536)
        if not data:
            self._bury()
            return []
        *lines, self._buffer = (self._buffer + data).split(b"\n")
        return [json.loads(line) for line in lines]

    def answer(self, text: str) -> None:
        """Answer an evaluation."""
        with contextlib.suppress(BrokenPipeError):
            os.write(self._answering, f"{text}\n".encode())

    def step(self) -> tuple[int, int] | None:
        """Return the step that it last reported, and the one at which it ends."""
        try:
            with (self.folder / PROGRESS).open("rb") as file:
                file.seek(max(0, file.seek(0, os.SEEK_END) - 4096))
                lines = file.read().splitlines()
        except OSError:
            return None
        for line in reversed(lines):
            with contextlib.suppress(ValueError):
                event = json.loads(line)
                if isinstance(event, dict) and "step" in event:
                    return int(event["step"]), int(event["of"])
        return None

    def kill(self) -> None:
        """End it, if it still runs."""
        if self.ended is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._pid, signal.SIGKILL)
            self._bury()

    def _bury(self) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._pid, signal.SIGKILL)  # whatever it started
        _, status = os.waitpid(self._pid, 0)
        for pipe in self.pipes:
            os.close(pipe)
        if os.WIFSIGNALED(status):
            name = signal.Signals(os.WTERMSIG(status)).name
            self.ended = f"was ended by {name}" + (" (out of memory?)" if name == "SIGKILL" else "")
        else:
            self.ended = f"ended with exit code {os.waitstatus_to_exitcode(status)}"


def _fork(folder: Path, pipes: tuple[int, int], foreign: Iterable[int]) -> int:
    def work(parent: int) -> None:
        for one in foreign:
            os.close(one)
        be_child(folder, pipes, parent)

    return fork(work)


def _start(folder: Path, pipes: tuple[int, int], foreign: Iterable[int]) -> int:
    del foreign  # not inherited
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path or str(Path.cwd()) for path in sys.path)}
    command = [sys.executable, "-m", _MODULE, str(folder), *map(str, pipes), str(os.getpid())]
    process = subprocess.Popen(command, pass_fds=pipes, stdin=subprocess.DEVNULL, env=environment, process_group=0)
    process.returncode = 0  # its end is awaited here, for both kinds alike
    return process.pid


def be_child(folder: Path, pipes: tuple[int, int], parent: int) -> None:
    """Be the process that trains, from its first moment to its last."""
    prepare_child(parent)
    log = os.open(folder / LOG, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.close(log)
    os.environ[progress.VARIABLE] = str(folder / PROGRESS)
    from components.tuner.trial import carry_out

    request = json.loads((folder / REQUEST).read_text(encoding="utf-8"))
    carry_out(request, folder / MODEL, Line(*pipes))


class Line:
    """The child's side of the pipes.

    Args:
        asking: Where answers are read.
        writing: Where messages go.
    """

    def __init__(self, asking: int, writing: int) -> None:
        self._asking = os.fdopen(asking, "r", encoding="utf-8")
        self._writing = writing

    def say(self, **message: Any) -> None:
        """Send a message."""
        data = json.dumps(message).encode() + b"\n"
        while data:
            data = data[os.write(self._writing, data) :]

    def go_on(self) -> bool:
        """Wait for the answer to an evaluation; whether to go on."""
        return self._asking.readline().strip() == GO
