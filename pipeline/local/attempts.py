"""Attempts at a node: when another one is worth its time, how long to wait for it, and what its process may use.

The wait is drawn between nothing and a bound that doubles with each attempt ("full jitter"), so that what stumbled over
one another does not do so again. Source: M. Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015.
"""

import json
import random
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pipeline.config.model import Run
from pipeline.errors import OutOfMemoryError, PipelineError, TransientError, from_json
from pipeline.local import memory
from pipeline.local.causes import over_memory, over_time
from pipeline.local.record import Job

FIRST_WAIT, LONGEST_WAIT = 2.0, 30.0
"""Seconds: the bound of the wait for the second attempt, and that of any."""

_LOOK = 1.0  # seconds between two looks at a node's memory


@dataclass
class Tries:
    """What came of the attempts at a node so far.

    Attributes:
        most: How many there may be.
        failures: Why those that are over failed.
        due: When the next one may start, by the monotonic clock.
    """

    most: int
    failures: list[PipelineError] = field(default_factory=list)
    due: float = 0.0

    @property
    def alone(self) -> bool:
        """Whether nothing else is to run beside the next attempt: there was no memory for both."""
        return bool(self.failures) and isinstance(self.failures[-1], OutOfMemoryError)

    def again(self, error: PipelineError) -> float | None:
        """Take up why an attempt failed; return the seconds until the next one, or None if there is to be none."""
        if not isinstance(error, TransientError) or len(self.failures) + 1 >= self.most:
            return None
        wait = random.uniform(0, min(LONGEST_WAIT, FIRST_WAIT * 2 ** len(self.failures)))  # noqa: S311  no secret
        self.failures.append(error)
        self.due = time.monotonic() + wait
        return wait

    def last(self, error: PipelineError) -> PipelineError:
        """Return the error of the last attempt, and say in it that there were others."""
        if not self.failures:
            return error
        value: dict[str, Any] = error.as_json()
        value["got"] = "\n".join(filter(None, [error.got, f"attempt {len(self.failures) + 1} of {self.most}"]))
        if isinstance(error, OutOfMemoryError) and self.alone:
            value["hint"] = (
                "nothing ran beside it the last time: make training.batch_size, training.shuffle_buffer "
                "or the data smaller, or take a machine with more memory"
            )
        return from_json(value)


class Attempt:
    """A node's process: when it was asked for, how far its events were read, and whether it is to end.

    Args:
        job: The run.
        node: The node.
        alone: Whether nothing may run beside it.
    """

    def __init__(self, job: Job, node: str, *, alone: bool) -> None:
        self.alone = alone
        self.process: int | None = None
        self.kills = memory.kills()
        self.ending: Ending | None = None
        self._job, self._node = job, node
        self._rules: Run = job.problem.settings.run
        self._events: Path = job.events(node)
        self._read = self._events.stat().st_size if self._events.exists() else 0  # the attempt before wrote that
        self._since = time.monotonic()
        self._waited = 0.0  # for other runs of the workspace, as far as that is over
        self._waits_since: float | None = None
        self._looked = self._since

    def seconds(self) -> float:
        """Return how long it has been running."""
        return time.monotonic() - self._since

    def news(self) -> list[dict[str, Any]]:
        """Return what the node reported since it was last asked."""
        if not self._events.exists():
            return []
        with self._events.open("rb") as file:
            file.seek(self._read)
            whole, _, _ = file.read().rpartition(b"\n")
        if not whole:
            return []
        self._read += len(whole) + 1
        found: list[dict[str, Any]] = [json.loads(line) for line in whole.splitlines()]
        for event in found:
            if "waits" in event:
                self._waits(bool(event["waits"]))
        return found

    def _waits(self, begins: bool) -> None:
        """Take up that it waits for another run, or does so no longer: that is no time of its own."""
        now = time.monotonic()
        if self._waits_since is not None:
            self._waited += now - self._waits_since
        self._waits_since = now if begins else None

    def own_seconds(self) -> float:
        """Return how long it has been running, without what it waited for other runs of the workspace."""
        waits = 0.0 if self._waits_since is None else time.monotonic() - self._waits_since
        return self.seconds() - self._waited - waits

    def beyond(self) -> PipelineError | None:
        """Return what limit it exceeds, if any."""
        log = self._job.log(self._node)
        seconds = self._rules.time_limit(self._node)
        if seconds is not None and self.own_seconds() > seconds:
            return over_time(self._node, seconds, log)
        megabytes = self._rules.memory_limit(self._node)
        if megabytes is not None and self.process is not None and time.monotonic() - self._looked > _LOOK:
            self._looked = time.monotonic()
            held = memory.held(self.process) >> 20
            if held > megabytes:
                return over_memory(self._node, megabytes, held, log)
        return None


@dataclass
class Ending:
    """An attempt that is being ended.

    Attributes:
        why: Why, in a sentence.
        error: What is told of it; None if the node itself did nothing wrong.
        kill_at: When it is killed if it has not ended until then, by the monotonic clock.
    """

    why: str
    error: PipelineError | None
    kill_at: float
