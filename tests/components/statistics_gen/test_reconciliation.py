"""Rows that a node loses are noticed, by the real nodes on real records."""

import json
from pathlib import Path
from typing import Any

import components.estimator.compat  # noqa: F401  before TensorFlow

import pytest
import tensorflow as tf
from tfx.dsl.components.base.base_beam_executor import BaseBeamExecutor
from tfx.types import artifact_utils, standard_artifacts

from components.rows import PROPERTY
from components.statistics_gen.executor import Executor
from pipeline.beam import beam_args
from pipeline.config.model import Beam
from pipeline.errors import PipelineError

pytestmark = pytest.mark.slow


def run(folder: Path, said: int) -> Any:
    """Compute statistics over three rows of which ``said`` are said to be there."""
    examples = standard_artifacts.Examples()
    examples.uri = str(folder / "examples")
    examples.split_names = artifact_utils.encode_split_names(["train"])
    examples.set_string_custom_property(PROPERTY, json.dumps({"train": said}))
    split = folder / "examples" / "Split-train"
    split.mkdir(parents=True)
    with tf.io.TFRecordWriter(str(split / "data.gz"), "GZIP") as writer:
        for value in (1.0, 2.0, 3.0):
            feature = {"x": tf.train.Feature(float_list=tf.train.FloatList(value=[value]))}
            writer.write(tf.train.Example(features=tf.train.Features(feature=feature)).SerializeToString())
    statistics = standard_artifacts.ExampleStatistics()
    statistics.uri = str(folder / "statistics")
    context = BaseBeamExecutor.Context(
        beam_pipeline_args=beam_args(Beam()), tmp_dir=str(folder / "tmp"), unique_id="1", executor_output_uri=None
    )
    Executor(context).Do({"examples": [examples]}, {"statistics": [statistics]}, {"exclude_splits": "[]"})
    return statistics


def test_equal_counts_pass(tmp_path: Path) -> None:
    assert list(Path(run(tmp_path, said=3).uri).iterdir())


def test_a_lost_row_fails_the_node(tmp_path: Path) -> None:
    with pytest.raises(PipelineError) as caught:
        run(tmp_path, said=4)
    assert caught.value.headline == "StatisticsGen lost rows of the split train"
    assert (caught.value.got, caught.value.expected) == ("3 rows", "4 rows, as ExampleGen wrote")
