"""What a person is told of a node's process that did not end well, and whether another attempt is worth its time."""

import math
from pathlib import Path

from pipeline.errors import (
    OUT_OF_MEMORY,
    InfrastructureError,
    LimitError,
    OutOfMemoryError,
    PipelineError,
    TransientError,
)
from pipeline.local.record import Job, NodeResult, read_result
from pipeline.local.server import NOT_STARTED, TERMINATED
from pipeline.local.workspace import free_bytes, full

_NO_ROOM = 1 << 20  # bytes, below which a process that left no result is taken to have found no room for it
# The last is what ML Metadata's client makes of it when it has tried often enough (pipeline.local.node.connection).
_LOCKED = ("database is locked", "database table is locked", "Concurrent writes aborted")
_TAIL = 20_000  # bytes of a log in which its last words are looked for


def ended(
    job: Job, node: str, code: int, seconds: float, *, peak_mb: int | None = None, by_kernel: bool = False
) -> NodeResult:
    """Return the result of a node's process that ended by itself, or by a hand that is none of ours.

    Args:
        job: The run.
        node: The node.
        code: The process's exit code; negative is the signal that killed it.
        seconds: From its start to its end.
        peak_mb: The most memory that it held, in MB, if that is known.
        by_kernel: Whether the kernel killed something for want of memory meanwhile.
    """
    file = job.result(node)
    if code in (0, 1) and file.exists():
        return read_result(file, seconds)
    return NodeResult(node, "failed", seconds, error=_without_result(job, node, code, peak_mb, by_kernel=by_kernel))


def _without_result(job: Job, node: str, code: int, peak_mb: int | None, *, by_kernel: bool) -> PipelineError:
    log = job.log(node)
    if free_bytes(job.workspace.root) < _NO_ROOM:  # not even a result fits
        return full(job.workspace.root, f"{node} could not write")
    if code == -9 and by_kernel:
        return out_of_memory(node, "killed by the kernel, which had no memory left" + _peak(peak_mb), log)
    if code == -6 and any(sign in _tail(log) for sign in OUT_OF_MEMORY):
        return out_of_memory(node, "the memory that it asked for was not to be had" + _peak(peak_mb), log)
    if code == -9:
        return TransientError(
            f"{node} was killed",
            got="signal 9 (SIGKILL)" + _peak(peak_mb),
            where=str(log),
            hint=f"if nobody killed it, the machine ran out of memory: {LESS_MEMORY}",
        )
    if code in (-15, TERMINATED):
        return TransientError(
            f"{node} was killed", got="signal 15 (SIGTERM)", where=str(log), hint="see who ends processes here"
        )
    if code == NOT_STARTED:
        return TransientError(
            f"No process could be started for {node}",
            where=str(job.log("server")),
            hint="end other programs, or raise `ulimit -u`; the log above has the reason",
        )
    # A crash of native code, or os._exit in code of the user's: the same would happen again.
    return InfrastructureError(
        f"The process of {node} ended without a result",
        got=f"signal {-code}" if code < 0 else f"exit code {code}",
        where=str(log),
        hint="the log above has the whole story",
    )


LESS_MEMORY = (
    "run fewer nodes at once (--max-nodes 1), close other programs, or make training.batch_size, "
    "training.shuffle_buffer or the data smaller"
)


def out_of_memory(node: str, got: str | None, log: Path | None = None) -> OutOfMemoryError:
    """Describe a node that found no memory; the next attempt has the machine for itself."""
    return OutOfMemoryError(f"{node} ran out of memory", got=got, where=str(log) if log else None, hint=LESS_MEMORY)


def over_time(node: str, limit: int, log: Path) -> LimitError:
    """Describe a node that took longer than it may."""
    return LimitError(
        f"{node} took longer than its limit of {limit} s",
        got=f"ended after {limit} s, with all that it had started",
        where=str(log),
        hint=f"see in the log what it did; give it longer (--set run.timeout_secs.{node}={2 * limit}) or less to do",
    )


def over_memory(node: str, limit: int, held_mb: int, log: Path) -> LimitError:
    """Describe a node that held more memory than it may."""
    more = math.ceil(1.5 * held_mb / 100) * 100  # what it would have come to is not known
    return LimitError(
        f"{node} ran out of memory: it held more than its limit of {limit} MB",
        got=f"{held_mb} MB",
        where=str(log),
        hint=f"give it more with --set run.memory_mb.{node}={more}, or {LESS_MEMORY.partition(', or ')[2]}",
    )


def passing(error: BaseException, node: str) -> TransientError | None:
    """Tell by an exception what may well pass: a locked database, no memory, no process to be had; else None."""
    text = f"{type(error).__name__}: {error}"
    if isinstance(error, MemoryError) or any(sign in text for sign in OUT_OF_MEMORY):
        return out_of_memory(node, text.splitlines()[0][:300])
    if any(sign in text for sign in _LOCKED):
        return TransientError(
            f"{node} found the metadata locked",
            got=text.splitlines()[0][:300],
            hint="another program holds metadata.db of the workspace open for writing; end it",
        )
    if isinstance(error, BlockingIOError):  # EAGAIN of fork: too many processes
        return TransientError(
            f"{node} could not start a process", got=text[:300], hint="end other programs, or raise `ulimit -u`"
        )
    return None


def _peak(megabytes: int | None) -> str:
    return f", having held {megabytes:,} MB at most" if megabytes else ""


def _tail(log: Path) -> str:
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - _TAIL))
            return file.read().decode(errors="replace")
    except OSError:
        return ""
