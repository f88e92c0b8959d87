"""Exports that answer, and exports that fail in each way; asked by the node's executor as a node would."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[3]
LABEL = "price"
ROWS = 40


@pytest.fixture(scope="session")
def eval_split(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write 40 rows; the third lacks a number, the fourth a word."""
    import tensorflow as tf

    folder = tmp_path_factory.mktemp("examples")
    (folder / "Split-eval").mkdir()
    path = folder / "Split-eval" / "data_tfrecord-00000-of-00001.gz"
    with tf.io.TFRecordWriter(str(path), tf.io.TFRecordOptions(compression_type="GZIP")) as writer:
        for number in range(ROWS):
            features = {LABEL: tf.train.Feature(float_list=tf.train.FloatList(value=[1000.0 * number]))}
            if number != 2:
                features["area"] = tf.train.Feature(float_list=tf.train.FloatList(value=[float(number)]))
            if number != 3:
                features["district"] = tf.train.Feature(bytes_list=tf.train.BytesList(value=[b"north"]))
            writer.write(tf.train.Example(features=tf.train.Features(feature=features)).SerializeToString())
    return folder


@pytest.fixture(scope="session")
def exports(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Export a model for each way to fail, and one that does not."""
    folder = tmp_path_factory.mktemp("exports")
    kinds = ("good", "nan", "abort", "hang", "label", "unbatched", "disagree", "unsigned")
    found = {kind: folder / kind for kind in kinds}
    for kind in kinds:
        _export(found[kind] / "Format-Serving", kind)
    found["missing"] = folder / "missing"
    damaged = folder / "damaged" / "Format-Serving"
    damaged.mkdir(parents=True)
    (damaged / "saved_model.pb").write_bytes(b"\xff\xff not a graph")
    found["damaged"] = damaged.parent
    return found


def _export(target: Path, kind: str) -> None:
    import tensorflow as tf

    spec = {
        "area": tf.io.FixedLenFeature([], tf.float32, -1.0),
        "district": tf.io.FixedLenFeature([], tf.string, "none"),
    }
    if kind == "label":
        spec[LABEL] = tf.io.FixedLenFeature([], tf.float32)

    def predict(area: Any, district: Any) -> dict[str, Any]:
        price = 1000.0 * area + tf.where(district == "north", 5.0, 0.0)
        if kind == "nan":
            price = tf.where(area > 30.0, float("nan"), price)
        if kind == "unbatched":
            price = tf.reduce_sum(price)
        if kind == "abort":
            # The documented way for a graph to end its process: what a bug in a kernel does.
            with tf.control_dependencies([tf.raw_ops.Abort(error_msg="as asked for")]):
                price = tf.identity(price)
        if kind == "hang":
            forever = tf.while_loop(lambda i: i >= 0, lambda i: (i + 1) % 7, [tf.cast(tf.size(area), tf.int32)])
            price += tf.cast(forever[0], tf.float32)
        return {"price": price, "district": district}

    module = tf.Module()

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="examples")])
    def serve(examples: Any) -> dict[str, Any]:
        parsed = tf.io.parse_example(examples, spec)
        return predict(parsed["area"], parsed["district"])

    @tf.function(
        input_signature=[
            tf.TensorSpec([None], tf.float32, name="area"),
            tf.TensorSpec([None], tf.string, name="district"),
        ]
    )
    def raw(area: Any, district: Any) -> dict[str, Any]:
        area = tf.where(tf.math.is_nan(area), -1.0, area)
        return predict(area + (1.0 if kind == "disagree" else 0.0), tf.where(district == "", "none", district))

    module.serve, module.raw = serve, raw
    signatures = {"other": serve} if kind == "unsigned" else {"serving_default": serve, "raw": raw}
    tf.saved_model.save(module, str(target), signatures=signatures)


_NODE = """
import json, sys
import components.estimator.compat
from tfx.dsl.components.base.base_executor import BaseExecutor
from tfx.types import Channel, standard_artifacts
from components.infra_validator.component import create_infra_validator
from components.infra_validator.executor import Executor
from components.forking import may_fork
from pipeline.config.model import InfraValidation

asked = json.loads(sys.argv[1])
examples = standard_artifacts.Examples()
examples.uri, examples.splits = asked["examples"], ["eval"]
for kind, folder in asked["exports"].items():
    assert may_fork()
    node = create_infra_validator(
        Channel(type=standard_artifacts.Model), Channel(type=standard_artifacts.Examples),
        settings=InfraValidation(examples=32, timeout_secs=6 if kind == "hang" else 120), label="price",
    )
    model, blessing = standard_artifacts.Model(), standard_artifacts.InfraBlessing()
    model.uri, blessing.uri = folder, asked["blessings"] + "/" + kind
    Executor(BaseExecutor.Context(tmp_dir=asked["blessings"], unique_id="1")).Do(
        {"model": [model], "examples": [examples]}, {"blessing": [blessing]}, dict(node.exec_properties))
    print("BLESSED", kind, blessing.get_int_custom_property("blessed"), flush=True)
"""


@pytest.fixture(scope="session")
def blessings(
    exports: dict[str, Path], eval_split: Path, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, tuple[Any, int, Path]]:
    """Have every export asked in one process that has imported TensorFlow and not used it, as a node has.

    Returns:
        By export: the verdict, the artifact's ``blessed``, and the artifact's folder.
    """
    from components.infra_validator.verdict import read_verdict

    folder = tmp_path_factory.mktemp("blessings")
    asked = {
        "examples": str(eval_split),
        "blessings": str(folder),
        "exports": {kind: str(path) for kind, path in exports.items()},
    }
    ended = subprocess.run(
        [sys.executable, "-c", _NODE, json.dumps(asked)],
        cwd=ROOT,
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "2"},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        timeout=300,
    )
    marks = {line.split()[1]: int(line.split()[2]) for line in ended.stdout.splitlines() if line.startswith("BLESSED")}
    return {kind: (read_verdict(folder / kind), marks[kind], folder / kind) for kind in exports}
