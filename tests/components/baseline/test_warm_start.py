"""The model to start from is the latest blessed one that this very training has not made itself."""

import json
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.slow

SETTINGS, CODE = '{"train_steps": 10}', "abc"


@pytest.fixture
def store(tmp_path: Path) -> Any:
    from ml_metadata.metadata_store import metadata_store
    from ml_metadata.proto import metadata_store_pb2 as mlmd

    config = mlmd.ConnectionConfig()
    config.sqlite.filename_uri = str(tmp_path / "metadata.db")
    return metadata_store.MetadataStore(config)


def trained(store: Any, rows: int, settings: str = SETTINGS, code: str = CODE) -> int:
    """Record a training as TFX does; return its model."""
    from ml_metadata.proto import metadata_store_pb2 as mlmd

    kind = store.put_execution_type(mlmd.ExecutionType(name="Trainer"))
    execution = mlmd.Execution(type_id=kind)
    config = {"training": settings, "code": code, "problem": "towns"}
    execution.custom_properties["custom_config"].string_value = json.dumps(config)
    [execution_id] = store.put_executions([execution])
    made = mlmd.Artifact(type_id=store.put_artifact_type(mlmd.ArtifactType(name="Model")))
    [model] = store.put_artifacts([made])
    events = [
        mlmd.Event(artifact_id=rows, execution_id=execution_id, type=mlmd.Event.INPUT),
        mlmd.Event(artifact_id=model, execution_id=execution_id, type=mlmd.Event.OUTPUT),
    ]
    store.put_events(events)
    return int(model)


def examples(store: Any) -> int:
    from ml_metadata.proto import metadata_store_pb2 as mlmd

    kind = store.put_artifact_type(mlmd.ArtifactType(name="Examples"))
    [made] = store.put_artifacts([mlmd.Artifact(type_id=kind)])
    return int(made)


def found(store: Any, rows: int, blessed: dict[int, int], settings: str = SETTINGS, code: str = CODE) -> list[int]:
    from tfx.types import standard_artifacts

    from components.baseline.warm_start import LatestBlessedModelToStartFrom

    models, blessings = [], []
    for number, verdict in blessed.items():
        model, blessing = standard_artifacts.Model(), standard_artifacts.ModelBlessing()
        model.id, blessing.id = number, 1000 + number
        blessing.set_int_custom_property("current_model_id", number)
        blessing.set_int_custom_property("blessed", verdict)
        models.append(model)
        blessings.append(blessing)
    given = standard_artifacts.Examples()
    given.id = rows
    inputs = {"examples": [given], "model": models, "model_blessing": blessings}
    result = LatestBlessedModelToStartFrom(settings, code).resolve_artifacts(store, inputs)
    assert result is not None
    assert [one.id for one in result["model_blessing"]] == [1000 + one.id for one in result["model"]]
    return [one.id for one in result["model"]]


def test_the_latest_blessed_model_of_another_training_is_found(store: Any) -> None:
    old, new = examples(store), examples(store)
    assert found(store, old, {}) == []
    first = trained(store, old)
    assert found(store, old, {first: 1}) == []  # nothing changed: what the run before found, and so a reused Trainer
    assert found(store, new, {first: 1}) == [first]
    assert found(store, new, {first: 0}) == []
    assert found(store, old, {first: 1}, settings="{}") == [first]
    assert found(store, old, {first: 1}, code="changed") == [first]
    second = trained(store, new)
    assert found(store, new, {first: 1, second: 1}) == [first]
    assert found(store, old, {first: 1, second: 1}) == [second]
    assert found(store, examples(store), {first: 1, second: 1}) == [second]
