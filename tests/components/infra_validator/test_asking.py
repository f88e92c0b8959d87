"""Columns whose names cannot be arguments in Python: the export is asked as TensorFlow Serving would ask it."""

import json
import os
from pathlib import Path
from typing import Any

import components.estimator.compat  # noqa: F401  before TensorFlow

import numpy as np
import pytest
import tensorflow as tf

from components.description import FOLDER, SIGNATURES
from components.infra_validator.asking import asker, names_in_the_way
from components.infra_validator.beside import unanswered_requests
from components.infra_validator.probe import probe

pytestmark = pytest.mark.slow

v1 = tf.compat.v1
IN_THE_WAY = [["self", "b"], ["a-b", "a_b"], ["A B", "A_B"], ["1", "arg_1"]]
ARGUMENTS = [["area", "b"], ["a b", "A B"], ["class", "args"], ["ä", "²"]]


def export(folder: Path, names: list[str], off_by: float = 0.0) -> Path:
    """Export as an Estimator does: the sum of the columns, the first a hundredfold, from a table and a variable."""
    specs = {name: tf.io.FixedLenFeature([], tf.float32, -1.0) for name in names}
    with tf.Graph().as_default(), v1.Session() as session:
        hundred = v1.get_variable("hundred", initializer=100.0)
        values = tf.lookup.KeyValueTensorInitializer(["unit"], [1.0])
        table = tf.lookup.StaticHashTable(values, -7.0)

        def total(columns: dict[str, Any]) -> Any:
            first, second = (tf.where(tf.math.is_nan(columns[name]), -1.0, columns[name]) for name in names)
            return {"total": hundred * first + table.lookup(tf.constant("unit")) * second}

        examples = v1.placeholder(tf.string, [None])
        raw = {name: v1.placeholder(tf.float32, [None]) for name in names}
        by_example = total(tf.io.parse_example(examples, specs))
        by_name = {"total": total(raw)["total"] + off_by}
        define = v1.saved_model.predict_signature_def
        session.run([v1.global_variables_initializer(), v1.tables_initializer()])
        builder = v1.saved_model.Builder(str(folder))
        builder.add_meta_graph_and_variables(
            session,
            ["serve"],
            {"serving_default": define({"examples": examples}, by_example), "raw": define(raw, by_name)},
            main_op=v1.tables_initializer(),
        )
        builder.save()
    return folder


def answer_of(model: Path, names: list[str], folder: Path) -> Any:
    """Probe a model in this process with three rows, of which the last lacks the second column."""
    path = folder / "rows.gz"
    with tf.io.TFRecordWriter(str(path), tf.io.TFRecordOptions(compression_type="GZIP")) as writer:
        for row in ([1.0, 2.0], [3.0, 4.0], [5.0]):
            pairs = zip(names, row, strict=False)
            features = {name: tf.train.Feature(float_list=tf.train.FloatList(value=[value])) for name, value in pairs}
            writer.write(tf.train.Example(features=tf.train.Features(feature=features)).SerializeToString())
    reading, writing = os.pipe()
    try:
        probe({"model": str(model), "files": [str(path)], "rows": 3, "label": "none"}, writing)
    finally:
        os.close(writing)
    with os.fdopen(reading, encoding="utf-8") as lines:
        return json.loads(lines.readlines()[-1])["answer"]


@pytest.mark.parametrize("names", IN_THE_WAY)
def test_a_good_model_with_such_names_passes_with_a_note(names: list[str], tmp_path: Path) -> None:
    answer = answer_of(export(tmp_path / "model", names), names, tmp_path)
    assert (answer["rows"], answer["problems"]) == (3, [])
    (note,) = answer["notes"]
    assert note.startswith(
        "a Python client has to ask 'raw' by tf.compat.v1.saved_model.load, or use 'serving_default'"
    )
    assert repr(names[0]) in note


@pytest.mark.parametrize("names", [["self", "b"], ["a-b", "a_b"], ["area", "b"]])
def test_a_model_that_disagrees_is_still_found_out(names: list[str], tmp_path: Path) -> None:
    answer = answer_of(export(tmp_path / "model", names, off_by=3.0), names, tmp_path)
    assert answer["problems"] == ["'raw' and 'serving_default' disagree on 'total' for the same rows, by up to 3"]


@pytest.mark.parametrize("names", IN_THE_WAY + ARGUMENTS)
def test_it_goes_by_whether_python_can_call_the_signature(names: list[str], tmp_path: Path) -> None:
    model = str(export(tmp_path / "model", names))
    signature = tf.saved_model.load(model).signatures["raw"]
    inputs = dict(zip(names, (tf.constant([1.0, 3.0]), tf.constant([2.0, 4.0])), strict=True))
    if names in ARGUMENTS:
        assert names_in_the_way(names) == []
        signature(**inputs)
    else:
        assert names_in_the_way(names) == (["self"] if "self" in names else sorted(names))
        with pytest.raises((TypeError, ValueError)):
            signature(**inputs)
    np.testing.assert_allclose(asker(model, "raw", signature)(inputs)["total"], [102.0, 304.0])


@pytest.mark.parametrize("names", [["self", "b"], ["a-b", "a_b"]])
def test_example_requests_with_such_names_are_answered(names: list[str], tmp_path: Path) -> None:
    model = export(tmp_path / "model", names)
    (model / FOLDER).mkdir()
    (model / SIGNATURES).write_text(json.dumps({"signatures": {"raw": {"example_request": "r.json"}}}))
    signatures = tf.saved_model.load(str(model)).signatures

    def notes(value: float) -> list[str]:
        body = {"instances": [{names[0]: value, names[1]: 1.0}]}
        (model / FOLDER / "r.json").write_text(json.dumps(body))
        return unanswered_requests(str(model), signatures)

    assert notes(1.0) == []
    assert "no finite number" in notes(float("inf"))[0]
