"""Which output is compared with the label, where columns of the request come back beside the predictions."""

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from components.description import SIGNATURES
from components.evaluator.signature import check_outputs, only_prediction
from pipeline.errors import SettingsError

pytestmark = pytest.mark.slow


def model(folder: Path, outputs: Sequence[str], forward: Sequence[str] | None) -> str:
    from tensorflow.core.protobuf import saved_model_pb2

    saved = saved_model_pb2.SavedModel()
    graph = saved.meta_graphs.add()
    graph.meta_info_def.tags.append("serve")
    for name in outputs:
        graph.signature_def["serving_default"].outputs[name].name = name
    (folder / SIGNATURES).parent.mkdir()
    (folder / "saved_model.pb").write_bytes(saved.SerializeToString())
    if forward is not None:
        (folder / SIGNATURES).write_text(json.dumps({"forward_features": forward}))
    return str(folder)


@pytest.mark.parametrize(
    ("outputs", "forward", "asked", "key"),
    [
        (["price"], None, "", ""),
        (["price"], [], "", ""),
        (["price"], [], "anything", "anything"),  # TFMA takes the only output there is
        (["id", "price"], ["id"], "", "price"),
        (["id", "price"], ["id"], "price", "price"),
        (["id", "lower", "price"], ["id"], "price", "price"),
        (["id", "price"], None, "id", "id"),
    ],
)
def test_the_only_prediction_needs_no_setting(
    tmp_path: Path, outputs: list[str], forward: list[str] | None, asked: str, key: str
) -> None:
    assert check_outputs(model(tmp_path, outputs, forward), asked) == key


def test_a_column_is_no_prediction_to_judge_by(tmp_path: Path) -> None:
    folder = model(tmp_path, ["id", "lower", "price"], ["id"])
    assert only_prediction(folder) == ""
    for asked in ("", "id", "prise"):
        with pytest.raises(SettingsError) as caught:
            check_outputs(folder, asked)
        assert caught.value.expected == "one of lower, price"
