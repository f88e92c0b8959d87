"""Starts TensorBoard in a process of its own, and keeps what it shows up to date while trainings come and go."""

import http.client
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from pipeline.errors import InfrastructureError, SettingsError
from pipeline.watching.serve import PARENT
from pipeline.watching.trainings import Trainings
from pipeline.watching.view import show

HOST = "127.0.0.1"
_FIRST, _LAST = 6006, 6106  # TensorBoard's own port, and those that are tried after it
_START_SECS, _REFRESH_SECS, _END_SECS = 120.0, 2.0, 5.0


def free_port(wanted: int | None) -> int:
    """Return the port to listen on.

    Args:
        wanted: The one that was asked for; None for the first that is free, from 6006 on.

    Raises:
        SettingsError: If the one that was asked for is taken.
    """
    for port in [wanted] if wanted is not None else range(_FIRST, _LAST):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    if wanted is None:
        raise InfrastructureError(f"No port from {_FIRST} to {_LAST} is free", hint="name one with --port")
    raise SettingsError(
        f"Port {wanted} is taken", where="--port", hint="leave --port out to have a free one found, or name another"
    )


def watch(trainings: Trainings, port: int, ready: Callable[[str, int, dict[str, Path]], None]) -> None:
    """Show trainings until interrupted.

    Args:
        trainings: What to show.
        port: Where to listen, on the loopback interface.
        ready: Told the address, the process and the trainings once TensorBoard answers.

    Raises:
        InfrastructureError: If TensorBoard does not start, or ends by itself.
        KeyboardInterrupt: When interrupted; TensorBoard has ended then.
    """
    place = Path(tempfile.mkdtemp(prefix="estimator-pipeline-tensorboard-"))
    view, log = place / "trainings", place / "log"
    view.mkdir()
    process = None
    try:
        found = trainings.find()
        show(view, found)
        process = _start(view, port, log)
        _await(process, port, log)
        ready(f"http://{HOST}:{port}/", process.pid, found)
        while process.poll() is None:
            time.sleep(_REFRESH_SECS)
            show(view, trainings.find())
        raise _ended(process.returncode, log)
    finally:
        if process is not None:
            _end(process)
        shutil.rmtree(place, ignore_errors=True)  # links are removed, and not followed


def _start(view: Path, port: int, log: Path) -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-m", "pipeline.watching.serve", "--logdir", str(view), "--host", HOST]
    command += ["--port", str(port), "--reload_interval", str(_REFRESH_SECS), "--load_fast", "false"]
    environment = {**os.environ, PARENT: str(os.getpid()), "PYTHONPATH": str(Path(__file__).parents[2])}
    with log.open("wb") as file:
        # A session of its own, so that Ctrl-C reaches us alone, and we end it.
        return subprocess.Popen(command, stdout=file, stderr=file, env=environment, start_new_session=True)


def _await(process: "subprocess.Popen[bytes]", port: int, log: Path) -> None:
    until = time.monotonic() + _START_SECS
    while time.monotonic() < until:
        if process.poll() is not None:
            raise _ended(process.returncode, log)
        connection = http.client.HTTPConnection(HOST, port, timeout=5)
        try:
            connection.request("GET", "/data/environment")
            if connection.getresponse().status == 200:
                return
        except OSError:
            time.sleep(0.1)
        finally:
            connection.close()
    raise InfrastructureError(f"TensorBoard did not answer within {_START_SECS:.0f} s", got=_tail(log))


def _ended(code: int, log: Path) -> InfrastructureError:
    return InfrastructureError(
        f"TensorBoard ended by itself, with exit code {code}",
        got=_tail(log),
        hint="if a package is missing, install the project's locked dependencies: make install",
    )


def _tail(log: Path) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    return lines[-1][:300] if lines else "it said nothing"


def _end(process: "subprocess.Popen[bytes]") -> None:
    if process.poll() is not None:
        return
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(_END_SECS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
