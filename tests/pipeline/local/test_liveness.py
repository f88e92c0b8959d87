"""A run is alive while its process is, and not a moment longer."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pipeline.errors import SettingsError
from pipeline.local import liveness
from pipeline.local.liveness import hold, is_alive

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
