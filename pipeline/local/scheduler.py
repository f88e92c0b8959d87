"""Starts every node whose inputs are ready, up to a limit, and gathers how each ended.

A node that the machine failed is attempted again; one that exceeds a limit is ended; and when the run is cancelled, or
``run.fail_fast`` is set and a node failed, all are. Who is ended gets SIGTERM and some seconds to remove its temporary
files, then SIGKILL, with all that it started.
"""

import contextlib
import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Protocol

from pipeline.errors import InfrastructureError, PipelineError
from pipeline.local import memory
from pipeline.local.attempts import Attempt, Ending, Tries
from pipeline.local.causes import ended
from pipeline.local.processes import Server
from pipeline.local.record import Job, NodeResult
from pipeline.local.server import TERMINATED
from pipeline.local.stopping import Stop

GRACE = 3.0
"""Seconds between SIGTERM and SIGKILL."""

_CANCELLED = "the run was cancelled"
_TICK = 0.2  # seconds between two looks at what the nodes reported


class Listener(Protocol):
    """Told what happens in a run, as it happens."""

    def started(self, node: str) -> None:
        """A node's process was asked for."""

    def progressed(self, node: str, event: dict[str, Any]) -> None:
        """A node reported something; see components.progress."""

    def again(self, node: str, attempt: int, most: int, wait: float, error: PipelineError) -> None:
        """A node failed, and attempt number ``attempt`` of at most ``most`` follows in ``wait`` seconds."""

    def ended(self, result: NodeResult) -> None:
        """A node ended, or was skipped."""

    def tick(self) -> None:
        """Some time went by."""


def run_nodes(
    server: Server,
    job: Job,
    upstream: Mapping[str, Sequence[str]],
    listener: Listener,
    most: int,
    *,
    stop: Stop | None = None,
) -> dict[str, NodeResult]:
    """Run all nodes of a chain.

    Args:
        server: The fork server.
        job: The run; its settings say how often and how long a node may try.
        upstream: For each node the nodes that it waits for, in topological order.
        listener: Told what happens.
        most: How many nodes run at once.
        stop: Looked at all the time: whether the run is to end.

    Returns:
        The result of each node. A node whose upstream failed is skipped; others go on.
    """
    return _Scheduler(server, job, upstream, listener, most=most, stop=stop or Stop()).run()


