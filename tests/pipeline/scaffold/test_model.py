"""The generated model_fn in the three modes of an Estimator, on features like those of preprocessing_fn."""

import importlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import components.estimator.compat  # noqa: F401  before TensorFlow

import numpy as np
import pytest
import tensorflow as tf

from components.estimator.outputs import with_serving_outputs
from pipeline.config import read_problem
from pipeline.scaffold.create import create

pytestmark = pytest.mark.slow

ROWS = 120
LABELS: dict[str, Callable[[int], object]] = {
    "regression": lambda n: n * 53 % 101 + 0.5,
    "binary": lambda n: "no" if n % 3 else "yes",
    "several": lambda n: 10 + n % 3,
}


@pytest.fixture(params=LABELS)
def made(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[str, ModuleType, dict[str, Any]]]:
    """A problem's task, its model.py and its params; the second task has no numbers, the third no categories."""
    label = LABELS[request.param]
    columns: dict[str, Callable[[int], object]] = {"x y": lambda n: n * 37 % 91, "mood": lambda n: "abcd"[n * 7 % 4]}
    if request.param != "regression":
        del columns["x y" if request.param == "binary" else "mood"]
    columns["other"] = columns.get("x y", lambda n: "efg"[n * 11 % 3])
    rows = [",".join(str(one(n)) for one in (*columns.values(), label)) for n in range(ROWS)]
    (tmp_path / "rows.csv").write_text("\n".join([",".join([*columns, "label"]), *rows]))
    name = f"made_{request.param}"
    folder = create(name, tmp_path / name, str(tmp_path / "rows.csv"), "label").folder
    params = {**read_problem(folder).settings.training.params, "train_steps": 20}
    sys.path.insert(0, str(tmp_path))
    try:
        yield request.param, importlib.import_module(f"{name}.model"), params
    finally:
        sys.path.remove(str(tmp_path))


def test_it_learns_judges_and_answers(made: tuple[str, ModuleType, dict[str, Any]], tmp_path: Path) -> None:
    task, model, params = made
    f = model.f
    random = np.random.default_rng(0)
    features: dict[str, Any] = {}
    if hasattr(f, "DENSE"):
        features[f.DENSE] = random.normal(size=[ROWS, f.DENSE_SIZE]).astype(np.float32)
    if hasattr(f, "WORDS"):
        features[f.WORDS] = random.integers(0, f.VOCABULARY + len(f.CATEGORIES), [ROWS, len(f.CATEGORIES)])
    assert sorted(features) == {"binary": ["words"], "several": ["numbers"]}.get(task, ["numbers", "words"])
    first = next(iter(features.values()))[:, 0]
    if task == "regression":
        labels = (f.CENTER + f.SPREAD * first).astype(np.float32)
    else:
        labels = (first > np.median(first)).astype(np.int64)[:, np.newaxis]

    def input_fn() -> Any:
        return tf.data.Dataset.from_tensor_slices((features, labels)).repeat(10).batch(30)

    estimator = tf.estimator.Estimator(model.model_fn, str(tmp_path / "checkpoints"), params=params)
    estimator.train(input_fn, steps=1)
    before = estimator.evaluate(input_fn)
    estimator.train(input_fn, max_steps=20)
    after = estimator.evaluate(input_fn)
    assert after["loss"] < before["loss"]
    assert (
        set(after) - {"loss", "global_step"}
        == {
            "regression": {"mean_absolute_error", "root_mean_squared_error"},
            "binary": {"accuracy", "auc"},
            "several": {"accuracy"},
        }[task]
    )
    answer = next(estimator.predict(lambda: tf.data.Dataset.from_tensors({k: v[:5] for k, v in features.items()})))
    if task == "regression":
        assert answer["prediction"].shape == (1,)
    else:
        assert answer["probabilities"].sum() == pytest.approx(1.0, abs=1e-5)
        assert answer["class"][0] in {"binary": (b"no", b"yes"), "several": (10, 11, 12)}[task]
        assert ("probability" in answer) == (task == "binary")


def test_it_exports_what_clients_ask_for(made: tuple[str, ModuleType, dict[str, Any]]) -> None:
    task, model, params = made
    f = model.f
    with tf.Graph().as_default():
        features = {}
        if hasattr(f, "DENSE"):
            features[f.DENSE] = tf.zeros([4, f.DENSE_SIZE])
        if hasattr(f, "WORDS"):
            features[f.WORDS] = tf.zeros([4, len(f.CATEGORIES)], tf.int64)
        spec = model.model_fn(features, None, tf.estimator.ModeKeys.PREDICT, params)
        outputs = with_serving_outputs(spec).export_outputs
        assert set(outputs) == {"serving_default", "regression" if task == "regression" else "classification"}
        with tf.compat.v1.Session() as session:
            session.run(tf.compat.v1.global_variables_initializer())
            said = session.run(outputs["serving_default"].outputs)
    # An untrained model says what a constant would: the median, or that all classes are as likely.
    if task == "regression":
        np.testing.assert_allclose(said["prediction"], f.CENTER, rtol=1e-6)
    else:
        np.testing.assert_allclose(said["probabilities"], 1 / len(f.CLASSES), rtol=1e-6)
