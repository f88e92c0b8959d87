"""What happened in a cluster that we supervised: for a person in sentences, for a machine as lines of JSON."""

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
    """

    role: Role
    process: int
    code: int
    step: int
    at: float
    seconds: float | None = None
    resumed: int | None = None
    back: float | None = None

    def as_json(self) -> dict[str, Any]:
        """Return it as it is written."""
        lost = None if self.resumed is None else max(0, self.step - self.resumed)
        return {
            "role": self.role.file,
            "process": self.process,
            "code": self.code,
            "step": self.step,
            "resumed": self.resumed,
            "steps_lost": lost,
            "seconds": None if self.seconds is None else round(self.seconds, 2),
            "back": None if self.back is None else round(self.back, 2),
        }

    def __str__(self) -> str:
        how = f"{self.role} {ending(self.code)} at step {self.step:,}"
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
        """Say what a person should know of it."""
        return tuple(str(loss) for loss in self.losses)


def ending(code: int) -> str:
    """Say how a process ended."""
    if code < 0:
        return f"was killed (signal {-code}, {signal.Signals(-code).name})"
    return f"ended with exit code {code}"


def read_events(folder: Path) -> list[dict[str, Any]]:
    """Read what :meth:`Account.note` wrote; nothing where nothing was."""
    file = folder / FILE
    if not file.exists():
        return []
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
