"""The house-price problem on the real parts: Transform's analysis and graph, the Estimator, an export."""

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import components.estimator.compat  # isort: skip  # before TensorFlow: it gives tf.estimator back
import apache_beam as beam
import numpy as np
import pyarrow as pa
import pyarrow.csv
import pytest
import tensorflow as tf
import tensorflow_transform as tft
import tensorflow_transform.beam as tft_beam
from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2
from tensorflow_transform.tf_metadata import schema_utils
from tfx_bsl.tfxio import tensor_adapter

from data import hedonic
from pipeline.problems.housing import features as f
from pipeline.problems.housing import model, preprocessing

assert components.estimator.compat
pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[3]
SCHEMA = ROOT / "pipeline" / "problems" / "housing" / "schema.pbtxt"
SHIPPED = ROOT / "data" / "housing" / "housing.csv"
REAL = ROOT.parent / "shared" / "data" / "california_housing" / "housing.csv"

Columns = dict[str, Any]
PARAMS = {
    "hidden_units": [128, 64],
    "embedding_size": 2,
    "frequencies": 4,
    "dropout": 0.1,
    "learning_rate": 0.003,
    "train_steps": 1200,
}


def read(file: Path, split: str = "all") -> Columns:
    """The columns of a file: all rows, or those of the training or evaluation split (four to one)."""
    table = pyarrow.csv.read_csv(file)
    chance = np.random.default_rng(0).random(table.num_rows)
    rows = {"all": chance >= 0, "train": chance < 0.8, "eval": chance >= 0.8}[split]
    return {name: table[name].to_numpy()[rows] for name in table.column_names}


def raw_tensors(columns: Columns) -> dict[str, Any]:
    """The columns as TFT feeds them."""
    tensors = {
        name: tf.constant(np.asarray(values, dtype=object if name == f.PROXIMITY else np.float32)[:, None])
        for name, values in columns.items()
    }
    bedrooms = tensors[f.BEDROOMS]
    there = tf.where(~tf.math.is_nan(bedrooms))
    tensors[f.BEDROOMS] = tf.SparseTensor(there, tf.gather_nd(bedrooms, there), bedrooms.shape)
    return tensors


def analyze(columns: Columns, folder: Path) -> tft.TFTransformOutput:
    """Run TFT's full pass over the columns."""
    schema = text_format.Parse(SCHEMA.read_text(), schema_pb2.Schema())
    arrays = []
    for feature in schema.feature:
        kind = pa.binary() if feature.name == f.PROXIMITY else pa.float32()
        values = pa.array(columns[feature.name], from_pandas=True).cast(kind)
        lengths = np.asarray(values.is_valid(), dtype=np.int32)
        offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32)
        arrays.append(pa.ListArray.from_arrays(pa.array(offsets), values.drop_null()))
    batch = pa.RecordBatch.from_arrays(arrays, [feature.name for feature in schema.feature])
    representations = {
        feature.name: text_format.Parse(
            f'varlen_sparse_tensor {{ column_name: "{feature.name}" }}'
            if feature.name == f.BEDROOMS
            else f'dense_tensor {{ column_name: "{feature.name}" shape {{ dim {{ size: 1 }} }} }}',
            schema_pb2.TensorRepresentation(),
        )
        for feature in schema.feature
    }
    config = tensor_adapter.TensorAdapterConfig(batch.schema, representations)
    with beam.Pipeline(runner="FnApiRunner") as pipeline, tft_beam.Context(temp_dir=tempfile.mkdtemp(dir=folder)):
        source = pipeline | beam.Create([batch])
        function = (source, config) | tft_beam.AnalyzeDataset(preprocessing.preprocessing_fn)
        _ = function | tft_beam.WriteTransformFn(str(folder / "transform"))
    return tft.TFTransformOutput(str(folder / "transform"))


def apply(transform: tft.TFTransformOutput, columns: Columns) -> Columns:
    """The transformed columns, as serving would make them."""
    features = transform.transform_features_layer()(raw_tensors(columns))
    return {name: tensor.numpy() for name, tensor in features.items()}


@pytest.fixture(scope="module")
def transform(tmp_path_factory: pytest.TempPathFactory) -> tft.TFTransformOutput:
    return analyze(read(SHIPPED, "train"), tmp_path_factory.mktemp("generated"))


def test_numbers_have_mean_0_and_variance_1(transform: tft.TFTransformOutput) -> None:
    out = apply(transform, read(SHIPPED, "train"))
    assert out[f.NUMBERS].shape[1] == f.NUMBERS_SIZE
    assert out[f.NUMBERS].dtype == np.float32
    np.testing.assert_allclose(out[f.NUMBERS].mean(axis=0), 0.0, atol=1e-3)
    np.testing.assert_allclose(out[f.NUMBERS].std(axis=0), 1.0, atol=0.01)


