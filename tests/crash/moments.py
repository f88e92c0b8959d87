"""Kills a whole run at a moment of its life, by the real command line, and resumes it.

A moment is told by how many nodes have ended, and by seconds from then on: so the same seed hits much the same work on
any machine. A victim is ``runner``, ``server`` (the fork server), ``node`` (a process of a node, or what that started)
or ``run``: all of them at once, as a power cut has it.
"""

import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.crash.killing import children, command_of
from tests.crash.whole import no_process_lives_on
from tests.e2e.site import PROJECT, Site

VICTIMS = ("runner", "node", "run", "server")
STARTING, LOADING, LAST = -2, -1, 11


@dataclass(frozen=True)
class Moment:
    """When and whom to kill.

    Attributes:
        victim: Whom.
        ended: How many processes of nodes have ended, the one that prepares the run included; ``STARTING`` for before
            there is a record, ``LOADING`` for before the libraries are loaded.
        delay: Seconds from then on.
    """

    victim: str
    ended: int
    delay: float

    def __str__(self) -> str:
        names = {STARTING: "starting", LOADING: "loading"}
        return f"{self.victim:<7}{names.get(self.ended, f'{self.ended} ended'):<9} + {self.delay:4.2f} s"


def over_a_life(made: random.Random, count: int) -> list[Moment]:
    """Draw moments all over the life of a run, each kind of victim as often as another.

    Args:
        made: Where chance comes from.
        count: How many.
    """
    longest = {STARTING: 1.5, LOADING: 7.0, LAST: 0.05}
    # Loading takes as long as several nodes do.
    places = [STARTING, *[LOADING] * 4, *range(1, LAST + 1)]
    drawn = [places[number * len(places) // count] for number in range(count)]
    victims = [VICTIMS[number % len(VICTIMS)] for number in range(count)]
    made.shuffle(victims)
    moments = [
        Moment(victim, ended, made.uniform(0, longest.get(ended, 1.5)))
        for victim, ended in zip(victims, drawn, strict=True)
    ]
    made.shuffle(moments)
    return moments


@dataclass(frozen=True)
class Ended:
    """How a command ended, and what it printed with ``--json``."""

    code: int
    stdout: str
    stderr: str

    @property
    def json(self) -> dict[str, Any]:
        value: dict[str, Any] = json.loads(self.stdout)
        return value


@dataclass(frozen=True)
class Life:
    """One run of a problem, through all that happens to it.

    Attributes:
        site: The problem, its data and a workspace.
        temporary: What its processes have for the system's folder of temporary files.
    """

    site: Site
    temporary: Path

    def begin(self) -> list[str]:
        """The command that begins a run; by itself it would attempt a killed node again, and need no resuming."""
        return self.site.command("--json", "--retries", "0")

    def resume(self) -> list[str]:
        """The command that resumes it."""
        return [
            *(sys.executable, str(PROJECT / "runner.py"), "resume"),
            *("--workspace", str(self.site.workspace), "--json"),
        ]

    def strike(self, command: list[str], moment: Moment) -> str | None:
        """Give a command and kill as told; see that nothing lives on.

        Returns:
            Who was hit; None if all was over before.
        """
        known = self._records()
        output = self.temporary.with_name("struck.log")
        with output.open("ab") as file:
            process = subprocess.Popen(
                command,
                cwd=PROJECT,
                env=self._environment(),
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=file,
                start_new_session=True,
            )
        try:
            hit = None
            if self._wait(process, moment, known):
                hit = _kill(process.pid, moment)
            process.wait(timeout=180)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
        no_process_lives_on(self.site.workspace)
        return hit

    def end(self) -> Ended:
        """Resume, and begin anew only where that is what the refusal says."""
        ended = self.give(self.resume())
        if (
            ended.code in (1, 2)
            and "error" in ended.json
            and ended.json["error"]["headline"].startswith(("The record of the run", "There is no run to resume"))
        ):
            assert "python runner.py run" in ended.json["error"]["hint"]
            ended = self.give(self.begin())
        return ended

    def give(self, command: list[str]) -> Ended:
        """Give a command and wait until it ends."""
        done = subprocess.run(
            command, cwd=PROJECT, env=self._environment(), capture_output=True, text=True, check=False, timeout=300
        )
        return Ended(done.returncode, done.stdout, done.stderr)

    def _environment(self) -> Mapping[str, str]:
        return {**os.environ, "TMPDIR": str(self.temporary)}

    def _records(self) -> set[Path]:
        folder = self.site.workspace / "runs"
        return set(folder.iterdir()) if folder.is_dir() else set()

    def _wait(self, process: "subprocess.Popen[bytes]", moment: Moment, known: set[Path]) -> bool:
        """Wait for a moment; False if the process ended before."""
        while not self._has_come(moment.ended, known):
            if process.poll() is not None:
                return False
            time.sleep(0.003)
        end = time.monotonic() + moment.delay
        while time.monotonic() < end and process.poll() is None:
            time.sleep(0.003)
        return process.poll() is None

    def _has_come(self, ended: int, known: set[Path]) -> bool:
        if ended == STARTING:
            return True
        new = next(iter(self._records() - known or known), None)
        if new is None:
            return False
        if ended == LOADING:
            return bool(self._records() - known) or (new / "resumes.json").exists()
        return len(list(new.glob("nodes/[!.]*.json"))) >= ended


def _kill(runner: int, moment: Moment) -> str:
    """Kill a victim of a run, or its runner where there is none; return who it was."""
    servers = [one for one in children(runner) if "pipeline.local.server" in command_of(one)]
    nodes = [one for server in servers for one in descendants(server)]
    victim = moment.victim
    if victim == "node" and nodes:
        targets = [nodes[int(1000 * moment.delay) % len(nodes)]]
    elif victim == "server" and servers:
        targets = servers
    elif victim == "run":
        targets = [runner, *servers, *nodes]
    else:
        victim, targets = "runner", [runner]
    for one in targets:  # stopped first, so that none of them sees another die
        with contextlib.suppress(ProcessLookupError):
            os.kill(one, signal.SIGSTOP)
    for one in targets:
        with contextlib.suppress(ProcessLookupError):
            os.kill(one, signal.SIGKILL)
    return f"{victim} ({len(targets)} of {1 + len(servers) + len(nodes)})"


def descendants(process: int) -> Iterator[int]:
    """The processes that a process started, and that these started."""
    for one in children(process):
        yield one
        yield from descendants(one)
