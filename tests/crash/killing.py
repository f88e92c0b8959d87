"""Kills one training of the house-price pipeline again and again, by the real command line, and keeps the account.

A crash run is a list of blows: whom to kill (``trainer``: the node's process; ``runner``: that process only, as a lost
terminal does; ``run``: the runner and the fork server at once) and when.
"""

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.crash.whole import no_process_lives_on
from tests.e2e.site import PROJECT

_CHECKPOINT = re.compile(r'^model_checkpoint_path: ".*model\.ckpt-(\d+)"', re.MULTILINE)
_CONTINUES = re.compile(r"continues from step ([\d,]+)")


@dataclass(frozen=True)
class Blow:
    """A kill to be: the victim, the moment that is waited for, and seconds to wait from then on.

    ``moment`` is ``loading``, ``step`` (with the step), ``saving``, ``exporting`` or ``exported``.
    """

    victim: str
    moment: str
    step: int = 0
    delay: float = 0.0


@dataclass
class Account:
    """What a blow hit, and what came of it."""

    blow: Blow
    reported: int | None = None
    checkpoint: int = 0
    hit: str = ""
    resumed: int | None = None

    def __str__(self) -> str:
        reported = "none" if self.reported is None else f"{self.reported}"
        lost = "" if self.resumed is None or self.reported is None else f", lost {max(0, self.reported - self.resumed)}"
        after = "..." if self.resumed is None else f"went on from {self.resumed}{lost}"
        return (
            f"{self.blow.victim:<8}{self.blow.moment:<10} {self.hit:<22} reported step {reported:>5}, "
            f"checkpoint {self.checkpoint:>5}, {after}"
        )