def test_missing_bedrooms_become_the_mean_and_a_flag(transform: tft.TFTransformOutput) -> None:
    columns = read(SHIPPED)
    missing = np.isnan(columns[f.BEDROOMS])
    numbers = apply(transform, columns)[f.NUMBERS]
    assert missing.sum() > 100
    assert (numbers[missing, 9] == 0.0).all()
    assert (numbers[missing, 10] > 5).all()
    assert (numbers[~missing, 10] < 0).all()


def test_an_unseen_class_has_an_index_of_its_own(transform: tft.TFTransformOutput) -> None:
    columns = {name: values[:3].copy() for name, values in read(SHIPPED).items()}
    columns[f.PROXIMITY] = np.array(["NEAR LAKE", "<1H OCEAN", "ISLAND"], dtype=object)
    assert apply(transform, columns)[f.NEARNESS].tolist() == [f.UNSEEN, 0, 4]  # by how common they are


def test_cells_cross_strips_of_equal_numbers(transform: tft.TFTransformOutput) -> None:
    columns = read(SHIPPED, "train")
    cells = apply(transform, columns)[f.CELL]
    assert cells.min() >= 0
    assert cells.max() < f.GRID**2
    for strips in (cells // f.GRID, cells % f.GRID):
        counts = np.bincount(strips, minlength=f.GRID)
        assert len(counts) == f.GRID
        assert counts.max() < 2 * len(cells) / f.GRID  # hundredths of a degree tie, so not quite equal
    # Further east is a later strip, whatever the latitude.
    order = np.argsort(columns[f.LONGITUDE], kind="stable")
    assert (np.diff((cells // f.GRID)[order]) >= 0).all()


def test_the_label_passes_untouched(transform: tft.TFTransformOutput) -> None:
    columns = read(SHIPPED, "eval")
    out = apply(transform, columns)
    np.testing.assert_array_equal(out[f.LABEL][:, 0], columns[f.LABEL].astype(np.float32))
    assert set(out) == {f.NUMBERS, f.CELL, f.NEARNESS, f.LABEL}


def nll(price: float, location: float, width: float) -> tuple[float, float]:
    """The loss and its gradient by location."""
    place = tf.constant([[location]])
    with tf.GradientTape() as tape:
        tape.watch(place)
        loss = model.negative_log_likelihood(tf.constant([[price]]), place, tf.constant([[width]]))
    return float(loss[0, 0]), float(tape.gradient(loss, place)[0, 0])


def test_a_capped_label_says_at_least() -> None:
    cap = float(np.log(f.PRICE_CAP))
    assert nll(f.PRICE_CAP, cap + 1.0, 0.2)[1] == pytest.approx(0.0, abs=0.03)  # well above the cap: nothing wrong
    assert nll(f.PRICE_CAP, cap - 1.0, 0.2)[1] == pytest.approx(-5.0)  # below: pulled up, by 1 / width
    assert nll(f.PRICE_CAP - 1_000.0, cap + 1.0, 0.2)[1] == pytest.approx(5.0)  # not capped: pulled down


@pytest.mark.parametrize("offset", [-2.0, -0.3, 0.0, 0.3, 2.0])
def test_a_capped_label_costs_the_log_of_its_probability(offset: float) -> None:
    draws = np.random.default_rng(0).laplace(offset, 0.5, 2_000_000)
    loss, _ = nll(f.PRICE_CAP, float(np.log(f.PRICE_CAP)) + offset, 0.5)
    assert np.exp(-loss) == pytest.approx((draws >= 0.0).mean(), rel=0.01)


@pytest.mark.parametrize("location", [-50.0, 0.0, 12.0, 13.122363, 13.2, 60.0])
@pytest.mark.parametrize("price", [1.0, 200_000.0, 500_001.0])
def test_the_loss_and_its_gradient_are_finite(price: float, location: float) -> None:
    assert np.isfinite(nll(price, location, 0.02)).all()


def train(transform: tft.TFTransformOutput, file: Path, steps: int, folder: Path) -> tuple[Any, dict[str, float]]:
    """Train an Estimator on four fifths of a file's rows and evaluate it on the others."""

    def input_fn(split: str) -> Callable[[], Any]:
        features = apply(transform, read(file, split))
        label = features.pop(f.LABEL)

        def dataset() -> Any:
            rows = tf.data.Dataset.from_tensor_slices((features, label))
            return rows.shuffle(20_000, seed=1).repeat().batch(256) if split == "train" else rows.batch(1000)

        return dataset

    config = tf.estimator.RunConfig(tf_random_seed=1, save_checkpoints_steps=100_000, log_step_count_steps=100_000)
    estimator = tf.estimator.Estimator(model.model_fn, str(folder), config, PARAMS | {"train_steps": steps})
    estimator.train(input_fn("train"), steps=steps)
    return estimator, estimator.evaluate(input_fn("eval"))


@pytest.fixture(scope="module")
def trained(transform: tft.TFTransformOutput, tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, dict[str, float]]:
    return train(transform, SHIPPED, 1200, tmp_path_factory.mktemp("model"))


def test_it_comes_near_the_irreducible_error(trained: tuple[Any, dict[str, float]]) -> None:
    _, found = trained
    irreducible = float(hedonic.expected_error(read(SHIPPED, "eval")).mean())
    assert irreducible * 0.97 < found["mean_absolute_error"] < irreducible * 1.15
    assert found["root_mean_squared_error"] > found["mean_absolute_error"]
    assert 0.10 < found["mean_relative_error"] < 0.25


def test_the_interval_holds_about_what_it_says(trained: tuple[Any, dict[str, float]]) -> None:
    _, found = trained
    assert model.COVERAGE - 0.06 < found["interval_coverage"] < model.COVERAGE + 0.06
    assert found["interval_width"] > found["mean_absolute_error"]


def test_predictions_are_prices_in_order(
    trained: tuple[Any, dict[str, float]], transform: tft.TFTransformOutput
) -> None:
    estimator, _ = trained
    features = apply(transform, {name: values[:50] for name, values in read(SHIPPED).items()})
    features.pop(f.LABEL)
    rows = list(estimator.predict(lambda: tf.data.Dataset.from_tensor_slices(features).batch(20)))
    assert len(rows) == 50
    for row in rows:
        assert {name: value.shape for name, value in row.items()} == {"price": (1,), "lower": (1,), "upper": (1,)}
        assert 1_000 < row["lower"][0] <= row["price"][0] <= row["upper"][0] <= f.PRICE_CAP


def test_an_export_answers_raw_columns(
    trained: tuple[Any, dict[str, float]], transform: tft.TFTransformOutput, tmp_path: Path
) -> None:
    estimator, _ = trained

    def receiver() -> Any:
        schema = text_format.Parse(SCHEMA.read_text(), schema_pb2.Schema())
        spec = schema_utils.schema_as_feature_spec(schema).feature_spec
        spec.pop(f.LABEL)
        raw = tf.compat.v1.placeholder(tf.string, [None])
        features = transform.transform_raw_features(tf.io.parse_example(raw, spec))
        return tf.estimator.export.ServingInputReceiver(features, raw)

    loaded = tf.saved_model.load(estimator.export_saved_model(str(tmp_path), receiver).decode())
    row = {name: values[0] for name, values in read(SHIPPED).items()}
    row[f.PROXIMITY] = "NEAR LAKE"
    answers = []
    for keep_bedrooms in (True, False):
        example = tf.train.Example()
        for name, value in row.items():
            if isinstance(value, str):
                example.features.feature[name].bytes_list.value.append(value.encode())
            elif name != f.LABEL and (keep_bedrooms or name != f.BEDROOMS):
                example.features.feature[name].float_list.value.append(value)
        answer = loaded.signatures["serving_default"](tf.constant([example.SerializeToString()]))
        assert {name: tensor.shape for name, tensor in answer.items()} == {
            "price": (1, 1), "lower": (1, 1), "upper": (1, 1)
        }  # fmt: skip
        answers.append(float(answer["price"][0, 0]))
    assert all(50_000 < price <= f.PRICE_CAP for price in answers)
    assert loaded.signatures["regression"](tf.constant([example.SerializeToString()]))["outputs"].shape == (1, 1)


@pytest.mark.skipif(not REAL.exists(), reason="the California file is not here")
def test_on_the_real_file_it_is_clearly_better_than_a_line(tmp_path: Path) -> None:
    transform = analyze(read(REAL, "train"), tmp_path)
    _, found = train(transform, REAL, 600, tmp_path / "model")

    def design(columns: Columns) -> Any:
        numbers = [np.nan_to_num(columns[n], nan=435.0) for n in columns if n not in (f.LABEL, f.PROXIMITY)]
        classes = [columns[f.PROXIMITY] == name for name in ("<1H OCEAN", "INLAND", "NEAR OCEAN", "NEAR BAY", "ISLAND")]
        return np.stack([*numbers, *classes], axis=1).astype(float)

    learn, check = read(REAL, "train"), read(REAL, "eval")
    weights, *_ = np.linalg.lstsq(design(learn), learn[f.LABEL], rcond=None)
    linear = float(np.abs(design(check) @ weights - check[f.LABEL]).mean())
    assert 48_000 < linear < 52_000
    assert found["mean_absolute_error"] < 0.72 * linear
