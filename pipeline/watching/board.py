"""Starts TensorBoard in a process of its own, and keeps what it shows up to date while trainings come and go."""

import fcntl
import http.client
import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from pipeline.errors import InfrastructureError, SettingsError
from pipeline.lineage.liveness import LOCK, is_held
from pipeline.watching.serve import PARENT, SOCKET
from pipeline.watching.trainings import Trainings
from pipeline.watching.view import show

HOST = "127.0.0.1"
_FIRST, _LAST = 6006, 6106  # TensorBoard's own port, and those that are tried after it
_START_SECS, _REFRESH_SECS, _END_SECS = 120.0, 2.0, 5.0
_PREFIX = "estimator-pipeline-tensorboard-"
_YOUNG_SECS = 60.0  # a lock that was made a moment ago may not be held yet
_MISSING = ("ModuleNotFoundError", "ImportError")


def listen(wanted: int | None) -> socket.socket:
    """Return a socket that listens, and so has its port to itself: TensorBoard takes seconds until it could ask for it.

    Args:
        wanted: The port that was asked for; None for the first that is free, from 6006 on.

    Raises:
        SettingsError: If the one that was asked for is taken.
        InfrastructureError: If none is free.
    """
    for port in [wanted] if wanted is not None else range(_FIRST, _LAST):
        mine = socket.socket()
        mine.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            mine.bind((HOST, port))
            mine.listen()  # two may bind the same port, but only one of them listens
        except OSError:
            mine.close()
            continue
        return mine
    if wanted is None:
        raise InfrastructureError(f"No port from {_FIRST} to {_LAST} is free", hint="name one with --port")
    raise SettingsError(
        f"Port {wanted} is taken", where="--port", hint="leave --port out to have a free one found, or name another"
    )


def sweep(folder: Path) -> None:
    """Remove the temporary folders of commands that were killed; those that go on hold a lock in theirs."""
    for one in folder.glob(f"{_PREFIX}*"):
        if _is_left_over(one):
            shutil.rmtree(one, ignore_errors=True)  # links are removed, and not followed


def _is_left_over(place: Path) -> bool:
    try:
        found = place.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
            return False
        is_old = time.time() - found.st_mtime > _YOUNG_SECS
        return is_old and (place / LOCK).exists() and not is_held(place / LOCK)
    except OSError:  # it went meanwhile
        return False


@contextmanager
def _temporary() -> Iterator[Path]:
    """Yield a folder that is this command's until it ends, however it ends."""
    place = Path(tempfile.mkdtemp(prefix=_PREFIX))
    try:
        with (place / LOCK).open("wb") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield place
    finally:
        shutil.rmtree(place, ignore_errors=True)


def watch(trainings: Trainings, listening: socket.socket, ready: Callable[[str, int, dict[str, Path]], None]) -> None:
    """Show trainings until interrupted.

    Args:
        trainings: What to show.
        listening: Where to, as :func:`listen` returns it; it is closed here, and TensorBoard has it then.
        ready: Told the address, the process and the trainings once TensorBoard answers.

    Raises:
        InfrastructureError: If TensorBoard does not start, or ends by itself.
        KeyboardInterrupt: When interrupted; TensorBoard has ended then.
    """
    sweep(Path(tempfile.gettempdir()))
    with listening, _temporary() as place:
        view, log = place / "trainings", place / "log"
        view.mkdir()
        process = None
        port = listening.getsockname()[1]
        try:
            found = trainings.find()
            show(view, found)
            process = _start(view, listening, log)
            listening.close()  # from here on whoever is answered there is answered by that process
            _await(process, port, log)
            ready(f"http://{HOST}:{port}/", process.pid, found)
            while process.poll() is None:
                time.sleep(_REFRESH_SECS)
                show(view, trainings.find())
            raise ended(process.returncode, log)
        finally:
            if process is not None:
                _end(process)


def _start(view: Path, listening: socket.socket, log: Path) -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-m", "pipeline.watching.serve", "--logdir", str(view), "--host", HOST]
    command += ["--port", "0", "--reload_interval", str(_REFRESH_SECS), "--load_fast", "false"]
    told = {PARENT: str(os.getpid()), SOCKET: str(listening.fileno()), "PYTHONPATH": str(Path(__file__).parents[2])}
    with log.open("wb") as file:
        return subprocess.Popen(
            command,
            stdout=file,
            stderr=file,
            env={**os.environ, **told},
            pass_fds=[listening.fileno()],
            start_new_session=True,  # so that Ctrl-C reaches us alone, and we end it
        )


def _await(process: "subprocess.Popen[bytes]", port: int, log: Path) -> None:
    until = time.monotonic() + _START_SECS
    while time.monotonic() < until:
        if process.poll() is not None:
            raise ended(process.returncode, log)
        connection = http.client.HTTPConnection(HOST, port, timeout=5)
        try:
            connection.request("GET", "/data/environment")
            if connection.getresponse().status == 200:
                return
        except (OSError, http.client.HTTPException):
            time.sleep(0.1)
        finally:
            connection.close()
    raise InfrastructureError(f"TensorBoard did not answer within {_START_SECS:.0f} s", got=_tail(log))


def ended(code: int, log: Path) -> InfrastructureError:
    """Return the error of a TensorBoard that ended though nobody had asked it to.

    Args:
        code: Its exit code; negative for the signal that ended it.
        log: What it said.
    """
    if code < 0:
        name = signal.Signals(-code).name if -code in set(signal.Signals) else f"signal {-code}"
        memory = "; SIGKILL may mean that memory ran out: name one problem, then it shows fewer trainings"
        return InfrastructureError(
            f"TensorBoard was ended from outside, by {name}",
            hint="give the same command again" + (memory if -code == signal.SIGKILL else ""),
        )
    is_missing = any(word in log.read_text(encoding="utf-8", errors="replace") for word in _MISSING)
    return InfrastructureError(
        f"TensorBoard ended by itself, with exit code {code}",
        got=_tail(log),
        hint="install the project's locked dependencies: make install" if is_missing else "give the same command again",
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
