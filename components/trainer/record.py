"""What a training did, written beside its checkpoints and told at the end of a run; imports no framework."""

import json
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from components.trainer.values import shown
from components.whole import write_whole

FILE = "training.json"


@dataclass(frozen=True)
class TrainingRecord:
    """What a training did.

    Attributes:
        train_steps: The step at which it was to end.
        steps: The step at which it ended.
        batch_size: Rows in a batch.
        num_epochs: The passes over the rows that ``train_steps`` was worked out from, if it was.
        rows: The rows of the train split, where they were counted.
        stopped: Why it ended early, if it did.
        failed: Why it failed, if it was a fault of the model or of its values.
        export: ``final``, ``latest`` or ``best``.
        exported_step: The step of the checkpoint that became the model.
        best_metric: What the best one was chosen by.
        best_value: Its value there.
        warm_start: What was taken over from which model, in sentences; empty if the setting is off.
        workers: Processes that trained, the chief among them; 0 if it was one process alone.
        ps: Parameter servers.
        losses: The processes of the cluster that were lost, in sentences.
        tuned: The values that a search found, by name; None if some were asked for and there was no search yet.
        mirrored: What became of ``distribute = "mirrored"``, in a sentence; None if the setting is off.
    """

    train_steps: int
    batch_size: int
    steps: int = 0
    num_epochs: int | None = None
    rows: int | None = None
    stopped: str | None = None
    export: str = "final"
    exported_step: int = 0
    best_metric: str | None = None
    best_value: float | None = None
    warm_start: tuple[str, ...] = field(default_factory=tuple)
    workers: int = 0
    ps: int = 0
    losses: tuple[str, ...] = field(default_factory=tuple)
    tuned: dict[str, Any] | None = field(default_factory=dict)
    mirrored: str | None = None
    failed: str | None = None

    def write(self, folder: Path) -> "TrainingRecord":
        """Write it into a training's folder, whole or not at all; return it."""
        write_whole(folder / FILE, json.dumps(self.as_json(), indent=1))
        return self

    def as_json(self) -> dict[str, Any]:
        """Return it as it is written and printed."""
        return asdict(self)

    def but(self, **changes: Any) -> "TrainingRecord":
        """Return it with some parts changed."""
        return replace(self, **changes)

    def sentences(self) -> list[str]:
        """Return what a person should know, the most important first."""
        each = f"of {counted(self.batch_size, 'row')}"
        if self.failed:
            lines = [f"failed: {self.failed}; planned were {counted(self.train_steps, 'step')} {each}"]
        elif not self.steps:
            lines = [f"not ended; planned are {counted(self.train_steps, 'step')} {each}"]
        elif self.stopped:
            lines = [f"stopped early at step {self.steps:,} of {self.train_steps:,}: {self.stopped}"]
        else:
            lines = [f"{counted(self.steps, 'step')} {each}"]
            if self.num_epochs and self.rows is not None:
                lines[0] += f": {counted(self.num_epochs, 'epoch')} of {self.rows:,}"
        if self.workers:
            workers = "1 worker" if self.workers == 1 else f"{self.workers} workers"
            lines.append(f"by {workers} and {self.ps} parameter server{'s' if self.ps > 1 else ''}")
            lines += [f"lost: {one}" for one in self.losses]
        if self.mirrored:
            lines.append(self.mirrored)
        if self.export == "best" and self.best_value is not None:
            value = f"{self.best_metric} {self.best_value:.6g}"
            lines.append(f"the model is the best checkpoint, of step {self.exported_step:,}: {value}")
        if self.tuned is None:
            lines.append("tuned values: no search yet, so [training] as it stands; `python runner.py tune` searches")
        elif self.tuned:
            lines.append(f"tuned values: {shown(self.tuned)}")
        return [*lines, *self.warm_start]


def counted(number: int, what: str) -> str:
    """Say how many of something there are: ``1 step``, ``2,000 steps``."""
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def read_record(folder: Path) -> TrainingRecord | None:
    """Read what :meth:`TrainingRecord.write` wrote; None where nothing was written."""
    file = folder / FILE
    if not file.exists():
        return None
    value = json.loads(file.read_text(encoding="utf-8"))
    told = {name: tuple(value.get(name, ())) for name in ("warm_start", "losses")}
    return TrainingRecord(**{**value, **told})
