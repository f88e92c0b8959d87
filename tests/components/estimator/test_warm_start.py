"""A warm start: what kept its shape is taken over, rows follow their terms, the rest begins anew and is named."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import components.estimator.compat  # noqa: F401  before TensorFlow

import numpy as np
import numpy.typing as npt
import pytest
import tensorflow as tf

from components.estimator.task import Task
from components.estimator.training import train_and_evaluate
from components.estimator.warm_start import WarmStart, vocabularies
from components.trainer.record import read_record
from pipeline.config.model import Training
from pipeline.errors import SettingsError
from tests.components import problem_folder

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:`tf.keras.backend.set_learning_phase:UserWarning"),
    pytest.mark.filterwarnings("ignore:`Model.state_updates`:UserWarning"),
    pytest.mark.filterwarnings("ignore::UserWarning:tf_keras.*"),
]

MODEL = """\
import tensorflow as tf

v1 = tf.compat.v1

def model_fn(features, labels, mode, params):
    town = features["town"]
    rows = v1.get_variable("embeddings/town", [params["rows"], 3], initializer=tf.random_normal_initializer(seed=9))
    pets = v1.get_variable("pets", [params.get("pets", 4), 2], initializer=tf.ones_initializer())
    net = tf.concat([tf.nn.embedding_lookup(rows, town), tf.nn.embedding_lookup(pets, town % 4)], axis=1)
    net = v1.layers.dense(net, params.get("units", 4), name="hidden")
    guess = v1.layers.dense(net, 1, name="out")
    if params.get("more"):
        guess += v1.get_variable("more", [], initializer=tf.zeros_initializer())
    if mode == tf.estimator.ModeKeys.PREDICT:
        return tf.estimator.EstimatorSpec(mode, predictions={"y": guess})
    loss = tf.reduce_mean(tf.square(guess - tf.reshape(labels, [-1, 1])))
    train_op = v1.train.AdamOptimizer(0.1).minimize(loss, v1.train.get_global_step())
    return tf.estimator.EstimatorSpec(mode, loss=loss, train_op=train_op)
"""
CANNED = """\
import tensorflow as tf

def build_estimator(config, params):
    town = tf.feature_column.categorical_column_with_identity("town", params["rows"])
    return tf.estimator.DNNLinearCombinedRegressor(
        linear_feature_columns=[town], dnn_feature_columns=[tf.feature_column.embedding_column(town, 2)],
        dnn_hidden_units=[3], config=config)
"""
KERAS = """\
import tensorflow as tf

def build_keras_model(params):
    town = tf.keras.Input([1], name="town", dtype="int64")
    rows = tf.keras.layers.Embedding(params["rows"], 2, name="town_embedding")(town)
    net = tf.keras.layers.Flatten()(rows)
    net = tf.keras.layers.Dense(params.get("units", 4), name="hidden")(net)
    model = tf.keras.Model(town, tf.keras.layers.Dense(1, name="out")(net))
    model.compile(tf.keras.optimizers.legacy.Adam(0.1), "mse")
    return model
