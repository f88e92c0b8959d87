"""What happened in a cluster that we supervised: for a person in sentences, for a machine as lines of JSON."""

import contextlib
import json
import signal
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from components.cluster.roles import Role

FILE = "events.jsonl"


@dataclass
class Loss:
    """A process that ended before its time.

    Attributes:
        role: Which one.
        process: Its number.
        code: Its exit code; negative is a signal.
        step: The step that training had come to, as far as it was told.
        at: When it was noticed, by the monotonic clock.
        seconds: From then until the chief trained on; None while it does not.
        resumed: The step from which it did.
        back: Seconds until the process that took its place was at work.
        why: Why we ended it, if we did.
    """

    role: Role
    process: int
    code: int
    step: int
    at: float
    seconds: float | None = None
    resumed: int | None = None
    back: float | None = None
    why: str = ""

    def as_json(self) -> dict[str, Any]:
        """Return it as it is written."""
        lost = None if self.resumed is None else max(0, self.step - self.resumed)
        return {
            "role": self.role.file,
            "process": self.process,
            "code": self.code,
            "why": self.why,
            "step": self.step,
            "resumed": self.resumed,
            "steps_lost": lost,
            "seconds": None if self.seconds is None else round(self.seconds, 2),
            "back": None if self.back is None else round(self.back, 2),
        }

    def __str__(self) -> str:
        how = f"{self.role} {self.why or ending(self.code)} at step {self.step:,}"
        if self.resumed is None or self.seconds is None:
            return how
        lost = max(0, self.step - self.resumed)
        if not lost and self.role.kind in ("worker", "evaluator"):
            return f"{how}; training went on without it, and it was started again"
        return f"{how}; went on from step {self.resumed:,} after {self.seconds:.1f} s"


@dataclass
class Account:
    """All that happened, written down as it does.

    Attributes:
        folder: Where the events are written.
        losses: The processes that ended before their time.
        codes: How each process ended at last.
    """

    folder: Path
    losses: list[Loss] = field(default_factory=list)
    codes: dict[str, int] = field(default_factory=dict)

    def note(self, event: str, **more: Any) -> None:
        """Write down one event."""
        line = json.dumps({"time": time.time(), "event": event, **more})
        with (self.folder / FILE).open("a", encoding="utf-8") as file:
            file.write(line + "\n")

    def sentences(self) -> tuple[str, ...]:
        """Say what a person should know of it, and of the attempts at this training before."""
        return read_sentences(self.folder)


def ending(code: int) -> str:
    """Say how a process ended."""
    if code < 0:
        return f"was killed (signal {-code}, {signal.Signals(-code).name})"
    return f"ended with exit code {code}"


def read_events(folder: Path) -> list[dict[str, Any]]:
    """Read what :meth:`Account.note` wrote; nothing where nothing was, nor of a line that was cut off."""
    file = folder / FILE
    if not file.exists():
        return []
    found = []
    for line in file.read_text(encoding="utf-8", errors="replace").splitlines():
        with contextlib.suppress(ValueError):
            found.append(json.loads(line))
    return [one for one in found if isinstance(one, dict)]


def read_sentences(folder: Path) -> tuple[str, ...]:
    """Say what all attempts at a training have lost, those too that were killed and could tell nobody.

    Args:
        folder: Where :class:`Account` wrote.
    """
    lost: list[Loss | str] = []
    trained, step = False, None  # whether an attempt trains that has not ended yet, and the step where it was given up
    cut = False  # whether the one at hand goes on from such a one
    for one in read_events(folder):
        event, role = one.get("event"), one.get("role", "")
        if event == "forming":
            cut, trained = cut or trained, False
        elif event == "given up":
            step = one["step"]
        elif event == "ended":
            trained = cut = False
        elif event == "at work" and role == Role("chief").file:
            if cut:
                at = "" if step is None else f" at step {step:,}"
                lost.append(f"all processes: an attempt was ended{at}, the next one went on from step {one['step']:,}")
            cut, step, trained = False, None, True
        elif event == "lost":
            kind, _, index = role.rpartition("-")
            lost.append(Loss(Role(kind, int(index)), one["process"], one["code"], one["step"], 0.0, why=one["why"]))
        elif event == "went on":
            for loss in lost:
                if isinstance(loss, Loss) and (loss.role.file, loss.process) == (role, one["process"]):
                    loss.seconds, loss.resumed = one["seconds"], one["resumed"]
    return tuple(map(str, lost))
