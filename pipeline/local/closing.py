"""Ends in ML Metadata what was ended from outside: a process that is killed cannot write down that it was.

Runs in a process of the fork server: before another attempt at a node, and at the end of a run in which a node failed
or was cancelled. Where even that is not to be (the machine is gone), the next run does it, by :mod:`.history`.
"""

from pathlib import Path
from typing import Any

from ml_metadata.proto import metadata_store_pb2 as mlmd

from pipeline.local.history import remove_left

End = tuple[str, str]
"""How a node ended: ``failed`` or ``cancelled``, and why."""

_STATES = {"failed": mlmd.Execution.FAILED, "cancelled": mlmd.Execution.CANCELED}
_UNFINISHED = (mlmd.Execution.RUNNING, mlmd.Execution.NEW)


def close(store: Any, artifacts: Path, run: str, ends: dict[str, End]) -> int:
    """Mark what a run left unfinished, say why, and remove what it had half made.

    Args:
        store: The metadata store.
        artifacts: The run's pipeline root.
        run: The run; executions of others are left alone.
        ends: How each node ended, by its id; no process of these nodes lives any more.

    Returns:
        How many executions were marked.
    """
    context = store.get_context_by_type_and_name("pipeline_run", run)
    if context is None:  # it was over before it began
        return 0
    changed = []
    for execution in store.get_executions_by_context(context.id):
        names = [one.name for one in store.get_contexts_by_execution(execution.id) if one.type == "node"]
        node = names[0].partition(".")[2] if names else ""
        if node not in ends:
            continue
        state, why = ends[node]
        unfinished = execution.last_known_state in _UNFINISHED
        if unfinished:
            remove_left(artifacts / node, execution)
            execution.last_known_state = _STATES[state]
        # TFX marks a node as failed whose executor raised, but does not say why.
        silent = execution.last_known_state == mlmd.Execution.FAILED and "failure" not in execution.custom_properties
        if unfinished or silent:
            execution.custom_properties["failure"].string_value = why
            changed.append(execution)
    if changed:
        store.put_executions(changed)
    return len(changed)
