"""The Pusher as a node of a TFX pipeline, behind gates that said yes and no."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from components.pusher.versions import read_versions

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def export(tmp_path_factory: pytest.TempPathFactory) -> Path:
    import tensorflow as tf

    module = tf.Module()
    module.serve = tf.function(lambda examples: {"length": tf.strings.length(examples)}).get_concrete_function(
        tf.TensorSpec([None], tf.string)
    )
    folder = tmp_path_factory.mktemp("model")
    tf.saved_model.save(module, str(folder / "Format-Serving"), signatures={"serving_default": module.serve})
    return folder


def run(export: Path, folder: Path, *, model_blessed: int = 1, infra_blessed: int = 1) -> dict[str, Any]:
    """Run importers and the Pusher with TFX's own runner and its cache; return what the Pusher published last."""
    from ml_metadata import MetadataStore
    from tfx.dsl.components.common.importer import Importer
    from tfx.orchestration import metadata
    from tfx.orchestration.local.local_dag_runner import LocalDagRunner
    from tfx.orchestration.pipeline import Pipeline
    from tfx.types import standard_artifacts

    from components.pusher.component import create_pusher

    def given(name: str, kind: Any, uri: Path, properties: dict[str, int | str]) -> Any:
        uri.mkdir(parents=True, exist_ok=True)
        return Importer(source_uri=str(uri), artifact_type=kind, custom_properties=properties).with_id(name)

    why = "mean_absolute_error 36,120 is above its upper bound 30,000"
    model = given("model", standard_artifacts.Model, export, {})
    verdicts: dict[str, int | str] = {"blessed": model_blessed, "blessing_message": why}
    blessing = given(f"blessing{model_blessed}", standard_artifacts.ModelBlessing, folder / "blessing", verdicts)
    infra = given(
        f"infra{infra_blessed}", standard_artifacts.InfraBlessing, folder / "infra", {"blessed": infra_blessed}
    )
    pusher = create_pusher(
        model.outputs["result"],
        blessing.outputs["result"],
        infra.outputs["result"],
        serving_dir=str(folder / "serving"),
    )
    database = metadata.sqlite_metadata_connection_config(str(folder / "metadata.db"))
    pipeline = Pipeline(
        pipeline_name="push",
        pipeline_root=str(folder / "artifacts"),
        components=[model, blessing, infra, pusher],
        metadata_connection_config=database,
        enable_cache=True,
    )
    LocalDagRunner().run(pipeline)
    artifacts = MetadataStore(database).get_artifacts_by_type("PushedModel")
    latest = max(artifacts, key=lambda artifact: artifact.id)
    record = json.loads((Path(latest.uri) / "push.json").read_text())
    for name, value in record.items():
        stored = latest.custom_properties[name]
        assert value == (stored.int_value if isinstance(value, int) else stored.string_value)
    return dict(record)


def test_pushes_reuses_and_pushes_again_where_the_directory_is_gone(export: Path, tmp_path: Path) -> None:
    serving = tmp_path / "serving"
    first = run(export, tmp_path)
    assert (first["pushed"], first["pushed_version"], first["reused"]) == (1, "1", 0)
    assert first["pushed_destination"] == str(serving / "1")
    assert (serving / "1" / "saved_model.pb").exists()
    # TFX would take the node from its cache now, if it could.
    second = run(export, tmp_path)
    assert (second["pushed_version"], second["reused"]) == ("1", 1)
    shutil.rmtree(serving)
    third = run(export, tmp_path)
    assert (third["pushed_version"], third["reused"]) == ("1", 0)
    assert [version.number for version in read_versions(serving)] == [1]
    assert read_versions(serving)[0].model_hash == first["model_hash"]


@pytest.mark.parametrize(("model_blessed", "infra_blessed", "node"), [(0, 1, "Evaluator"), (1, 0, "InfraValidator")])
def test_either_gate_can_refuse(
    export: Path, tmp_path: Path, model_blessed: int, infra_blessed: int, node: str
) -> None:
    record = run(export, tmp_path, model_blessed=model_blessed, infra_blessed=infra_blessed)
    assert record["pushed"] == 0
    assert record["reason"].startswith(f"not blessed by the {node}: ")
    assert ("36,120" in record["reason"]) is (node == "Evaluator")
    assert not (tmp_path / "serving").exists()


def test_a_copy_that_does_not_load_is_refused(export: Path, tmp_path: Path) -> None:
    from components.pusher.executor import load_once
    from components.pusher.protocol import push
    from pipeline.errors import PipelineError

    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "saved_model.pb").write_bytes(b"\xff\xff not a graph")
    with pytest.raises(PipelineError, match="does not load"):
        push(broken, tmp_path / "serving", check=load_once)
    assert list((tmp_path / "serving").iterdir()) == []
