"""The separate process: where it may be a fork, and that it does not outlive the one that asked."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from components.forking import may_fork
from components.infra_validator.separate import ask

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[3]


def test_a_fresh_interpreter_is_asked_where_tensorflow_was_used(exports: dict[str, Path], eval_split: Path) -> None:
    assert not may_fork()  # the exports were made in this process
    files = [str(path) for path in (eval_split / "Split-eval").iterdir()]
    request = {"model": str(exports["good"] / "Format-Serving"), "files": files, "rows": 4, "label": "price"}
    outcome = ask(request, timeout=120)
    assert outcome.failure is None
    assert outcome.answer is not None
    assert (outcome.answer["rows"], outcome.answer["problems"]) == (4, [])


def test_other_threads_forbid_a_fork() -> None:
    code = "import threading; from components.forking import may_fork; print(may_fork())"
    blocked = code.replace("print", "threading.Thread(target=threading.Event().wait, daemon=True).start(); print")
    for program, answer in ((code, "True"), (blocked, "False")):
        ended = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
        assert ended.stdout.strip() == answer


def test_it_dies_with_the_process_that_asked() -> None:
    # It is killed half a second into the child's import of TensorFlow, which takes seconds and would end much later.
    program = (
        "from components.infra_validator.separate import ask\n"
        "ask({'model': '/nowhere', 'files': [], 'rows': 0, 'label': ''}, timeout=60)"
    )
    asking = subprocess.Popen([sys.executable, "-c", program], cwd=ROOT)
    try:
        children = Path(f"/proc/{asking.pid}/task/{asking.pid}/children")
        child = _wait_for(lambda: int((children.read_text().split() or ["0"])[0]), 20)
        assert child
        threading.Event().wait(0.5)
    finally:
        os.kill(asking.pid, signal.SIGKILL)
        asking.wait(20)
    assert _wait_for(lambda: not Path(f"/proc/{child}").exists() or _is_zombie(child), 1)


def _is_zombie(pid: int) -> bool:
    return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z"


def _wait_for(condition: Callable[[], int], seconds: float) -> int:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if value := condition():
            return int(value)
        threading.Event().wait(0.02)
    return 0
