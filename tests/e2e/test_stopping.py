"""Ctrl-C and a closed terminal: the run ends at once, and leaves no process. For SIGTERM see test_attempts.py."""

import fcntl
import json
import os
import pty
import signal
import subprocess
import termios
import time
from pathlib import Path

import pytest

from tests.e2e.site import PROJECT, Site, events, processes_of, until

pytestmark = pytest.mark.slow

ENDLESS = ("--set", "training.train_steps=1_000_000", "--set", "training.save_checkpoints_steps=100")


def test_stopped_while_training(site: Site) -> None:
    known, before = set((site.workspace / "runs").iterdir()), site.served()
    process = site.start(*ENDLESS)
    until(lambda: any(one.get("step", 0) > 200 for one in events(site, "Trainer", but=known)), process)
    assert processes_of(site.workspace)

    process.send_signal(signal.SIGINT)
    since = time.monotonic()
    ended = site.wait(process, before)
    assert ended.code == 130, ended.text
    assert time.monotonic() - since < 6
    assert "Traceback" not in ended.text
    assert "flats: cancelled; nothing was pushed" in ended.stdout
    assert "Error: The run was cancelled by Ctrl-C" in ended.stdout
    [stopped] = set((site.workspace / "runs").iterdir()) - known
    assert f"  resume    python {PROJECT / 'runner.py'} resume {stopped.name} --workspace " in ended.stdout
    end = time.monotonic() + 2
    while (left := processes_of(site.workspace)) and time.monotonic() < end:
        time.sleep(0.05)
    assert not left
    assert ended.served_after == ended.served_before


def test_a_killed_fork_server_is_told_of_by_name(site: Site) -> None:
    known, before = set((site.workspace / "runs").iterdir()), site.served()
    process = site.start(*ENDLESS)
    until(lambda: any(one.get("step", 0) > 200 for one in events(site, "Trainer", but=known)), process)
    [server] = [int(one.partition(":")[0]) for one in processes_of(site.workspace) if is_server(one)]
    os.kill(server, signal.SIGKILL)
    ended = site.wait(process, before)
    assert ended.code == 1, ended.text
    assert "Error: The fork server, the process that starts all nodes, was killed" in ended.stdout
    assert "  got:      signal 9 (SIGKILL); it is not started again within a run" in ended.stdout
    [lost] = set((site.workspace / "runs").iterdir()) - known
    assert f"  resume    python {PROJECT / 'runner.py'} resume {lost.name} --workspace " in ended.stdout
    end = time.monotonic() + 5
    while (left := processes_of(site.workspace)) and time.monotonic() < end:
        time.sleep(0.05)
    assert not left


def is_server(process: str) -> bool:
    """Whether a process is the fork server itself: what it forks has its command line, and does not lead a session."""
    number, _, command = process.partition(": ")
    return "pipeline.local.server" in command and os.getsid(int(number)) == int(number)


def loading(site: Site, known: set[Path]) -> bool:
    """Whether a new run has started the process that loads the libraries."""
    runs = set((site.workspace / "runs").iterdir()) - known
    return any((site.workspace / "logs" / run.name / "server.log").exists() for run in runs)


def test_stopped_while_loading(site: Site) -> None:
    known, before = set((site.workspace / "runs").iterdir()), site.served()
    process = site.start()
    until(lambda: loading(site, known), process)
    process.send_signal(signal.SIGINT)
    since = time.monotonic()
    ended = site.wait(process, before)
    assert ended.code == 130, ended.text
    assert time.monotonic() - since < 3
    assert "Traceback" not in ended.text
    assert "cancelled by Ctrl-C" in ended.stdout
    assert not processes_of(site.workspace)


def test_a_closed_terminal_ends_the_run_in_order(site: Site) -> None:
    """Both the signal and what can no longer be printed: the run says in its record that it was cancelled."""
    known = set((site.workspace / "runs").iterdir())
    ours, theirs = pty.openpty()

    def be_its_shell() -> None:
        os.setsid()
        fcntl.ioctl(theirs, termios.TIOCSCTTY, 0)
        signal.signal(signal.SIGHUP, signal.SIG_DFL)

    process = subprocess.Popen(
        site.command(),
        cwd=PROJECT,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        preexec_fn=be_its_shell,  # noqa: PLW1509  no thread is running here
        text=True,
    )
    os.close(theirs)
    until(lambda: loading(site, known), process)
    os.close(ours)
    assert process.wait(timeout=20) == 129
    [stopped] = set((site.workspace / "runs").iterdir()) - known
    outcome = json.loads((stopped / "outcome.json").read_text())
    assert outcome["cancelled"]
    assert outcome["error"]["headline"] == "The run was cancelled by SIGHUP: its terminal was closed"
    assert not processes_of(site.workspace)


def test_a_second_time_ends_it_at_once(site: Site) -> None:
    known, before = set((site.workspace / "runs").iterdir()), site.served()
    process = site.start()
    until(lambda: loading(site, known), process)
    process.send_signal(signal.SIGTERM)
    process.send_signal(signal.SIGINT)
    ended = site.wait(process, before)
    assert ended.code in (130, 143), ended.text
    assert "Traceback" not in ended.text
    end = time.monotonic() + 5
    while (left := processes_of(site.workspace)) and time.monotonic() < end:
        time.sleep(0.05)
    assert not left  # not even the one that was just being started
