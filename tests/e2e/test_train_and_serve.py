"""What is served is what was trained: both paths give the same predictions for the same rows, in every problem.

The path of training: the examples that the Transform node wrote, read as the Trainer reads them, and the Estimator with
its last checkpoint. The path of serving: raw rows, and the pushed model, loaded with nothing but TensorFlow.
"""

import itertools
import math
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import components.estimator.compat  # noqa: F401  before TensorFlow

import numpy as np
import numpy.typing as npt
import pytest
import tensorflow as tf
import tensorflow_transform as tft

from bench.pushed import records
from components.estimator.inputs import input_fn
from components.estimator.models import create_estimator
from tests.e2e.shipped import NAMES, Ship, Shipped, generated, ship

pytestmark = [
    pytest.mark.slow,
    # TensorFlow's own, in model_to_estimator.
    pytest.mark.filterwarnings("ignore:`tf.keras.backend.set_learning_phase:UserWarning"),
]

ROWS = 1000
TOLERANCE = 1e-5

Answers = dict[str, npt.NDArray[Any]]
Change = Callable[[Any], Any]
_MISSING = {tf.float32: math.nan, tf.int64: tf.int64.min, tf.string: b""}


@dataclass(frozen=True)
class Compared:
    """A pushed model and rows of its eval split."""

    problem: Shipped
    rows: list[bytes]
    trained: Answers


def trained(problem: Shipped, rows: int, folder: Path, change: Change = lambda features: features) -> Answers:
    """Predict the first rows of the eval split on the path of training; ``change`` may touch the features."""
    transform = tft.TFTransformOutput(str(problem.pushed.made("Transform", "transform_graph")))
    spec, settings = transform.transformed_feature_spec(), problem.settings
    checkpoints = folder / "model_run"
    shutil.copytree(problem.pushed.made("Trainer", "model_run"), checkpoints)
    estimator = create_estimator(
        problem.name,
        tf.estimator.RunConfig(model_dir=str(checkpoints)),
        {"train_steps": settings.training.train_steps, **settings.training.params},
        {name: one for name, one in spec.items() if name != settings.label},
        lambda _: [],
    )
    # One file for each raw one, row for row: so that rows can be told to be the same by where they stand.
    (file,) = (problem.pushed.made("Transform", "transformed_examples") / "Split-eval").glob("*.gz")
    read = input_fn([str(file)], spec, settings.label, batch_size=512, training=False)
    predictions = estimator.predict(lambda: read().map(lambda features, label: (change(features), label)))
    found = list(itertools.islice(predictions, rows))
    return {name: np.stack([row[name] for row in found]) for name in found[0]}


def by_name(rows: list[bytes], signature: Any) -> dict[str, Any]:
    """The columns that a signature takes, as a client of ``raw`` sends them."""
    examples = [tf.train.Example.FromString(row).features.feature for row in rows]
    columns = {}
    for name, spec in signature.structured_input_signature[1].items():
        cells = [_values(example, name) or [_MISSING[spec.dtype]] for example in examples]
        columns[name] = tf.reshape(tf.constant(cells, spec.dtype), [len(rows), *spec.shape[1:]])
    return columns


def _values(example: Any, name: str) -> list[Any]:
    kind = example[name].WhichOneof("kind") if name in example else None
    return list(getattr(example[name], kind).value) if kind else []


def worst(served: Answers, wanted: Answers) -> float:
    """The largest difference, as a share of what is wanted or of its root mean square, whichever is the greater."""
    differences = [0.0]
    for name, want in wanted.items():
        got = served[name]
        assert got.shape == want.shape, name
        if want.dtype.kind == "f":
            wide = want.astype(np.float64)
            assert np.isfinite(wide).all(), name
            floor = float(np.sqrt(np.mean(np.square(wide))))
            differences.append(float(np.max(np.abs(got - wide) / np.maximum(np.abs(wide), floor))))
        else:
            np.testing.assert_array_equal(got, want, name)
    return max(differences)


def served(problem: Shipped, rows: list[bytes]) -> tuple[Answers, Answers]:
    """Ask the pushed model in both ways."""
    signatures = problem.signatures()
    answers = signatures["serving_default"](examples=tf.constant(rows))
    raw = signatures["raw"](**by_name(rows, signatures["raw"]))
    return tuple({name: one.numpy() for name, one in each.items()} for each in (answers, raw))  # type: ignore[return-value]


@pytest.fixture(scope="module", params=NAMES)
def compared(request: pytest.FixtureRequest, shipped: Ship, tmp_path_factory: pytest.TempPathFactory) -> Compared:
    problem = shipped(request.param)
    folder = tmp_path_factory.mktemp("compared")
    rows = records(problem.split("eval"))
    if len(rows) < ROWS:
        buckets = problem.settings.data.hash_buckets
        enough = math.ceil(1.25 * ROWS * sum(buckets.values()) / buckets["eval"])
        data = generated(problem, enough, folder)
        problem = ship(problem.name, folder / "workspace", "--data", str(data))
        rows = records(problem.split("eval"))
    assert len(rows) >= ROWS
    return Compared(problem, rows[:ROWS], trained(problem, ROWS, folder))


def test_serving_answers_as_training_predicts(compared: Compared) -> None:
    assert compared.problem.settings.evaluation.prediction_key in compared.trained
    for name, answers in zip(("serving_default", "raw"), served(compared.problem, compared.rows), strict=True):
        difference = worst(answers, compared.trained)
        assert difference <= TOLERANCE, f"{name} differs by {difference:.1e}"


def test_another_scale_on_one_path_is_seen(compared: Compared, tmp_path: Path) -> None:
    """Is the comparison able to fail? It sees numbers that one path makes 0.1% larger than the other."""

    def scaled(features: dict[str, Any]) -> dict[str, Any]:
        return {name: 1.001 * one if one.dtype.is_floating else one for name, one in features.items()}

    changed = trained(compared.problem, ROWS, tmp_path, scaled)
    key = compared.problem.settings.evaluation.prediction_key
    assert key
    assert worst({key: changed[key]}, {key: compared.trained[key]}) > 10 * TOLERANCE
