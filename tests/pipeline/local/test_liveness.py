"""A run is alive while its process is, and not a moment longer."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pipeline.errors import SettingsError, TransientError
from pipeline.local import liveness
from pipeline.local.liveness import Wait, hold, hold_node, is_alive, node_is_alive
from pipeline.local.resuming import refuse_if_alive

ROOT = Path(__file__).parents[3]

# Holds the run, then starts a child as the runner starts its server, which lives on when the runner is killed.
HOLDER = """
import subprocess, sys, time
from pathlib import Path
from pipeline.local.liveness import hold
with hold(Path(sys.argv[1])):
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    print(child.pid, flush=True)
    time.sleep(60)
"""


def test_a_run_is_alive_while_it_is_held(tmp_path: Path) -> None:
    assert not is_alive(tmp_path)
    with hold(tmp_path):
        assert is_alive(tmp_path)
        assert is_alive(tmp_path), "looking does not end it"
    assert not is_alive(tmp_path)
    assert not is_alive(tmp_path / "no such run")


def test_a_run_is_held_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(liveness, "_GLANCE", 0.05)
    with hold(tmp_path), pytest.raises(SettingsError, match="is under way"), hold(tmp_path):
        pass
    with hold(tmp_path):
        pass


def test_a_killed_holder_lets_go_although_its_child_lives(tmp_path: Path) -> None:
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    child = None
    try:
        assert holder.stdout is not None
        child = int(holder.stdout.readline())
        assert is_alive(tmp_path)
        holder.send_signal(signal.SIGKILL)
        holder.wait(10)
        deadline = time.monotonic() + 5
        while is_alive(tmp_path) and time.monotonic() < deadline:
            time.sleep(0.01)
        assert Path(f"/proc/{child}").exists()
        assert not is_alive(tmp_path)
    finally:
        holder.kill()
        if child is not None:
            subprocess.run(["kill", "-9", str(child)], check=False)
        if holder.stdout is not None:
            holder.stdout.close()
        holder.wait(10)


# A node of a run, held by a command that has started something that keeps it.
TASK = """
import os, subprocess, sys, time
from pathlib import Path
from pipeline.local.liveness import Wait, hold_node
with hold_node(Path(sys.argv[1]), "Trainer", "the first", Wait(0, print)) as held:
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], pass_fds=[held])
    print(child.pid, flush=True)
    time.sleep(60)
"""


def test_the_nodes_of_a_run_are_held_one_by_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(liveness, "_GLANCE", 0.05)
    said: list[str] = []
    with hold_node(tmp_path, "Trainer", "one", Wait(0, said.append)):
        with hold_node(tmp_path, "Evaluator", "other", Wait(0, said.append)):
            assert is_alive(tmp_path)
            assert node_is_alive(tmp_path, "Trainer")
            assert not node_is_alive(tmp_path, "Pusher")
        assert not node_is_alive(tmp_path, "Evaluator")
        with pytest.raises(SettingsError, match="is under way") as caught:
            refuse_if_alive(tmp_path)
        assert caught.value.got == "nodes that a scheduler started: Trainer"
        with pytest.raises(SettingsError, match="is under way"), hold(tmp_path):
            pass
        again = hold_node(tmp_path, "Trainer", "again", Wait(0.1, said.append))
        with pytest.raises(TransientError, match=r"Trainer of run .* is under way elsewhere") as busy, again:
            pass
        assert busy.value.got == "one has it, and did not end within 0 s"
    assert not is_alive(tmp_path)
    assert said == [f"waiting: Trainer of run {tmp_path.name} is under way in one"]
    with hold(tmp_path), pytest.raises(TransientError), hold_node(tmp_path, "Trainer", "one", Wait(0.1, said.append)):
        pass
    assert said[1].startswith(f"waiting: Run {tmp_path.name} is under way in process ")


def test_a_killed_task_loses_its_node_when_all_that_it_started_is_gone(tmp_path: Path) -> None:
    task = subprocess.Popen([sys.executable, "-c", TASK, str(tmp_path)], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    child = None
    try:
        assert task.stdout is not None
        child = int(task.stdout.readline())
        task.send_signal(signal.SIGKILL)
        task.wait(10)
        assert node_is_alive(tmp_path, "Trainer"), "what it started may still write"
        subprocess.run(["kill", "-9", str(child)], check=True)
        with hold_node(tmp_path, "Trainer", "the second", Wait(10, print)):
            assert (tmp_path / ".nodes" / "Trainer").read_text() == "the second"
    finally:
        task.kill()
        if child is not None:
            subprocess.run(["kill", "-9", str(child)], check=False, stderr=subprocess.DEVNULL)
        if task.stdout is not None:
            task.stdout.close()
        task.wait(10)
