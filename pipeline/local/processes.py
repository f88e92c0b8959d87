"""The runner's side of the fork server: starts it, asks it for node processes, and ends it."""

import contextlib
import json
import os
import selectors
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from pipeline.errors import InfrastructureError
from pipeline.local.causes import LESS_MEMORY
from pipeline.local.record import Job

_PROJECT = Path(__file__).resolve().parents[2]


def _how(code: int) -> str:
    return f"signal {-code} ({signal.Signals(-code).name})" if code < 0 else f"exit code {code}"


def _lost(code: int, log: Path) -> InfrastructureError:
    """Describe a fork server that had loaded all and ended all the same: with it went the nodes that were under way."""
    return InfrastructureError(
        "The fork server, the process that starts all nodes, " + ("was killed" if code < 0 else "ended"),
        got=f"{_how(code)}; it is not started again within a run, and the nodes that were under way ended with it",
        where=str(log),
        hint="the command below goes on where it was; if nobody killed it, the machine ran out of memory: "
        + LESS_MEMORY,
    )


def _not_loaded(code: int, log: Path) -> InfrastructureError:
    """Describe a fork server that ended before it had loaded all: what it prints by then tells of an import only."""
    if code in (-signal.SIGKILL, -signal.SIGTERM):
        return InfrastructureError(
            "The process that loads TensorFlow, Beam and TFX was killed",
            got=f"{_how(code)}, before any node was started",
            where=str(log),
            hint="somebody killed it, or the machine ran out of memory: then close other programs, or take a machine "
            "with more; the command below goes on",
        )
    last = [line for line in log.read_text(errors="replace").splitlines() if line.strip()][-2:]
    return InfrastructureError(
        "The process that loads TensorFlow, Beam and TFX ended",
        got=_how(code) + "".join(f"\n{line[:300]}" for line in last),
        where=str(log),
        hint="`python runner.py doctor` says what is missing",
    )


class Server:
    """A running fork server, as a context; leaving it kills whatever still runs.

    Args:
        job: The run that it serves.
        only: The one node that it is to run, where other servers may run others of this run at the same time.
        kept: Descriptors that it, and the nodes, keep open for as long as they live: those of locks.
    """

    def __init__(self, job: Job, only: str = "", kept: Sequence[int] = ()) -> None:
        self._job = job
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        environment["PYTHONPATH"] = os.pathsep.join([str(_PROJECT), *filter(None, [environment.get("PYTHONPATH")])])
        environment.setdefault("PYTHONWARNINGS", "ignore")
        job.log("server").parent.mkdir(parents=True, exist_ok=True)  # gc removes logs of runs that it does not keep
        with job.log("server").open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "pipeline.local.server", str(job.folder / "job.json"), str(os.getpid()), only],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                env=environment,
                pass_fds=kept,
                start_new_session=True,  # Ctrl-C reaches the runner only, which ends its children in order
            )
        self._buffer = b""
        self._imports = True
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._out, selectors.EVENT_READ)

    @property
    def _out(self) -> int:
        if self._process.stdout is None:
            raise RuntimeError("the server was started without a pipe")
        return self._process.stdout.fileno()

    def start(self, node: str, **more: Any) -> None:
        """Ask for a process that runs ``node``; what else it is told has to be JSON."""
        self._ask({"start": node, **more})

    def stop(self, node: str) -> None:
        """Ask the process of ``node``, and all that it started, to end."""
        self._ask({"stop": node})

    def kill(self, node: str) -> None:
        """Ask to kill the process of ``node`` and all that it started."""
        self._ask({"kill": node})

    def _ask(self, request: dict[str, Any]) -> None:
        if self._process.stdin is None:
            raise RuntimeError("the server was started without a pipe")
        try:
            self._process.stdin.write(json.dumps(request).encode() + b"\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            raise self._gone() from None

    def messages(self, timeout: float) -> list[dict[str, Any]]:
        """Return the messages that came within ``timeout`` seconds; as soon as there is one.

        Raises:
            InfrastructureError: If the server is gone.
        """
        if not self._selector.select(timeout):
            return []
        data = os.read(self._out, 65536)
        if not data:
            raise self._gone()
        *lines, self._buffer = (self._buffer + data).split(b"\n")
        messages: list[dict[str, Any]] = [json.loads(line) for line in lines]
        self._imports = self._imports and not any(message.get("ready") for message in messages)
        return messages

    def _gone(self) -> InfrastructureError:
        self._process.wait()
        log = self._job.log("server")
        return (_not_loaded if self._imports else _lost)(self._process.returncode, log)

    def __enter__(self) -> "Server":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._selector.close()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()  # the server kills its children and exits when its input ends
        try:
            # It obeys at once, save while it imports. Its children ask the kernel to be killed when it dies.
            self._process.wait(timeout=0.1 if self._imports else 10 if kind is None else 1)
        except subprocess.TimeoutExpired:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
