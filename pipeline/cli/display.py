"""Shows a run while it goes: a line as each node starts and ends, and one for what is under way."""

import shutil
import sys
import time
from typing import Any

import click

from pipeline.cli.closed import unless_closed
from pipeline.cli.facts import rows_of, training_of
from pipeline.errors import PipelineError
from pipeline.local.record import Job, NodeResult
from pipeline.local.server import PREPARE

_COLOURS = {"ran": "green", "reused": "cyan", "failed": "red", "skipped": "yellow", "cancelled": "yellow"}
_QUIET_SECONDS = 5.0  # between two lines of progress where lines cannot be overwritten


class Display:
    """Prints to stderr what happens in a run; on a terminal the last line is overwritten as things go on."""

    def __init__(self) -> None:
        self._terminal = sys.stderr.isatty()
        self._running: dict[str, float] = {}
        self._doing: dict[str, str] = {}
        self._said: dict[str, float] = {}
        self._live = False
        self.job: Job | None = None
        """The run, as soon as it has a record."""

    def begins(self, job: Job) -> None:
        """Name the run."""
        self.job = job
        self._line(f"{job.problem.name}: run {job.run} in {job.workspace.root}")

    def note(self, text: str) -> None:
        """Print something that belongs to no node."""
        self._line(text)

    def started(self, node: str) -> None:
        """Print that a node started."""
        self._running[node] = time.monotonic()
        self._said[node] = time.monotonic()
        if not self._terminal:
            self._line(f"  {node:<17} starts")

    def progressed(self, node: str, event: dict[str, Any]) -> None:
        """Take up what a node reported."""
        if "step" in event:
            self._doing[node] = _training(event)
        elif "line" in event:
            self._line(f"  {node:<17} {event['line']}")
            return
        elif "note" in event:
            self._doing[node] = str(event["note"])
        if not self._terminal and time.monotonic() - self._said[node] >= _QUIET_SECONDS:
            self._said[node] = time.monotonic()
            self._line(f"  {node:<17} {self._doing[node]}")

    def again(self, node: str, attempt: int, most: int, wait: float, error: PipelineError) -> None:
        """Print that a node failed and is attempted again."""
        self._running.pop(node, None)
        self._doing.pop(node, None)
        who, _, what = error.headline.partition(" ")
        because = f"it {what}" if who in (node, PREPARE) else error.headline[:1].lower() + error.headline[1:]
        self._line(f"  {node:<17} attempt {attempt} of {most} in {wait:.1f} s because {because}")

    def ended(self, result: NodeResult) -> None:
        """Print how a node ended."""
        self._running.pop(result.node, None)
        last = self._doing.pop(result.node, "")
        state = click.style(f"{result.state:<7}", fg=_COLOURS[result.state]) if self._terminal else f"{result.state:<7}"
        about = "; ".join(filter(None, [result.why, _facts(result), last if last.startswith("step") else ""]))
        seconds = f"{result.seconds:6.1f} s" if result.seconds else " " * 8
        self._line(f"  {result.node:<17} {state} {seconds}  {about}".rstrip())

    def tick(self) -> None:
        """Refresh the line of what is under way."""
        if not self._terminal or not self._running:
            return
        now = time.monotonic()
        parts = [
            f"{node} {now - since:.0f} s" + (f", {self._doing[node]}" if node in self._doing else "")
            for node, since in self._running.items()
        ]
        width = shutil.get_terminal_size().columns
        with unless_closed(sys.stderr):
            click.echo("\r\x1b[K" + ("  … " + "  |  ".join(parts))[: width - 1], err=True, nl=False)
        self._live = True

    def close(self) -> None:
        """Leave the terminal on a fresh line."""
        if self._live:
            with unless_closed(sys.stderr):
                click.echo("\r\x1b[K", err=True, nl=False)
            self._live = False

    def _line(self, text: str) -> None:
        self.close()
        with unless_closed(sys.stderr):
            click.echo(text, err=True)


def _training(event: dict[str, Any]) -> str:
    text = f"step {event['step']:,} of {event['of']:,}, loss {event['loss']:.4g}"
    speed = event.get("examples_per_second")
    return text + (f", {speed:,.0f} examples/s" if speed else "")


def _facts(result: NodeResult) -> str:
    """Say in a few words what a node made."""
    training = training_of(result) if result.state == "ran" else None
    if training is not None:
        return training.sentences()[0]
    rows = rows_of(result)
    if not rows:
        return ""
    return f"{sum(rows.values()):,} rows: " + ", ".join(f"{split} {count:,}" for split, count in rows.items())
