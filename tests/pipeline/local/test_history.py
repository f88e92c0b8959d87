"""Why a node ran: told by what ML Metadata has of the time before, also where that was a reuse."""

from pathlib import Path

import pytest
from ml_metadata.proto import metadata_store_pb2 as mlmd

from pipeline.local.history import describe
from pipeline.metadata.client import Client, connection_config


@pytest.fixture
def client(tmp_path: Path) -> Client:
    return Client(connection_config(tmp_path), tmp_path)


def ends(client: Client, data: str | None, makes: int | None = None, *, reused: bool = False) -> tuple[int, int]:
    """Record that ExampleGen ended; return the execution and what it gave out, made by it unless it is named."""
    number = client.put_execution_type(mlmd.ExecutionType(name="ExampleGen"))
    state = mlmd.Execution.CACHED if reused else mlmd.Execution.COMPLETE
    record = mlmd.Execution(type_id=number, last_known_state=state)
    record.custom_properties["input_config"].string_value = "rows.csv"
    if data is not None:
        record.custom_properties["input_fingerprint"].string_value = data
        record.custom_properties["span"].int_value = 0
    [execution] = client.put_executions([record])
    context_type = client.put_context_type(mlmd.ContextType(name="node"))
    known = client.get_context_by_type_and_name("node", "flats.ExampleGen")
    context = (
        known.id if known else client.put_contexts([mlmd.Context(type_id=context_type, name="flats.ExampleGen")])[0]
    )
    client.put_attributions_and_associations([], [mlmd.Association(context_id=context, execution_id=execution)])
    artifact_type = client.put_artifact_type(mlmd.ArtifactType(name="Examples"))
    if makes is None:
        [makes] = client.put_artifacts([mlmd.Artifact(type_id=artifact_type, uri=f"/examples/{execution}")])
    event = mlmd.Event(execution_id=execution, artifact_id=makes, type=mlmd.Event.OUTPUT)
    event.path.steps.add().key = "examples"
    client.put_events([event])
    return execution, makes


def test_after_a_reuse_nothing_changed_if_nothing_did(client: Client) -> None:
    """Of a reused execution ML Metadata has no fingerprint of the data."""
    _, made = ends(client, "a")
    ends(client, None, made, reused=True)
    again, _ = ends(client, "a")
    assert describe(client, "ExampleGen", again, cache=False).why == "not reused on request"


def test_a_reuse_counts_as_what_it_reused(client: Client) -> None:
    """Data was a, then b, then a again, whose result was reused: b is no longer what the next one is compared with."""
    first, made = ends(client, "a")
    second, _ = ends(client, "b")
    ends(client, None, made, reused=True)
    again, _ = ends(client, "a")
    other, _ = ends(client, "b")
    assert [describe(client, "ExampleGen", one, cache=False).why for one in (first, second, again, other)] == [
        "first run",
        "changed data",
        "not reused on request",
        "changed data",
    ]
