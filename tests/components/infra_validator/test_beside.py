"""Columns that have to come back as they were, and the example requests that lie beside a model."""

import json
from pathlib import Path
from typing import Any

import components.estimator.compat  # noqa: F401  before TensorFlow

import numpy as np
import pytest
import tensorflow as tf

from components.description import FOLDER, SIGNATURES
from components.infra_validator.beside import not_handed_back, unanswered_requests
from components.infra_validator.probe import _faults
from components.infra_validator.requests import decode

pytestmark = pytest.mark.slow


def row(name: bytes, number: int, weight: float | None) -> bytes:
    features = {
        "id": tf.train.Feature(bytes_list=tf.train.BytesList(value=[name])),
        "number": tf.train.Feature(int64_list=tf.train.Int64List(value=[number])),
    }
    if weight is not None:
        features["weight"] = tf.train.Feature(float_list=tf.train.FloatList(value=[weight]))
    return bytes(tf.train.Example(features=tf.train.Features(feature=features)).SerializeToString())


ROWS = [row("ü".encode(), 2**53 + 1, 0.1), row(b"", -1, None)]
KEYS = ("id", "number", "weight")


def answers(**changed: Any) -> dict[str, Any]:
    right = {
        "id": np.array(["ü".encode(), b""], object),
        "number": np.array([2**53 + 1, -1]),
        "weight": np.array([0.1, np.nan], np.float32),
    }
    return {**right, **changed}


def test_what_comes_back_as_it_was_is_no_fault_a_missing_value_neither() -> None:
    assert not_handed_back("raw", answers(), ROWS, KEYS) == []
    assert _faults("raw", answers(), 2, KEYS) == []
    assert len(_faults("raw", answers(), 2, ("id",))) == 1  # as a prediction it would be


@pytest.mark.parametrize(
    "changed",
    [
        {"id": np.array([b"", "ü".encode()], object)},
        {"number": np.array([2**53, -1])},
        {"weight": np.array([0.2, 0.3], np.float32)},
        {"weight": np.array(0.1, np.float32)},
    ],
)
def test_what_comes_back_in_another_way_is_a_fault(changed: dict[str, Any]) -> None:
    (fault,) = not_handed_back("raw", answers(**changed), ROWS, KEYS)
    assert repr(next(iter(changed))) in fault


def test_an_example_request_that_has_no_good_answer_is_noted(tmp_path: Path) -> None:
    @tf.function(input_signature=[tf.TensorSpec([None], tf.float32, name="size")])
    def raw(size: Any) -> dict[str, Any]:
        return {"price": tf.math.log(size)}

    module = tf.Module()
    module.raw = raw
    tf.saved_model.save(module, str(tmp_path), signatures={"raw": raw})
    (tmp_path / FOLDER).mkdir()
    (tmp_path / SIGNATURES).write_text(json.dumps({"signatures": {"raw": {"example_request": "r.json"}}}))
    signatures = tf.saved_model.load(str(tmp_path)).signatures

    def notes(body: str) -> list[str]:
        (tmp_path / FOLDER / "r.json").write_text(body)
        return unanswered_requests(str(tmp_path), signatures)

    assert notes('{"instances": [{"size": 1.0}]}') == []
    assert "no finite number" in notes('{"instances": [{"size": -1.0}]}')[0]
    assert "gives area, and the model takes size" in notes('{"instances": [{"area": 1.0}]}')[0]
    assert "not answered" in notes("{")[0]


def test_requests_are_read_as_the_rest_api_does() -> None:
    one = {"x": tf.TensorSpec([None], tf.string)}
    assert decode({"instances": ["a", {"b64": "/w=="}]}, one)["x"].numpy().tolist() == [b"a", b"\xff"]
    assert decode({"inputs": ["a"]}, one)["x"].numpy().tolist() == [b"a"]
    (serialized,) = decode({"examples": [{"n": 3, "x": 3.0, "s": ["a", {"b64": "/w=="}]}]}, one)["x"].numpy()
    features = tf.train.Example.FromString(serialized).features.feature
    assert features["n"].int64_list.value == [3]
    assert features["x"].float_list.value == [3.0]
    assert features["s"].bytes_list.value == [b"a", b"\xff"]
    with pytest.raises(ValueError, match="neither instances nor inputs"):
        decode({"rows": []}, one)
