"""What a run that is gone left RUNNING is marked as failed and removed; what a live run does is left alone."""

import json
from collections.abc import Callable
from pathlib import Path

from ml_metadata.proto import metadata_store_pb2 as mlmd

from pipeline.local.history import fail_abandoned, sweep_working_folders
from pipeline.local.liveness import Wait, hold, hold_node, node_is_alive
from pipeline.local.record import artifacts_of
from pipeline.local.workspace import Workspace
from pipeline.metadata.client import Client, connection_config


def artifacts(root: Path) -> Callable[[str, str], Path]:
    return lambda run, problem: artifacts_of(Workspace(root), run, problem)


def begin(client: Client, root: Path, run: str, node: str) -> tuple[int, Path]:
    """Record that a node of a run has begun; return the execution, and the folder of its output."""
    number = client.put_execution_type(mlmd.ExecutionType(name=node))
    [execution] = client.put_executions([mlmd.Execution(type_id=number, last_known_state=mlmd.Execution.RUNNING)])
    for kind, name in (("pipeline_run", run), ("node", f"flats.{node}")):
        type_id = client.put_context_type(mlmd.ContextType(name=kind))
        known = client.get_context_by_type_and_name(kind, name)
        context = known.id if known else client.put_contexts([mlmd.Context(type_id=type_id, name=name)])[0]
        client.put_attributions_and_associations([], [mlmd.Association(context_id=context, execution_id=execution)])
    output = root / "artifacts" / "flats" / node / "model" / str(execution)
    output.mkdir(parents=True)
    (root / "runs" / run).mkdir(parents=True, exist_ok=True)
    return execution, output


def test_a_live_run_is_left_alone(tmp_path: Path) -> None:
    client = Client(connection_config(tmp_path), tmp_path)
    gone, left = begin(client, tmp_path, "flats-1", "Trainer")
    live, used = begin(client, tmp_path, "flats-2", "Trainer")

    def alive(run: str, node: str) -> bool:
        return node_is_alive(tmp_path / "runs" / run, node)

    with hold(tmp_path / "runs" / "flats-2"):
        assert fail_abandoned(client, artifacts(tmp_path), alive) == 1
        states = {one.id: one.last_known_state for one in client.get_executions()}
        assert states == {gone: mlmd.Execution.FAILED, live: mlmd.Execution.RUNNING}
        assert not left.exists()
        assert used.exists()
        assert fail_abandoned(client, artifacts(tmp_path), alive) == 0
    assert fail_abandoned(client, artifacts(tmp_path), alive) == 1
    assert not used.exists()


def test_what_is_left_goes_from_where_that_run_put_it(tmp_path: Path) -> None:
    client = Client(connection_config(tmp_path), tmp_path)
    execution, _ = begin(client, tmp_path, "flats-1", "Trainer")
    elsewhere = tmp_path / "volume"
    (tmp_path / "runs" / "flats-1" / "job.json").write_text(json.dumps({"artifacts": str(elsewhere)}))
    left = elsewhere / "Trainer" / "model" / str(execution)
    left.mkdir(parents=True)
    assert fail_abandoned(client, artifacts(tmp_path), lambda run, node: False) == 1
    assert not left.exists()


def test_of_a_run_whose_nodes_a_scheduler_starts_each_node_is_looked_at(tmp_path: Path) -> None:
    client = Client(connection_config(tmp_path), tmp_path)
    gone, left = begin(client, tmp_path, "flats-1", "Transform")
    live, used = begin(client, tmp_path, "flats-1", "Trainer")

    def alive(run: str, node: str) -> bool:
        return node_is_alive(tmp_path / "runs" / run, node)

    with hold_node(tmp_path / "runs" / "flats-1", "Trainer", "a test", Wait(0, print)):
        assert fail_abandoned(client, artifacts(tmp_path), alive) == 1
    states = {one.id: one.last_known_state for one in client.get_executions()}
    assert states == {gone: mlmd.Execution.FAILED, live: mlmd.Execution.RUNNING}
    assert not left.exists()
    assert used.exists()


def test_working_folders_are_swept(tmp_path: Path) -> None:
    left = tmp_path / "Trainer" / ".system" / "stateful_working_dir" / "a"
    output = tmp_path / "Trainer" / "model" / "3"
    for folder in (left, output):
        folder.mkdir(parents=True)
    sweep_working_folders(tmp_path / "Trainer")
    sweep_working_folders(tmp_path / "Pusher")
    assert output.exists()
    assert not left.exists()