class _Scheduler:
    """One run of :func:`run_nodes`."""

    def __init__(
        self,
        server: Server,
        job: Job,
        upstream: Mapping[str, Sequence[str]],
        listener: Listener,
        *,
        most: int,
        stop: Stop,
    ) -> None:
        self._server, self._job, self._upstream = server, job, upstream
        self._listener, self._most, self._stop = listener, most, stop
        self._rules = job.problem.settings.run
        weight = _longest_path(upstream)
        self._waiting = sorted(upstream, key=lambda node: -weight[node])
        self._tries = {node: Tries(1 + self._rules.retries) for node in upstream}
        self._running: dict[str, Attempt] = {}
        self._results: dict[str, NodeResult] = {}

    def run(self) -> dict[str, NodeResult]:
        try:
            self._loop()
        except InfrastructureError as lost:  # the fork server is gone, and with it all that it had started
            for node, attempt in self._running.items():
                state = "failed" if self._stop.number is None else "cancelled"
                error = lost if self._stop.number is None else None
                self._give(NodeResult(node, state, attempt.seconds(), error=error))
            for node in self._waiting:
                self._give(NodeResult(node, "skipped", why="the process that starts nodes is gone"))
            if not self._running:
                raise
        return self._results

    def _loop(self) -> None:
        while self._waiting or self._running:
            if self._stop.number is not None:
                self._end_all(_CANCELLED)
            self._skip_or_start()
            for message in self._server.messages(_TICK) if self._waiting or self._running else ():
                self._take(message)
            for node, attempt in self._running.items():
                self._forward(node, attempt)
                self._watch(node, attempt)
            self._listener.tick()

    def _skip_or_start(self) -> None:
        for node in list(self._waiting):
            states = [self._results[one].state if one in self._results else None for one in self._upstream[node]]
            if any(state in ("failed", "skipped", "cancelled") for state in states):
                self._waiting.remove(node)
                self._give(NodeResult(node, "skipped", why="something before it failed"))
            elif any(state is None for state in states) or time.monotonic() < self._tries[node].due:
                continue
            elif self._tries[node].alone and self._running:
                return  # what would start now would only make it wait longer
            elif len(self._running) < self._most and not any(one.alone for one in self._running.values()):
                self._waiting.remove(node)
                self._start(node)

    def _start(self, node: str) -> None:
        tries = self._tries[node]
        self._running[node] = Attempt(self._job, node, alone=tries.alone)
        self._listener.started(node)
        if tries.failures:
            self._job.result(node).unlink(missing_ok=True)  # that of the attempt before
            with contextlib.suppress(OSError), self._job.log(node).open("a", encoding="utf-8") as log:
                log.write(f"\n===== attempt {len(tries.failures) + 1} of {tries.most} =====\n")
            self._server.start(node, failed=str(tries.failures[-1]))
        else:
            self._server.start(node)

    def _take(self, message: dict[str, Any]) -> None:
        if message.get("started") in self._running:
            self._running[message["started"]].process = message["process"]
        node = message.get("ended", "")
        if node not in self._running:
            return
        attempt = self._running.pop(node)
        self._forward(node, attempt)
        peak, code = message.get("peak_mb"), message["code"]
        ending = attempt.ending
        if ending is None and self._stop.number is not None and code in (-9, -15, TERMINATED):
            ending = Ending(_CANCELLED, None, math.inf)  # who ended the run ended its nodes with it
        if ending is not None and code != 0:
            state = "failed" if ending.error else "cancelled"
            result = NodeResult(node, state, attempt.seconds(), ending.why, ending.error)
        else:
            by_kernel = memory.kills() > attempt.kills
            result = ended(self._job, node, code, attempt.seconds(), peak_mb=peak, by_kernel=by_kernel)
        self._settle(replace(result, peak_mb=peak))

    def _settle(self, result: NodeResult) -> None:
        """Take up how an attempt ended: the node is done with, or waits for another one."""
        node, tries = result.node, self._tries[result.node]
        if result.error is not None and self._stop.number is None:
            wait = tries.again(result.error)
            if wait is not None:
                self._waiting.append(node)
                self._listener.again(node, len(tries.failures) + 1, tries.most, wait, result.error)
                return
        error = tries.last(result.error) if result.error else None
        self._give(replace(result, error=error, failures=tuple(tries.failures)))
        if result.state == "failed" and self._rules.fail_fast:
            self._end_all(f"{node} failed, and that ends the run (--fail-fast)")

    def _give(self, result: NodeResult) -> None:
        self._results[result.node] = result
        self._listener.ended(result)

    def _end_all(self, why: str) -> None:
        for node in self._waiting:
            failures = tuple(self._tries[node].failures)  # those of a node that waits for another attempt
            self._give(NodeResult(node, "cancelled" if failures else "skipped", why=why, failures=failures))
        self._waiting.clear()
        for node, attempt in self._running.items():
            if attempt.ending is None:
                self._end(node, attempt, Ending(why, None, time.monotonic() + GRACE))

    def _watch(self, node: str, attempt: Attempt) -> None:
        """End a node that exceeds a limit, and kill one that does not end."""
        if attempt.ending is None:
            beyond = attempt.beyond()
            if beyond is not None:
                self._end(node, attempt, Ending(str(beyond), beyond, time.monotonic() + GRACE))
        elif time.monotonic() >= attempt.ending.kill_at:
            attempt.ending.kill_at = math.inf
            self._server.kill(node)

    def _end(self, node: str, attempt: Attempt, ending: Ending) -> None:
        attempt.ending = ending
        self._server.stop(node)

    def _forward(self, node: str, attempt: Attempt) -> None:
        for event in attempt.news():
            self._listener.progressed(node, event)


def _longest_path(upstream: Mapping[str, Sequence[str]]) -> dict[str, int]:
    """Return for each node how many nodes still wait for it in a row: the longest chain goes first."""
    weight = dict.fromkeys(upstream, 0)
    for node in reversed(list(upstream)):
        for before in upstream[node]:
            weight[before] = max(weight[before], weight[node] + 1)
    return weight
