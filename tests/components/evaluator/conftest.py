"""A split of 300 real rows, exports that answer them well or badly, and the node's executor run on both."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

ROWS = 300
LABEL = "price"


def _example(number: int) -> bytes:
    import tensorflow as tf

    area = 40.0 + (number * 37) % 160
    district = ("north", "south", "island")[0 if number % 10 < 6 else 1 if number % 10 < 9 else 2]
    features = {
        "area": tf.train.Feature(float_list=tf.train.FloatList(value=[area])),
        "district": tf.train.Feature(bytes_list=tf.train.BytesList(value=[district.encode()])),
        LABEL: tf.train.Feature(float_list=tf.train.FloatList(value=[1000.0 * area])),
    }
    return bytes(tf.train.Example(features=tf.train.Features(feature=features)).SerializeToString())


def write_examples(folder: Path, rows: int) -> Any:
    import tensorflow as tf
    from tfx.types import standard_artifacts

    split = folder / "Split-eval"
    split.mkdir(parents=True)
    options = tf.io.TFRecordOptions(compression_type="GZIP")
    with tf.io.TFRecordWriter(str(split / "data_tfrecord-00000-of-00001.gz"), options) as writer:
        for number in range(rows):
            writer.write(_example(number))
    artifact = standard_artifacts.Examples()
    artifact.uri = str(folder)
    artifact.splits = ["eval"]
    artifact.set_string_custom_property("split_rows", json.dumps({"eval": rows}))
    return artifact


@pytest.fixture(scope="session")
def examples(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return write_examples(tmp_path_factory.mktemp("examples"), ROWS)


@pytest.fixture(scope="session")
def schema(tmp_path_factory: pytest.TempPathFactory) -> Any:
    from tfx.types import standard_artifacts

    folder = tmp_path_factory.mktemp("schema")
    features = (("area", "FLOAT"), ("district", "BYTES"), (LABEL, "FLOAT"))
    text = "".join(
        f'feature {{ name: "{name}" type: {kind} presence {{ min_count: 1 }} value_count {{ min: 1 max: 1 }} }}\n'
        for name, kind in features
    )
    (folder / "schema.pbtxt").write_text(text)
    artifact = standard_artifacts.Schema()
    artifact.uri = str(folder)
    return artifact


@pytest.fixture(scope="session")
def make_model(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Any]:
    """Export a model that answers the true price times ``factor``, with another factor for the island."""
    made: dict[tuple[float, float, str], Any] = {}

    def make(factor: float, *, island: float | None = None, feature: str = "area") -> Any:
        key = (factor, island if island is not None else factor, feature)
        if key not in made:
            made[key] = _export(tmp_path_factory.mktemp("model"), *key, number=len(made) + 1)
        return made[key]

    return make


def _export(folder: Path, factor: float, island: float, feature: str, *, number: int) -> Any:
    import tensorflow as tf
    from tfx.types import standard_artifacts

    module = tf.Module()
    spec = {feature: tf.io.FixedLenFeature([1], tf.float32), "district": tf.io.FixedLenFeature([1], tf.string)}

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="examples")])
    def serve(examples: Any) -> dict[str, Any]:
        parsed = tf.io.parse_example(examples, spec)
        price = 1000.0 * parsed[feature] * tf.where(parsed["district"] == "island", island, factor)
        return {"price": price, "lower": price * 0.9, "upper": price * 1.1}

    module.serve = serve
    tf.saved_model.save(module, str(folder / "Format-Serving"), signatures={"serving_default": serve})
    artifact = standard_artifacts.Model()
    artifact.uri = str(folder)
    artifact.id = number
    return artifact


@pytest.fixture
def evaluate(examples: Any, schema: Any, tmp_path: Path) -> Callable[..., Any]:
    """Run the node's executor with the properties that ``create_evaluator`` gives it; return verdict and blessing."""

    def run(model: Any, settings: Any, *, baseline: Any = None, rows: Any = None, every_slice: bool = False) -> Any:
        from tfx.dsl.components.base.base_beam_executor import BaseBeamExecutor
        from tfx.types import Channel, standard_artifacts

        from components.evaluator.component import create_evaluator
        from components.evaluator.executor import Executor
        from components.evaluator.verdict import read_verdict

        node = create_evaluator(
            Channel(type=standard_artifacts.Examples),
            Channel(type=standard_artifacts.Model),
            Channel(type=standard_artifacts.Model),
            Channel(type=standard_artifacts.Schema),
            label=LABEL,
            settings=settings,
            every_slice=every_slice,
        )
        evaluation, blessing = standard_artifacts.ModelEvaluation(), standard_artifacts.ModelBlessing()
        evaluation.uri, blessing.uri = str(tmp_path / "evaluation"), str(tmp_path / "blessing")
        context = BaseBeamExecutor.Context(
            beam_pipeline_args=["--runner=apache_beam.runners.portability.fn_api_runner.FnApiRunner"],
            tmp_dir=str(tmp_path / "tmp"),
            unique_id="1",
        )
        inputs = {"examples": [rows or examples], "model": [model], "schema": [schema]}
        inputs["baseline_model"] = [baseline] if baseline else []
        Executor(context).Do(inputs, {"evaluation": [evaluation], "blessing": [blessing]}, dict(node.exec_properties))
        return read_verdict(evaluation.uri), blessing

    return run
