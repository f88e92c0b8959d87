"""Starts every node whose inputs are ready, up to a limit, and gathers how each ended."""

import json
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from pipeline.errors import InfrastructureError, PipelineError
from pipeline.local.processes import Server
from pipeline.local.record import Job, NodeResult, read_result
from pipeline.local.workspace import free_bytes, full

_TICK = 0.2  # seconds between two looks at what the nodes reported
_NO_ROOM = 1 << 20  # bytes, below which a process that left no result is taken to have found no room for it


class Listener(Protocol):
    """Told what happens in a run, as it happens."""

    def started(self, node: str) -> None:
        """A node's process was asked for."""

    def progressed(self, node: str, event: dict[str, Any]) -> None:
        """A node reported something; see components.progress."""

    def ended(self, result: NodeResult) -> None:
        """A node ended, or was skipped."""

    def tick(self) -> None:
        """Some time went by."""


def run_nodes(
    server: Server, job: Job, upstream: Mapping[str, Sequence[str]], listener: Listener, most: int
) -> dict[str, NodeResult]:
    """Run all nodes of a chain.

    Args:
        server: The fork server.
        job: The run.
        upstream: For each node the nodes that it waits for, in topological order.
        listener: Told what happens.
        most: How many nodes run at once.

    Returns:
        The result of each node. A node whose upstream failed is skipped; others go on.
    """
    weight = _longest_path(upstream)
    waiting = sorted(upstream, key=lambda node: -weight[node])
    running: dict[str, _Running] = {}
    results: dict[str, NodeResult] = {}
    while waiting or running:
        for node in list(waiting):
            states = [results[one].state if one in results else None for one in upstream[node]]
            if any(state in ("failed", "skipped") for state in states):
                waiting.remove(node)
                results[node] = NodeResult(node, "skipped", why="something before it failed")
                listener.ended(results[node])
            elif len(running) < most and all(state is not None for state in states):
                waiting.remove(node)
                running[node] = _Running(job.events(node))
                listener.started(node)
                server.start(node)
        for message in server.messages(_TICK) if running else ():
            node = message.get("ended", "")
            if node in running:
                _forward(node, running[node], listener)
                results[node] = ended(job, node, message["code"], running.pop(node).seconds())
                listener.ended(results[node])
        for node, state in running.items():
            _forward(node, state, listener)
        listener.tick()
    return results


def ended(job: Job, node: str, code: int, seconds: float) -> NodeResult:
    """Return the result of a node's process that ended with ``code``; negative is the signal that killed it."""
    file = job.result(node)
    if code in (0, 1) and file.exists():
        return read_result(file, seconds)
    error: PipelineError
    if free_bytes(job.workspace.root) < _NO_ROOM:  # not even a result fits
        error = full(job.workspace.root, f"{node} could not write")
    elif code == -9:
        error = InfrastructureError(
            f"{node} was killed",
            got="signal 9 (SIGKILL)",
            where=str(job.log(node)),
            hint="if nobody killed it, the machine ran out of memory: make training.batch_size or the data smaller",
        )
    else:
        error = InfrastructureError(
            f"The process of {node} ended without a result",
            got=f"signal {-code}" if code < 0 else f"exit code {code}",
            where=str(job.log(node)),
            hint="the log above has the whole story",
        )
    return NodeResult(node, "failed", seconds, error=error)


class _Running:
    """A node's process: when it was asked for, and how far its events were read."""

    def __init__(self, events: Path) -> None:
        self._since = time.monotonic()
        self._events = events
        self._read = 0

    def seconds(self) -> float:
        return time.monotonic() - self._since

    def news(self) -> list[dict[str, Any]]:
        if not self._events.exists():
            return []
        with self._events.open("rb") as file:
            file.seek(self._read)
            whole, _, _ = file.read().rpartition(b"\n")
        if not whole:
            return []
        self._read += len(whole) + 1
        return [json.loads(line) for line in whole.splitlines()]


def _forward(node: str, running: _Running, listener: Listener) -> None:
    for event in running.news():
        listener.progressed(node, event)


def _longest_path(upstream: Mapping[str, Sequence[str]]) -> dict[str, int]:
    """Return for each node how many nodes still wait for it in a row: the longest chain goes first."""
    weight = dict.fromkeys(upstream, 0)
    for node in reversed(list(upstream)):
        for before in upstream[node]:
            weight[before] = max(weight[before], weight[node] + 1)
    return weight
