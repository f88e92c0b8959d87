"""TensorBoard itself, in a process of its own, asked as a browser asks it. It does without TensorFlow."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.pipeline.watching.conftest import Trained

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[3]
TRAINED = ["flats-20260101-100000", "flats-20260101-100000/eval"]


def _as_in_a_terminal() -> None:
    """Heed Ctrl-C and a closed terminal, also where the tests were started in the background or by nohup."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


@contextmanager
def begun(root: Path, *more: str) -> Iterator[subprocess.Popen[str]]:
    """Start the command, and end it."""
    command = [sys.executable, "runner.py", "tensorboard", *more, "--workspace", str(root), "--json"]
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=_as_in_a_terminal,  # noqa: PLW1509  no thread is running here
    )
    try:
        yield process
    finally:
        process.terminate()
        process.communicate(timeout=30)


def answer(process: subprocess.Popen[str]) -> dict[str, Any]:
    """Wait until the command says where it listens."""
    assert process.stdout is not None
    line = process.stdout.readline()
    if not line:
        raise AssertionError(process.communicate()[1])
    return dict(json.loads(line))


@contextmanager
def board(root: Path, *more: str) -> Iterator[tuple[subprocess.Popen[str], dict[str, Any]]]:
    """Start the command, and wait until it says where it listens."""
    with begun(root, *more) as process:
        yield process, answer(process)


def asked(told: dict[str, Any], path: str) -> Any:
    with urllib.request.urlopen(told["url"] + path, timeout=20) as answer:
        return json.loads(answer.read())


def becomes(question: Callable[[], Any], answer: Any, seconds: float = 30.0) -> None:
    until = time.monotonic() + seconds
    while (said := question()) != answer:
        assert time.monotonic() < until, said
        time.sleep(0.3)


def alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"


def test_it_shows_trainings_and_what_comes_while_it_runs(trained: Trained) -> None:
    with board(trained.root, "flats") as (process, told):
        assert told["url"].startswith("http://127.0.0.1:")
        assert list(told["trainings"]) == ["flats-20260101-100000"]
        becomes(lambda: asked(told, "data/runs"), TRAINED)
        tags = asked(told, "data/plugin/scalars/tags")
        assert set(tags["flats-20260101-100000"]) == {"training/learning_rate", "loss"}

        folder = trained.training("flats-20260103-100000", ended=False)  # one begins
        name = "flats-20260103-100000"
        becomes(lambda: asked(told, "data/runs"), [*TRAINED, name, f"{name}/eval"])
        losses = f"data/plugin/scalars/scalars?run={name}&tag=loss"
        becomes(lambda: [one[1:] for one in asked(told, losses)], [[1, 1.5]])
        trained.write(folder, {"loss": 0.75}, 2)  # goes on
        becomes(lambda: [one[1:] for one in asked(told, losses)], [[1, 1.5], [2, 0.75]])
        trained.end(folder)  # and ends
        time.sleep(5)
        assert [one[1:] for one in asked(told, losses)] == [[1, 1.5], [2, 0.75]]

        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 0
        becomes(lambda: alive(told["process"]), False, 5)


def test_it_is_ended_with_what_started_it(trained: Trained) -> None:
    with board(trained.root) as (process, told):
        assert alive(told["process"])
        process.kill()
        becomes(lambda: alive(told["process"]), False, 10)
    with board(trained.root) as (process, told):
        process.send_signal(signal.SIGHUP)  # the terminal was closed
        assert process.wait(20) == 129
        assert not alive(told["process"])


def test_two_that_start_at_once_show_each_its_own_and_one_that_dies_is_said(trained: Trained) -> None:
    trial = trained.trial(3, run="plants-20260102-100000", problem="plants")
    with begun(trained.root, "flats") as one, begun(trained.root, "plants", "--trials") as other:
        flats, plants = answer(one), answer(other)
        assert flats["url"] != plants["url"]
        becomes(lambda: asked(flats, "data/runs"), TRAINED)
        names = ["plants-20260102-100000", "plants-20260102-100000 trial 3"]
        assert plants["trainings"][names[1]] == str(trial)
        becomes(lambda: asked(plants, "data/runs"), sorted(f"{name}{part}" for name in names for part in ("", "/eval")))

        foreign = urllib.request.Request(flats["url"] + "data/environment", headers={"Host": "evil.com"})
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(foreign, timeout=20)
        assert refused.value.code == 403
        refused.value.close()

        os.kill(flats["process"], signal.SIGKILL)
        printed, said = one.communicate(timeout=20)
        assert one.returncode == 1
        assert printed == ""  # its one JSON document was printed, and stays one
        assert "TensorBoard was ended from outside, by SIGKILL" in said
