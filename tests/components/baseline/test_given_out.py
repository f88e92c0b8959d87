"""The latest search is the one that was given out last, and not the one that was made last."""

from pathlib import Path
from typing import Any

from ml_metadata.proto import metadata_store_pb2 as mlmd

from components.baseline.given_out import last_given_out
from pipeline.metadata.client import Client, connection_config


def store_of(root: Path, executions: list[tuple[str, list[int]]]) -> Any:
    """A store with two artifacts, and executions that have them in events of the given types."""
    root.mkdir(exist_ok=True)
    store = Client(connection_config(root), root)
    kind = store.put_artifact_type(mlmd.ArtifactType(name="HyperParameters"))
    node = store.put_execution_type(mlmd.ExecutionType(name="Tuner"))
    context = mlmd.Context(type_id=store.put_context_type(mlmd.ContextType(name="pipeline")), name="flats")
    made = {one: mlmd.Artifact(type_id=kind, uri=f"/{one}", state=mlmd.Artifact.LIVE) for one in (1, 2)}
    [context.id] = store.put_contexts([context])
    for name, numbers in executions:
        pairs = [(made[one], mlmd.Event(type=mlmd.Event.Type.Value(name))) for one in numbers]
        _, ids, _ = store.put_execution(mlmd.Execution(type_id=node), pairs, [context])
        for one, given in zip(numbers, ids, strict=True):
            made[one].id = given
    return store


def test_a_search_that_is_reused_is_the_latest(tmp_path: Path) -> None:
    store = store_of(tmp_path, [("OUTPUT", [1]), ("OUTPUT", [2])])
    assert last_given_out(store, [1, 2]) == 2
    assert last_given_out(store, [2, 1]) == 2
    store = store_of(tmp_path / "again", [("OUTPUT", [1]), ("OUTPUT", [2]), ("OUTPUT", [1])])
    assert last_given_out(store, [1, 2]) == 1, "the third search reused what the first one found"


def test_who_only_looks_up_or_takes_in_gives_nothing_out(tmp_path: Path) -> None:
    store = store_of(tmp_path, [("OUTPUT", [1]), ("OUTPUT", [2]), ("INTERNAL_OUTPUT", [1]), ("INPUT", [1])])
    assert last_given_out(store, [1, 2]) == 2


def test_where_there_was_no_search_there_is_none(tmp_path: Path) -> None:
    assert last_given_out(store_of(tmp_path, []), []) is None