"""
SPEC = {"town": tf.io.FixedLenFeature([], tf.int64), "y": tf.io.FixedLenFeature([], tf.float32)}
OLD, NEW = ["Rome", "Oslo", "Bonn"], ["Oslo", "Kyiv", "Rome", "Lima"]  # Bonn is gone; Kyiv and Lima are new


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    name = str(tmp_path_factory.mktemp("rows") / "rows.gz")
    with tf.io.TFRecordWriter(name, "GZIP") as writer:
        for town in range(4):
            features = {
                "town": tf.train.Feature(int64_list=tf.train.Int64List(value=[town])),
                "y": tf.train.Feature(float_list=tf.train.FloatList(value=[town * 2.0])),
            }
            writer.write(tf.train.Example(features=tf.train.Features(feature=features)).SerializeToString())
    return [name]


@pytest.fixture
def problem(tmp_path: Path) -> Iterator[Path]:
    with problem_folder.written(tmp_path, "towns", MODEL) as model_file:
        yield model_file


def words(folder: Path, name: str, terms: list[str]) -> dict[str, Path]:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text("".join(f"{term}\n" for term in terms))
    return vocabularies(folder)


def task(files: list[str], model_dir: Path, start: WarmStart | None, steps: int, **params: Any) -> Task:
    values = {"train_steps": steps, "batch_size": 4, "params": params, "warm_start": start is not None}
    return Task("towns", "y", files, files, SPEC, Training.model_validate(values), model_dir, start=start)


def model_of(files: list[str], folder: Path, vocabulary: str = "town", **params: Any) -> Path:
    """Train and export the model of the first run, with its vocabulary among the assets."""
    estimator, _ = train_and_evaluate(task(files, folder / "first", None, 5, **params))

    def receiver() -> Any:
        town = tf.compat.v1.placeholder(tf.int64, [None])
        file = folder / "then" / vocabulary
        words(folder / "then", vocabulary, OLD)
        tf.compat.v1.add_to_collection(tf.compat.v1.GraphKeys.ASSET_FILEPATHS, tf.constant(str(file)))
        return tf.estimator.export.ServingInputReceiver({"town": town}, {"town": town})

    return Path(tf.compat.as_str_any(estimator.export_saved_model(str(folder / "export"), receiver)))


def before_step_0(model_dir: Path, name: str) -> npt.NDArray[Any]:
    """A variable in the checkpoint that training writes before its first step."""
    value: npt.NDArray[Any] = tf.train.load_variable(str(model_dir / "model.ckpt-0"), name)
    return value


def said(model_dir: Path) -> str:
    record = read_record(model_dir)
    assert record is not None
    return "\n".join(record.warm_start)


def test_rows_follow_their_terms_and_the_rest_is_taken_over_or_named(
    problem: Path, rows: list[str], tmp_path: Path
) -> None:
    model = model_of(rows, tmp_path, rows=4)  # three terms, and one row for the rest
    old = {name: tf.train.load_variable(str(tmp_path / "first"), name) for name in ("embeddings/town", "pets")}
    start = WarmStart(model, words(tmp_path / "now", "town", NEW))
    train_and_evaluate(task(rows, tmp_path / "m", start, 2, rows=5, pets=5, units=4, more=True))
    towns = before_step_0(tmp_path / "m", "embeddings/town")
    for term in ("Oslo", "Rome"):
        np.testing.assert_array_equal(towns[NEW.index(term)], old["embeddings/town"][OLD.index(term)])
    np.testing.assert_array_equal(towns[4], old["embeddings/town"][3])  # the row for the rest
    for term in ("Kyiv", "Lima"):  # as they would have begun
        assert not any(np.allclose(towns[NEW.index(term)], row) for row in old["embeddings/town"])
    hidden = tf.train.load_variable(str(tmp_path / "first"), "hidden/kernel")
    np.testing.assert_array_equal(before_step_0(tmp_path / "m", "hidden/kernel"), hidden)
    assert (before_step_0(tmp_path / "m", "pets") == 1).all()
    assert int(before_step_0(tmp_path / "m", "global_step")) == 0
    text = said(tmp_path / "m")
    assert f"warm start from {model}: 4 variables taken over as they are" in text
    assert "embeddings/town by town: 2 kept, 2 new, 1 gone" in text
    assert "begin anew: pets (shape 5x2, was 4x2), more (new)" in text
    assert problem.exists()


def test_a_training_that_was_killed_goes_on_from_its_checkpoint(problem: Path, rows: list[str], tmp_path: Path) -> None:
    start = WarmStart(model_of(rows, tmp_path, rows=4), words(tmp_path / "now", "town", OLD))
    train_and_evaluate(task(rows, tmp_path / "m", start, 3, rows=4))
    first = said(tmp_path / "m")
    np.testing.assert_array_equal(
        before_step_0(tmp_path / "m", "embeddings/town"),
        tf.train.load_variable(str(tmp_path / "first"), "embeddings/town"),
    )
    third = tf.train.load_variable(str(tmp_path / "m" / "model.ckpt-3"), "embeddings/town")
    train_and_evaluate(task(rows, tmp_path / "m", start, 4, rows=4))
    fourth = tf.train.load_variable(str(tmp_path / "m"), "embeddings/town")
    assert 0 < np.abs(fourth - third).max() < 0.3  # a step of Adam's, not the way back to where it began
    assert said(tmp_path / "m") == first
    assert problem.exists()


def test_the_settings_name_what_the_names_do_not_tell(problem: Path, rows: list[str], tmp_path: Path) -> None:
    model = model_of(rows, tmp_path, vocabulary="places", rows=4)
    now = words(tmp_path / "now", "places", NEW)
    train_and_evaluate(task(rows, tmp_path / "a", WarmStart(model, now), 1, rows=5))
    assert "changed, and not known to belong to a variable: places" in said(tmp_path / "a")
    start = WarmStart(model, now, named={"embeddings/town": "places"})
    train_and_evaluate(task(rows, tmp_path / "b", start, 1, rows=5))
    assert "embeddings/town by places: 2 kept" in said(tmp_path / "b")
    start = WarmStart(model, now, variables="^hidden/")
    train_and_evaluate(task(rows, tmp_path / "c", start, 1, rows=4))
    assert "2 variables taken over" in said(tmp_path / "c")
    for named, got in (({"embedings/town": "places"}, "embedings/town"), ({"embeddings/town": "place"}, "place")):
        with pytest.raises(SettingsError) as caught:
            train_and_evaluate(task(rows, tmp_path / "d", WarmStart(model, now, named=named), 1, rows=4))
        assert caught.value.got == got
        assert str(caught.value.hint).startswith("did you mean ")
        assert "/Adam" not in str(caught.value.expected)
    with pytest.raises(SettingsError) as caught:
        train_and_evaluate(task(rows, tmp_path / "e", WarmStart(model, now, variables="nomatch"), 1, rows=4))
    assert "matches no variable" in caught.value.headline
    assert problem.exists()


@pytest.mark.parametrize("text", [CANNED, KERAS], ids=["canned", "keras"])
def test_a_canned_or_keras_model_starts_from_one_too(text: str, problem: Path, rows: list[str], tmp_path: Path) -> None:
    problem.write_text(text)
    model = model_of(rows, tmp_path, rows=4)
    start = WarmStart(model, words(tmp_path / "now", "town", NEW))
    train_and_evaluate(task(rows, tmp_path / "m", start, 1, rows=5))
    told = said(tmp_path / "m")
    assert "rows follow their terms in" in told, told
    old, new = (tf.train.load_checkpoint(str(folder)) for folder in (tmp_path / "first", tmp_path / "m/model.ckpt-0"))
    tables = [
        name
        for name, shape in new.get_variable_to_shape_map().items()
        if shape and shape[0] == 5 and "OPTIMIZER" not in name and "Adagrad" not in name and "Ftrl" not in name
    ]
    assert tables
    for name in tables:
        if name not in old.get_variable_to_shape_map() or "/accumulator" in name or "linear_power" in name:
            continue
        for term in ("Oslo", "Rome"):
            np.testing.assert_array_equal(
                new.get_tensor(name)[NEW.index(term)], old.get_tensor(name)[OLD.index(term)], err_msg=name
            )


def test_without_a_blessed_model_it_says_so(problem: Path, rows: list[str], tmp_path: Path) -> None:
    values = {"train_steps": 1, "batch_size": 4, "params": {"rows": 4}, "warm_start": True}
    train_and_evaluate(Task("towns", "y", rows, rows, SPEC, Training.model_validate(values), tmp_path / "m"))
    assert said(tmp_path / "m") == "warm start: no blessed model yet, so the weights begin from scratch"
    assert problem.exists()
