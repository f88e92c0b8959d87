"""Labels that preprocessing_fn makes: what they are computed from, and their values."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_transform as tft

from components.transform.dependencies import dependencies
from components.transform.label import check_columns_to_ask_for, check_label_varies, columns_of_label, label_function
from components.transform.preprocessing import preprocessing_fn
from pipeline.errors import DataError, UserCodeError
from tests.components import problem_folder
from tests.components.transform.trips import ROWS, example, write_transform

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def transform(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(write_transform(tmp_path_factory.mktemp("transform")))


def test_dependencies_are_those_of_the_graph(transform: str) -> None:
    found = dependencies(tft.TFTransformOutput(transform))
    assert found.columns == {
        "fare": {"fare"},
        "miles": {"miles"},
        "usual_tip": {"miles"},  # the mean of all tips is a constant by then
        "tips": {"tips"},
        "big": {"tips", "fare"},
        "payment": {"payment"},
    }
    assert found.untouched == {"tips"}


@pytest.mark.parametrize(
    ("label", "needed"),
    [
        ("tips", {"fare", "miles", "payment"}),
        ("payment", {"fare", "miles", "tips"}),
        # tips is a feature too here, so that serving needs it.
        ("big", {"fare", "miles", "payment", "tips"}),
    ],
)
def test_serving_needs_what_features_are_computed_from(transform: str, label: str, needed: set[str]) -> None:
    found = dependencies(tft.TFTransformOutput(transform))
    assert found.needed_by_serving(label) == needed
    assert "rider" not in needed


def test_columns_of_a_label(transform: str) -> None:
    assert columns_of_label(transform, "tips") is None
    assert columns_of_label(transform, "big") == ["fare", "tips"]
    assert columns_of_label(transform, "payment") == ["payment"]


def test_a_transform_that_leaves_nothing_to_ask_for_is_refused(transform: str, tmp_path: Path) -> None:
    check_columns_to_ask_for(transform, "big", "housing")
    label_alone = str(write_transform(tmp_path, lambda inputs: {"big": inputs["tips"]}))
    with pytest.raises(UserCodeError, match="No feature is computed from a column that a request has") as caught:
        check_columns_to_ask_for(label_alone, "big", "housing")
    assert str(caught.value.where).endswith("housing/preprocessing.py")


def test_the_label_of_raw_rows_is_what_training_sees(transform: str) -> None:
    rows = [example(row) for row in ROWS]
    big = label_function(transform, "big")(rows)
    assert big.dtype == np.int64
    np.testing.assert_array_equal(big[:, 0], [row["tips"][0] > 0.2 * row["fare"][0] for row in ROWS])
    assert 0 < big.sum() < len(ROWS)
    payment = label_function(transform, "payment")(rows)
    wanted = {"card": 0, "cash": 1, "other": 2}  # the commonest first
    np.testing.assert_array_equal(payment[:, 0], [wanted[row["payment"][0]] for row in ROWS])
    assert len(label_function(transform, "payment")([])) == 0


def write_rows(folder: Path, values: list[int]) -> str:
    folder.mkdir()
    with tf.io.TFRecordWriter(str(folder / "rows.gz"), tf.io.TFRecordOptions(compression_type="GZIP")) as writer:
        for value in values:
            writer.write(example({"big": [value]}))
    return str(folder)


def test_a_constant_label_is_refused_whoever_is_to_blame(tmp_path: Path) -> None:
    spec = {"big": tf.io.FixedLenFeature([1], tf.int64)}
    said: dict[str, Any] = {"feature_spec": spec, "label": "big", "problem": "housing"}
    check_label_varies(write_rows(tmp_path / "varies", [0] * 5000 + [1]), raw=False, **said)
    constant = write_rows(tmp_path / "constant", [1] * 5000)
    with pytest.raises(DataError) as caught:
        check_label_varies(constant, raw=False, **said)
    assert "The label big is constant after preprocessing_fn" in caught.value.headline
    assert caught.value.got == "[1] in each of 5,000 rows of the split train"
    with pytest.raises(UserCodeError) as blamed:
        check_label_varies(constant, raw=True, **said)
    assert "the column big itself varies" in str(blamed.value.hint)


@pytest.fixture
def problem(tmp_path: Path) -> Any:
    with problem_folder.written(tmp_path, "trips") as model_file:
        yield model_file.parent


@pytest.mark.parametrize(
    ("body", "label", "words"),
    [
        ("return {'big_tip': inputs['fare']}", "big_tips", ("neither a column", "did you mean big_tip?")),
        ("return {'x': inputs['fare'], 'y': inputs['z']}", "z", ("neither a column", "compute it from the columns")),
        ("return {'x': inputs['fare']}", "tips", ("does not return the label", 'outputs["tips"] = inputs["tips"]')),
    ],
)
def test_a_label_that_nobody_has_is_told(problem: Path, body: str, label: str, words: tuple[str, str]) -> None:
    (problem / "preprocessing.py").write_text(f"def preprocessing_fn(inputs):\n    {body}\n")
    inputs = {"fare": tf.ones([2, 1]), "tips": tf.ones([2, 1])}
    with pytest.raises(UserCodeError) as caught:
        preprocessing_fn(inputs, {"problem": "trips", "label": label})
    assert words[0] in caught.value.headline
    assert words[1] in str(caught.value.hint)


def test_a_key_that_is_not_the_label_is_the_users_own_error(problem: Path) -> None:
    (problem / "preprocessing.py").write_text("def preprocessing_fn(inputs):\n    return {'x': inputs['faer']}\n")
    with pytest.raises(UserCodeError) as caught:
        preprocessing_fn({"fare": tf.ones([2, 1])}, {"problem": "trips", "label": "z"})
    assert "raised KeyError" in caught.value.headline
