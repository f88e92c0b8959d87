"""The curated schema of the house-price problem fits both files, and would catch nonsense."""

from pathlib import Path

import pyarrow.compute as pc
import pyarrow.csv
import pytest
from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2

from pipeline.problems.housing import features as f

ROOT = Path(__file__).parents[3]
SCHEMA = ROOT / "pipeline" / "problems" / "housing" / "schema.pbtxt"
SHIPPED = ROOT / "data" / "housing" / "housing.csv"
REAL = ROOT.parent / "shared" / "data" / "california_housing" / "housing.csv"


@pytest.fixture(scope="module")
def schema() -> schema_pb2.Schema:
    return text_format.Parse(SCHEMA.read_text(), schema_pb2.Schema())


@pytest.mark.parametrize("file", [SHIPPED, REAL], ids=["generated", "California"])
def test_every_value_is_within_the_schema(schema: schema_pb2.Schema, file: Path) -> None:
    if not file.exists():
        pytest.skip("the California file is not here")
    table = pyarrow.csv.read_csv(file)
    assert table.column_names == [feature.name for feature in schema.feature]
    for feature in schema.feature:
        column = table[feature.name]
        assert 1 - column.null_count / table.num_rows >= feature.presence.min_fraction
        if feature.type == schema_pb2.FLOAT:
            bounds = pc.min_max(column).as_py()
            assert feature.float_domain.min <= bounds["min"]
            assert bounds["max"] <= feature.float_domain.max
            assert feature.float_domain.disallow_nan
            assert feature.float_domain.disallow_inf
        else:
            assert set(column.to_pylist()) <= set(schema.string_domain[0].value)


def test_only_bedrooms_may_be_missing(schema: schema_pb2.Schema) -> None:
    assert [feature.name for feature in schema.feature if feature.presence.min_fraction < 1] == [f.BEDROOMS]


def test_the_names_are_those_of_the_schema(schema: schema_pb2.Schema) -> None:
    columns = {
        f.LONGITUDE,
        f.LATITUDE,
        f.AGE,
        f.ROOMS,
        f.BEDROOMS,
        f.PEOPLE,
        f.HOUSEHOLDS,
        f.INCOME,
        f.PROXIMITY,
        f.LABEL,
    }
    assert columns == {feature.name for feature in schema.feature}
    (domain,) = schema.string_domain
    assert len(domain.value) == f.UNSEEN
    (label,) = [feature for feature in schema.feature if feature.name == f.LABEL]
    assert label.float_domain.max == f.PRICE_CAP


def test_income_in_dollars_is_out_of_its_domain(schema: schema_pb2.Schema) -> None:
    (income,) = [feature for feature in schema.feature if feature.name == f.INCOME]
    assert income.float_domain.max < 1000
