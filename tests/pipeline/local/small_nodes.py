"""Nodes that misbehave in one way each, as TFX components; they run in processes of the real fork server.

What a node does is its exec property ``acts``, ``scratch`` a folder in which it leaves marks.
"""

import contextlib
import ctypes
import os
import resource
import signal
import subprocess
import tempfile
import time
from pathlib import Path

from tfx.dsl.component.experimental.annotations import OutputArtifact, Parameter
from tfx.dsl.component.experimental.decorators import component
from tfx.types import standard_artifacts

from components import progress
from pipeline.errors import UserCodeError
from pipeline.local import attempts


@component
def Small(acts: Parameter[str], scratch: Parameter[str], made: OutputArtifact[standard_artifacts.Schema]) -> None:
    """Act as told, having left something half made."""
    Path(made.uri, "half").write_text(acts)
    act(acts, Path(scratch))
    Path(made.uri, "half").rename(Path(made.uri, "whole"))


def act(acts: str, scratch: Path) -> None:
    tries = len(list(scratch.glob(f"{acts}.*")))
    (scratch / f"{acts}.{tries}").write_text(str(os.getpid()))
    progress.report(note=f"try {tries}")
    if (acts == "killed once" and tries == 0) or acts == "killed always":
        os.kill(os.getpid(), signal.SIGKILL)
    elif acts == "terminated once" and tries == 0:
        os.kill(os.getpid(), signal.SIGTERM)
    elif acts == "no memory once" and tries == 0:
        take_more_than_there_is()
    elif acts == "no memory in C++":
        thrower = ctypes.CDLL("libstdc++.so.6")._ZSt17__throw_bad_allocv
        thrower()
    elif acts.startswith("wrong code"):
        if acts.endswith("when another sleeps"):
            wait_for(scratch / "sleeps leaves")
        raise UserCodeError("model_fn of small raised ValueError", where="model.py:3", hint="mend model.py")
    elif acts in ("sleeps", "sleeps too"):
        with tempfile.TemporaryDirectory(prefix="small-") as folder:
            child = subprocess.Popen(["sleep", "600"])
            (scratch / f"{acts} leaves").write_text(f"{child.pid} {folder}")
            time.sleep(600)
    elif acts == "does not end":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        (scratch / f"{acts} leaves").write_text(f"{os.getpid()} {scratch / 'none'}")
        time.sleep(600)
    elif acts == "grows":
        kept = []
        for _ in range(200):
            kept.append(b"x" * (20 << 20))
            time.sleep(0.05)
    elif acts == "stays on":
        wait_for(scratch / "stay on")
        time.sleep(attempts.FIRST_WAIT + 0.5)  # beyond the wait of who failed beside it


def wait_for(file: Path) -> None:
    end = time.monotonic() + 60
    while not file.exists() and time.monotonic() < end:
        time.sleep(0.02)


def take_more_than_there_is() -> None:
    """Raise the ``MemoryError`` that Python raises when the system gives it nothing more."""
    before = resource.getrlimit(resource.RLIMIT_AS)
    size = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (size + (64 << 20), before[1]))
    with contextlib.ExitStack() as stack:
        stack.callback(resource.setrlimit, resource.RLIMIT_AS, before)
        bytearray(1 << 30)
