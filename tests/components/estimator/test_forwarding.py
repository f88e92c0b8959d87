"""Which columns may come back beside a prediction."""

from typing import Any

import pytest
from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2

from components.estimator.forwarding import check_columns, columns_by_use, refuse_clashes
from pipeline.errors import SettingsError

COLUMNS = ["flat_id", "area", "rent"]


def test_a_column_of_the_schema_may_come_back() -> None:
    check_columns(["flat_id", "area"], COLUMNS)
    check_columns([], [])


def test_a_column_that_is_not_there_is_refused_with_one_that_is() -> None:
    with pytest.raises(SettingsError) as caught:
        check_columns(["flatid"], COLUMNS)
    assert caught.value.hint == "did you mean flat_id?"
    assert caught.value.where == "serving.forward_features"


def test_all_that_are_not_there_are_named() -> None:
    with pytest.raises(SettingsError) as caught:
        check_columns(["flatid", "area", "xyz"], COLUMNS)
    assert [part.headline.split()[4] for part in caught.value.parts] == ["flatid", "xyz"]


def test_a_column_that_the_schema_leaves_out_is_refused() -> None:
    schema = schema_pb2.Schema()
    text = 'feature { name: "area" } feature { name: "flat_id" lifecycle_stage: DISABLED }'
    columns = columns_by_use(text_format.Parse(text, schema))
    assert columns == (["area"], ["flat_id"])
    with pytest.raises(SettingsError) as caught:
        check_columns(["flat_id"], *columns)
    assert "The schema leaves out the column flat_id" in caught.value.headline
    assert "take lifecycle_stage out" in str(caught.value.hint)


@pytest.mark.parametrize("predictions", [None, 3.0, {}, {"rent": 1}, {("head", "flat_id"): 1}])
def test_predictions_of_other_names_are_no_clash(predictions: Any) -> None:
    refuse_clashes(["flat_id"], predictions)


@pytest.mark.parametrize("predictions", [{"flat_id": 1, "rent": 2}, {("head", "rent"): 1, ("flat_id",): 2}])
def test_a_prediction_of_the_same_name_is_refused(predictions: Any) -> None:
    with pytest.raises(SettingsError) as caught:
        refuse_clashes(["area", "flat_id"], predictions)
    assert "The column flat_id cannot come back" in caught.value.headline
