"""Models judged by a label that preprocessing_fn makes, through TFMA and Beam."""

from pathlib import Path
from typing import Any

import pytest
import tensorflow as tf
from tfx.dsl.components.base.base_beam_executor import BaseBeamExecutor
from tfx.types import Channel, standard_artifacts

from components.evaluator.component import create_evaluator
from components.evaluator.executor import Executor
from components.evaluator.verdict import Verdict, read_verdict
from pipeline.config.model import Evaluation, Metric
from pipeline.errors import PipelineError, UserCodeError
from tests.components.transform.trips import ROWS, example, preprocessing_fn, write_transform

pytestmark = pytest.mark.slow


def backwards(inputs: dict[str, Any]) -> dict[str, Any]:
    """Another transform, under which a blessed model might have been trained: it calls small what is big."""
    made = preprocessing_fn(inputs)
    return {**made, "big": 1 - made["big"]}


def failing(inputs: dict[str, Any]) -> dict[str, Any]:
    made = preprocessing_fn(inputs)
    with tf.control_dependencies([tf.debugging.assert_less(inputs["fare"], 1e6, "no such fare")]):
        return {**made, "big": tf.identity(made["big"])}


def artifact(kind: Any, folder: Path) -> Any:
    made = kind()
    made.uri = str(folder)
    return made


@pytest.fixture(scope="module")
def transform_graph(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return artifact(standard_artifacts.TransformGraph, write_transform(tmp_path_factory.mktemp("transform")))


def write_examples(folder: Path, rows: list[dict[str, Any]]) -> Any:
    (folder / "Split-eval").mkdir(parents=True)
    options = tf.io.TFRecordOptions(compression_type="GZIP")
    with tf.io.TFRecordWriter(str(folder / "Split-eval" / "data_tfrecord-00000-of-00001.gz"), options) as writer:
        for row in rows:
            writer.write(example(row))
    made = artifact(standard_artifacts.Examples, folder)
    made.splits = ["eval"]
    return made


@pytest.fixture(scope="module")
def examples(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return write_examples(tmp_path_factory.mktemp("examples"), ROWS)


def export(folder: Path, right: float) -> Any:
    """A model that answers ``right`` where the tip is big, and the rest to 1 elsewhere."""
    module = tf.Module()
    spec = {name: tf.io.FixedLenFeature([1], tf.float32) for name in ("fare", "tips")}

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="examples")])
    def serve(examples: Any) -> dict[str, Any]:
        parsed = tf.io.parse_example(examples, spec)
        return {"logistic": tf.where(parsed["tips"] > 0.2 * parsed["fare"], right, 1.0 - right)}

    module.serve = serve
    tf.saved_model.save(module, str(folder / "Format-Serving"), signatures={"serving_default": serve})
    return artifact(standard_artifacts.Model, folder)


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> list[Any]:
    return [export(tmp_path_factory.mktemp("model"), right) for right in (0.9, 0.8)]


def evaluate(folder: Path, examples: Any, model: Any, transform_graph: Any, *, baseline: Any = None) -> Verdict:
    metrics = (
        Metric(name="binary_accuracy", lower_bound=0.9),
        Metric(name="binary_crossentropy", direction="lower_is_better", change_absolute=0.01),
    )
    node = create_evaluator(
        Channel(type=standard_artifacts.Examples),
        Channel(type=standard_artifacts.Model),
        Channel(type=standard_artifacts.Model),
        None,
        label="big",
        settings=Evaluation(prediction_key="logistic", metrics=metrics, slices=(("payment",),)),
        transform_graph=Channel(type=standard_artifacts.TransformGraph),
    )
    evaluation = artifact(standard_artifacts.ModelEvaluation, folder / "evaluation")
    blessing = artifact(standard_artifacts.ModelBlessing, folder / "blessing")
    context = BaseBeamExecutor.Context(
        beam_pipeline_args=["--runner=apache_beam.runners.portability.fn_api_runner.FnApiRunner"],
        tmp_dir=str(folder / "tmp"),
        unique_id="1",
    )
    inputs = {"examples": [examples], "model": [model], "transform_graph": [transform_graph]}
    inputs["baseline_model"] = [baseline] if baseline else []
    Executor(context).Do(inputs, {"evaluation": [evaluation], "blessing": [blessing]}, dict(node.exec_properties))
    return read_verdict(evaluation.uri)


def overall(verdict: Verdict, metric: str) -> Any:
    return next(one for one in verdict.overall() if one.metric == metric)


def test_a_model_is_judged_by_the_label_that_the_transform_makes(
    tmp_path: Path, examples: Any, models: list[Any], transform_graph: Any
) -> None:
    verdict = evaluate(tmp_path, examples, models[0], transform_graph)
    assert verdict.blessed, verdict.reasons
    assert verdict.rows == len(ROWS)
    assert overall(verdict, "binary_accuracy").value == 1.0
    # Slices are of the raw column, in its own words.
    assert "payment=cash" in {one.slice for one in verdict.measurements}


def test_both_models_are_judged_by_the_label_of_todays_transform(
    tmp_path: Path, examples: Any, models: list[Any]
) -> None:
    today = artifact(standard_artifacts.TransformGraph, write_transform(tmp_path / "t", backwards))
    verdict = evaluate(tmp_path, examples, models[1], today, baseline=models[0])
    accuracy, entropy = overall(verdict, "binary_accuracy"), overall(verdict, "binary_crossentropy")
    assert (accuracy.value, accuracy.baseline) == (0.0, 0.0)
    # -ln 0.2 and -ln 0.1: both answer the wrong way round, the blessed one more surely.
    assert (entropy.value, entropy.baseline) == (pytest.approx(1.609, abs=1e-3), pytest.approx(2.303, abs=1e-3))
    assert not verdict.blessed


def test_rows_without_the_labels_columns_and_rows_that_it_fails_on_are_told(
    tmp_path: Path, models: list[Any], transform_graph: Any
) -> None:
    lacking = write_examples(tmp_path / "a", [{k: v for k, v in row.items() if k != "tips"} for row in ROWS])
    with pytest.raises(PipelineError) as caught:
        evaluate(tmp_path / "lacking", lacking, models[0], transform_graph)
    assert caught.value.headline == "the examples do not hold what the label big is computed from"
    assert "'tips'" in str(caught.value.got)
    dear = write_examples(tmp_path / "b", [{**row, "fare": [2e6]} for row in ROWS])
    today = artifact(standard_artifacts.TransformGraph, write_transform(tmp_path / "t", failing))
    with pytest.raises(UserCodeError) as blamed:
        evaluate(tmp_path / "dear", dear, models[0], today)
    assert blamed.value.headline == "the label big cannot be computed for rows of the eval split"
    assert "no such fare" in str(blamed.value.got)
