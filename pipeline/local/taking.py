"""Takes what another run's nodes made for this run's, whatever has changed since: what ``--only`` runs on.

Each node's execution is written again, as one of this run that reused the result. So the node that runs finds its
inputs as in any run, and the run's lineage is whole. All results are of one run: of two, a model could be taken with
the blessing of another.
"""

import shlex
from collections.abc import Collection
from pathlib import Path
from typing import Any

from ml_metadata.proto import metadata_store_pb2 as mlmd

from pipeline.errors import NothingToReuseError
from pipeline.local.history import TAKEN_FROM
from pipeline.local.launching import ended_well
from pipeline.local.record import Job
from pipeline.local.resuming import again

_OUTPUTS = (mlmd.Event.OUTPUT, mlmd.Event.INTERNAL_OUTPUT)


def take(store: Any, job: Job, nodes: Collection[str]) -> str:
    """Take the results of nodes from the latest run that has all of them.

    Args:
        store: The metadata store.
        job: This run.
        nodes: Whose results are needed.

    Returns:
        The run that they are of.

    Raises:
        NothingToReuseError: If no run has all of them.
    """
    done = ended_well(store, job.run, job.problem.name)  # taken by an attempt before: the rest is of that run, too
    begun = [done[one].custom_properties[TAKEN_FROM].string_value for one in nodes if one in done]
    nodes = [one for one in nodes if one not in done]
    lacking: tuple[str, list[str]] | None = None
    for run in begun[:1] or _runs(store, job):
        found = ended_well(store, run, job.problem.name)
        missing = [node for node in nodes if node not in found or not _is_there(store, found[node].id)]
        if not missing:
            for node in nodes:
                _take(store, job, found[node], run)
            return run
        lacking = lacking or ((run, missing) if found else None)
    if lacking is None:
        got = "no run of this problem that could have left any"
    else:
        got = f"the latest run, {lacking[0]}, has none of " + ", ".join(lacking[1])
    raise NothingToReuseError(
        f"No run has all the results that {job.part.only} needs",
        got=got,
        expected="one run with results of " + ", ".join(nodes),
        where=str(job.part),
        hint="make them: " + shlex.join(["python", "runner.py", "run", *again(job), "--to", str(job.part.only)]),
    )


def _runs(store: Any, job: Job) -> list[str]:
    """Return all other runs, the latest first."""
    # TFX registers a run as its first node starts: the contexts' order is that of time.
    contexts = sorted(store.get_contexts_by_type("pipeline_run"), key=lambda one: -one.id)
    return [one.name for one in contexts if one.name != job.run]


def _is_there(store: Any, execution: int) -> bool:
    made = [one.artifact_id for one in store.get_events_by_execution_ids([execution]) if one.type in _OUTPUTS]
    artifacts = store.get_artifacts_by_id(made)
    return all(one.state == mlmd.Artifact.LIVE and Path(one.uri).exists() for one in artifacts)


def _take(store: Any, job: Job, execution: Any, run: str) -> None:
    copy = mlmd.Execution(type_id=execution.type_id, last_known_state=mlmd.Execution.CACHED)
    for name, value in execution.custom_properties.items():
        copy.custom_properties[name].CopyFrom(value)
    for name, value in execution.properties.items():
        copy.properties[name].CopyFrom(value)
    copy.custom_properties[TAKEN_FROM].string_value = run
    events = store.get_events_by_execution_ids([execution.id])
    artifacts = {one.id: one for one in store.get_artifacts_by_id({event.artifact_id for event in events})}
    pairs = []
    for event in events:
        again = mlmd.Event(type=event.type)
        again.path.CopyFrom(event.path)
        pairs.append((artifacts[event.artifact_id], again))
    contexts = [one for one in store.get_contexts_by_execution(execution.id) if one.type in ("pipeline", "node")]
    store.put_execution(copy, pairs, [*contexts, _run_context(store, job)])


def _run_context(store: Any, job: Job) -> Any:
    found = store.get_context_by_type_and_name("pipeline_run", job.run)
    if found is not None:
        return found
    kind = store.get_context_type("pipeline_run")
    run = mlmd.Context(type_id=kind.id, name=job.run)
    [run.id] = store.put_contexts([run])
    pipeline = store.get_context_by_type_and_name("pipeline", job.problem.name)
    store.put_parent_contexts([mlmd.ParentContext(child_id=run.id, parent_id=pipeline.id)])
    return run
