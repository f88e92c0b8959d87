"""What ML Metadata says of executions: how one ended, what it made, and why it did not reuse an earlier one."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from google.protobuf import json_format
from ml_metadata.proto import metadata_store_pb2 as mlmd

from pipeline.errors import PipelineError
from pipeline.local.record import NodeResult

_UNFINISHED = (mlmd.Execution.RUNNING, mlmd.Execution.NEW)
_GIVEN_OUT = (mlmd.Event.OUTPUT, mlmd.Event.INTERNAL_OUTPUT)

TAKEN_FROM = "__taken_from__"
"""The property of an execution that names the run whose result was taken without a look at whether it still fits."""

_NEVER_REUSED = {
    "Resolver",
    "WarmStart",
    "Tuned",
    "Pusher",
}  # each looks at what has changed since: the metadata, the serving directory


def fail_abandoned(store: Any, artifacts: Callable[[str, str], Path], alive: Callable[[str, str], bool]) -> int:
    """Mark executions that are still running although nobody runs them as failed, and remove what they left.

    TFX removes the outputs of a node that fails, but a killed process cannot: nothing that is half made stays where a
    reader might take it for a result.

    Args:
        store: The metadata store.
        artifacts: The pipeline root of a run, by its name and that of its problem.
        alive: Whether a node of a run may be under way, by the names of both.

    Returns:
        How many there were.
    """
    abandoned = []
    for execution in [one for one in store.get_executions() if one.last_known_state in _UNFINISHED]:
        contexts = store.get_contexts_by_execution(execution.id)
        runs = [one.name for one in contexts if one.type == "pipeline_run"]
        nodes = [one.name.rpartition(".")[2] for one in contexts if one.type == "node"]
        if any(alive(run, node) for run in runs for node in nodes or [""]):
            continue
        for context in contexts:
            if context.type == "node":
                pipeline, _, node = context.name.partition(".")
                remove_left(artifacts(runs[0] if runs else "", pipeline) / node, execution)
        abandoned.append(execution)
        execution.last_known_state = mlmd.Execution.FAILED
        execution.custom_properties["failure"].string_value = "its process was gone when the next run started"
    if abandoned:
        store.put_executions(abandoned)
    return len(abandoned)


def remove_left(node: Path, execution: Any) -> None:
    """Remove the folders that TFX made for an execution; see ``tfx.orchestration.portable.outputs_utils``."""
    for folder in (*node.glob(f"*/{execution.id}"), node / ".system" / "executor_execution" / str(execution.id)):
        shutil.rmtree(folder, ignore_errors=True)


def sweep_working_folders(node: Path) -> None:
    """Remove the folders that killed executions of a node worked in; the caller has the node to itself.

    They have no name by which one could tell whose they were.

    Args:
        node: The node's folder in the pipeline root.
    """
    for folder in (node / ".system" / "stateful_working_dir").glob("*"):
        shutil.rmtree(folder, ignore_errors=True)


def describe(store: Any, node: str, execution_id: int, *, cache: bool) -> NodeResult:
    """Describe an execution that was launched, from what was recorded of it.

    Args:
        store: The metadata store.
        node: The node's id.
        execution_id: The execution.
        cache: Whether the run allowed for reuse.
    """
    [execution] = store.get_executions_by_id([execution_id])
    state = execution.last_known_state
    if state == mlmd.Execution.CACHED:
        taken = execution.custom_properties[TAKEN_FROM].string_value
        name, why = "reused", f"as run {taken} left it" if taken else "nothing that it depends on changed"
    elif state == mlmd.Execution.COMPLETE:
        name, why = "ran", _why_ran(store, execution) or _why_again(node, cache=cache)
    else:
        error = PipelineError(f"{node} did not complete", got=mlmd.Execution.State.Name(state))
        return NodeResult(node, "failed", error=error, execution=execution_id)
    return NodeResult(node, name, why=why, outputs=_outputs(store, execution_id), execution=execution_id)


def why_not_reused(store: Any, node: str, execution_id: int) -> str:
    """Say why a node whose execution is registered cannot reuse an earlier result."""
    [execution] = store.get_executions_by_id([execution_id])
    return _why_ran(store, execution) or _why_again(node, cache=True)


def _why_again(node: str, *, cache: bool) -> str:
    """Say why a node ran although its inputs and properties are those of the last time."""
    if node in _NEVER_REUSED:
        return "never reused"
    # Code of ours is in the executor's spec, which ML Metadata does not keep.
    return (
        "its earlier result is gone, or was made by another version of this project or its libraries"
        if cache
        else "not reused on request"
    )


def _outputs(store: Any, execution_id: int) -> dict[str, list[dict[str, Any]]]:
    outputs: dict[str, list[dict[str, Any]]] = {}
    events = [event for event in store.get_events_by_execution_ids([execution_id]) if event.type in _GIVEN_OUT]
    artifacts = {one.id: one for one in store.get_artifacts_by_id([event.artifact_id for event in events])}
    for event in events:
        artifact = artifacts[event.artifact_id]
        properties = {**artifact.properties, **artifact.custom_properties}
        outputs.setdefault(event.path.steps[0].key, []).append(
            {
                "id": artifact.id,
                "uri": artifact.uri,
                "properties": {name: _value(value) for name, value in properties.items()},
            }
        )
    return outputs


def _value(value: Any) -> Any:
    kind = value.WhichOneof("value")
    if kind == "struct_value":  # how TFX stores JSON: an object as it is, anything else under one key
        content = json_format.MessageToDict(value.struct_value)
        return content.get("__value__", content)
    return getattr(value, kind) if kind in ("int_value", "double_value", "string_value") else str(value)


def _inputs(store: Any, execution_id: int) -> dict[str, list[int]]:
    inputs: dict[str, list[int]] = {}
    for event in store.get_events_by_execution_ids([execution_id]):
        if event.type == mlmd.Event.INPUT:
            inputs.setdefault(event.path.steps[0].key, []).append(event.artifact_id)
    return {key: sorted(ids) for key, ids in inputs.items()}


def _why_ran(store: Any, execution: Any) -> str:
    """Say what is new against the execution before of the same node; empty if nothing is."""
    nodes = [one for one in store.get_contexts_by_execution(execution.id) if one.type == "node"]
    earlier = [
        one
        for context in nodes
        for one in store.get_executions_by_context(context.id)
        if one.id < execution.id and one.last_known_state in (mlmd.Execution.COMPLETE, mlmd.Execution.CACHED)
    ]
    if not earlier:
        return "first run"
    before = _that_made(store, max(earlier, key=lambda one: one.id))
    now_inputs, then_inputs = _inputs(store, execution.id), _inputs(store, before.id)
    changed = [f"new {key}" for key in sorted(now_inputs) if now_inputs[key] != then_inputs.get(key)]
    changed += _changed_properties(_properties(before), _properties(execution))
    return ", ".join(changed)


def _that_made(store: Any, execution: Any) -> Any:
    """Return the execution that made what one that was reused gave out.

    Of a reused one not all properties are recorded, as what data it read.
    """
    if execution.last_known_state != mlmd.Execution.CACHED:
        return execution
    given = [one.artifact_id for one in store.get_events_by_execution_ids([execution.id]) if one.type in _GIVEN_OUT]
    events = store.get_events_by_artifact_ids(given) if given else []
    makers = [one.execution_id for one in events if one.type in _GIVEN_OUT]
    [made] = store.get_executions_by_id([min(makers, default=execution.id)])
    return made


def _properties(execution: Any) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for name, value in execution.custom_properties.items():
        text = _value(value)
        nested = _json_object(text)
        values.update({f"{name}.{key}": one for key, one in nested.items()} if nested else {name: text})
    for name in [one for one in values if one.endswith(".training")]:  # the settings, as JSON within JSON
        values.update({f"training.{key}": one for key, one in _json_object(values.pop(name)).items()})
    return values


def _json_object(text: Any) -> dict[str, Any]:
    try:
        value = json.loads(text) if isinstance(text, str) and text.startswith("{") else {}
    except json.JSONDecodeError:
        return {}
    return value if isinstance(value, dict) else {}


_WORDS = {
    "custom_config.code": "changed code",
    "custom_config.runtime": "changed components or libraries",
    "custom_config.custom_config": "changed data settings",
    "input_base": "changed data path",
    "input_config": "changed data path",
    "input_fingerprint": "changed data",
    "schema_text": "changed schema",
}
_LEFT_OUT = {
    *("run", "train_args.num_steps", "eval_args.num_steps"),  # the run's own id, and what training.* says too
    *("custom_config.settings", "custom_config.libraries"),  # the Pusher's record of the run
}


def _changed_properties(before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    names = sorted(name for name in {*before, *after} if before.get(name) != after.get(name))
    return list(
        dict.fromkeys(
            _WORDS.get(name, f"changed {name}") for name in names if not name.startswith("__") and name not in _LEFT_OUT
        )
    )