@dataclass
class Training:
    """One training in one workspace, and the attempts at it."""

    workspace: Path
    train_steps: int
    interval: int
    accounts: list[Account] = field(default_factory=list)

    def command(self, *more: str) -> list[str]:
        settings = (f"train_steps={self.train_steps}", f"save_checkpoints_steps={self.interval}", *more)
        given = [part for one in settings for part in ("--set", f"training.{one}")]
        runner = [sys.executable, str(PROJECT / "runner.py"), "run", "housing", "--json"]
        # Without further attempts: a Trainer that is killed would else be started again by the run itself, and what is
        # looked at here is what the next run makes of it. For the other, see tests/e2e/test_attempts.py.
        return [*runner, "--retries", "0", "--workspace", str(self.workspace), *given]

    @property
    def trainer(self) -> Path:
        return self.workspace / "artifacts" / "housing" / "Trainer"

    def checkpoints(self) -> Path | None:
        """The folder that the training's checkpoints go to: one, whatever happened before."""
        folders = list((self.trainer / ".checkpoints").glob("*"))
        assert len(folders) <= 1, f"an attempt did not find the checkpoints of the one before: {folders}"
        return folders[0] if folders else None

    def latest(self) -> int:
        """The step of the checkpoint that counts, 0 if there is none."""
        folder = self.checkpoints()
        file = folder / "checkpoint" if folder else None
        match = _CHECKPOINT.search(file.read_text()) if file and file.exists() else None
        return int(match[1]) if match else 0

    def run(self, *more: str) -> dict[str, Any]:
        """Run to the end, undisturbed; what ``--json`` says."""
        done = subprocess.run(self.command(*more), cwd=PROJECT, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        told: dict[str, Any] = json.loads(done.stdout)
        self.settle(events(self.workspace / "runs" / told["run"]))
        [trained] = [node for node in told["nodes"] if node["node"] == "Trainer"]
        for account in self.accounts:
            if account.resumed is None and trained["state"] == "reused":  # killed when all was published
                account.resumed = self.train_steps
        return told

    def settle(self, reports: list[dict[str, Any]]) -> None:
        """Write down where an attempt went on, for those before that have not been gone on from."""
        if not reports:
            return
        match = next(filter(None, (_CONTINUES.search(one.get("note", "")) for one in reports)), None)
        for account in self.accounts:
            if account.resumed is None:
                account.resumed = int(match[1].replace(",", "")) if match else 0

    def strike(self, blow: Blow) -> Account:
        """Start an attempt, kill it as told, and see that nothing of it lives on."""
        known = set((self.workspace / "runs").glob("*"))
        output = self.workspace.parent / f"attempt-{len(self.accounts)}.log"
        with output.open("wb") as file:
            process = subprocess.Popen(
                self.command(),
                cwd=PROJECT,
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=file,
                start_new_session=True,
            )
        account = Account(blow)
        try:
            attempt = _Attempt(self, process, known)
            attempt.wait_for(blow)
            account.hit = attempt.strike(blow.victim)
            process.wait(timeout=30)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
        assert process.returncode != 0, f"the run was over before the blow fell: {output.read_text()}"
        no_process_lives_on(self.workspace)
        reports = events(attempt.record) if attempt.record else []
        self.settle(reports)
        steps = [one["step"] for one in reports if "step" in one]
        account.reported = steps[-1] if steps else None
        account.checkpoint = self.latest()
        self.accounts.append(account)
        return account


class _Attempt:
    """A running attempt, and how to see how far it is."""

    def __init__(self, training: Training, process: "subprocess.Popen[bytes]", known: set[Path]) -> None:
        self._training = training
        self._process = process
        self._known = known
        self._models = set(training.trainer.glob("model/*"))
        self._trainer: int | None = None
        self._checkpoints: Path | None = None
        self.record: Path | None = None

    def wait_for(self, blow: Blow) -> None:
        """Wait until the moment of a blow has come, and its delay is over."""
        moments: dict[str, Callable[[], bool]] = {
            "loading": lambda: self.record is not None,
            "step": lambda: any(
                one.get("step", -1) >= blow.step or (not blow.step and "note" in one) for one in self._events()
            ),
            # The disk is looked at again and again, so the quickest look comes first.
            "saving": lambda: bool(self._trainer) and any(self._half_saved()) and self._training.latest() >= blow.step,
            "exporting": lambda: bool(self._trainer and self._new("model/*/.*exporting")),
            "exported": lambda: bool(self._trainer and self._new("model/*/Format-Serving")),
        }
        come = moments[blow.moment]
        end = time.monotonic() + 240
        while not come():
            if self.record is None:
                self.record = next(iter(set((self._training.workspace / "runs").glob("*")) - self._known), None)
            elif self._trainer is None and self._events():
                self._trainer = self._find_trainer()
            assert self._process.poll() is None, f"the run was over before {blow}"
            assert time.monotonic() < end, f"{blow} did not come"
            if blow.moment in ("loading", "step") or self._trainer is None:
                time.sleep(0.02)
        time.sleep(blow.delay)

    def strike(self, victim: str) -> str:
        """Send SIGKILL to whom a blow is meant for; return what the Trainer was doing."""
        trainer = self._trainer or self._find_trainer()
        if trainer is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(trainer, signal.SIGSTOP)  # to see what is hit
        hit = self._what_is_there(trainer is not None)
        servers = self._servers()
        if victim == "trainer":
            assert trainer is not None, "there is no Trainer to kill"
            os.kill(trainer, signal.SIGKILL)
        else:
            if victim == "run":
                for server in servers:
                    os.kill(server, signal.SIGSTOP)  # so that it cannot tidy up before its turn comes
            os.killpg(self._process.pid, signal.SIGKILL)
        if victim == "run":
            for server in servers:
                os.killpg(server, signal.SIGKILL)
        return hit

    def _servers(self) -> list[int]:
        return [one for one in children(self._process.pid) if "pipeline.local.server" in command_of(one)]

    def _find_trainer(self) -> int | None:
        nodes = (node for server in self._servers() for node in children(server))
        return next((node for node in nodes if _log(node) == "Trainer.log"), None)

    def _what_is_there(self, trains: bool) -> str:
        """Name what is going on, by what lies about."""
        if not trains:
            return "before the Trainer"
        if self._new("model_run/*/*"):
            return "exported, linking"
        if self._new("model/*/Format-Serving"):
            return "exported, unpublished"
        if self._new("model/*/.*exporting"):
            return "half an export"
        if any(self._half_saved()):
            return "half a checkpoint"
        if any("step" in one for one in self._events()):
            return "training"
        return "before the first step"

    def _new(self, pattern: str) -> list[Path]:
        return [
            one
            for one in self._training.trainer.glob(pattern)
            if self._training.trainer / "model" / one.relative_to(self._training.trainer).parts[1] not in self._models
        ]

    def _half_saved(self) -> Iterator[str]:
        self._checkpoints = self._checkpoints or self._training.checkpoints()
        # The quickest look, since what is looked for lasts for milliseconds.
        names = os.listdir(self._checkpoints) if self._checkpoints else []  # noqa: PTH208
        return (name for name in names if "_temp" in name or ".tempstate" in name)

    def _events(self) -> list[dict[str, Any]]:
        return events(self.record) if self.record else []


def events(record: Path) -> list[dict[str, Any]]:
    """What the Trainer reported in a run; a line that was cut off is none."""
    file = record / "events" / "Trainer.jsonl"
    if not file.exists():
        return []
    whole, _, _ = file.read_text().rpartition("\n")
    return [json.loads(line) for line in whole.splitlines()]


def children(process: int) -> list[int]:
    """The processes that a process started itself."""
    text = Path(f"/proc/{process}/task/{process}/children")
    return [int(one) for one in text.read_text().split()] if text.exists() else []


def command_of(process: int) -> str:
    """The command line of a process; empty if it is gone."""
    with contextlib.suppress(OSError):
        return Path(f"/proc/{process}/cmdline").read_text().replace("\0", " ")
    return ""


def _log(process: int) -> str:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{process}/fd/1").readlink().name
    return ""
