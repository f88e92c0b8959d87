"""The Evaluator's executor: TFMA in one pass, the row count reconciled, a verdict written.

Stock TFX's executor differs in three things that matter here. It writes no reason. It counts no rows. And where no
threshold is set it leaves the blessing undecided, neither yes nor no. What it writes is written
here as well: TFMA's files in the evaluation, ``BLESSED`` or ``NOT_BLESSED`` and the same custom properties in the
blessing, which the resolver for the latest blessed model and stock Pushers go by.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import tensorflow_model_analysis as tfma
from tfx.components.evaluator import constants
from tfx.dsl.components.base import base_beam_executor
from tfx.types import artifact_utils
from tfx.utils import io_utils, json_utils, path_utils, proto_utils

from components.evaluator.blame import explain
from components.evaluator.configuration import COUNT, rules
from components.evaluator.judging import judge
from components.evaluator.labels import DerivedLabel
from components.evaluator.measuring import read_measured, run_tfma
from components.evaluator.signature import check_outputs, only_prediction
from components.evaluator.verdict import OVERALL, Verdict, write_verdict
from components.transform.label import columns_of_label
from pipeline.errors import PipelineError, find

Artifacts = dict[str, list[Any]]


class Executor(base_beam_executor.BaseBeamExecutor):
    """Evaluates a model, next to the blessed one where there is one, and blesses it or not."""

    def Do(self, input_dict: Artifacts, output_dict: Artifacts, exec_properties: dict[str, Any]) -> None:  # noqa: N802
        """Evaluate and judge.

        Args:
            input_dict: ``examples``, ``model``, and where there are such ``baseline_model``, ``schema`` and
                ``transform_graph`` (without which the label is taken to be a raw column).
            output_dict: ``evaluation`` and ``blessing``.
            exec_properties: ``eval_config``, and ``example_splits`` (one split, ``["eval"]``).

        Raises:
            PipelineError: if the model cannot be evaluated, or rows were lost on the way. A model that is not blessed
                is no error: the node succeeds and says no.
        """
        examples = input_dict["examples"]
        model = artifact_utils.get_single_instance(input_dict["model"])
        baselines = input_dict.get("baseline_model") or []
        baseline = artifact_utils.get_single_instance(baselines) if baselines else None
        evaluation = artifact_utils.get_single_instance(output_dict["evaluation"])
        blessing = artifact_utils.get_single_instance(output_dict["blessing"])
        (split,) = json_utils.loads(exec_properties["example_splits"])

        asked = tfma.EvalConfig()
        proto_utils.json_to_proto(exec_properties["eval_config"], asked)
        config = tfma.utils.update_eval_config_with_defaults(
            asked, has_baseline=baseline is not None, rubber_stamp=True
        )
        tfma.utils.verify_eval_config(config)
        for spec in config.model_specs:
            if spec.is_baseline:
                spec.prediction_key = spec.prediction_key or only_prediction(_saved_model(baseline))
            else:
                spec.prediction_key = check_outputs(_saved_model(model), spec.prediction_key)
        models = [
            tfma.default_eval_shared_model(
                eval_saved_model_path=_saved_model(baseline if spec.is_baseline else model),
                model_name=spec.name,
                eval_config=config,
            )
            for spec in config.model_specs
        ]
        schema = None
        if input_dict.get("schema"):
            folder = artifact_utils.get_single_uri(input_dict["schema"])
            schema = io_utils.SchemaReader().read(io_utils.get_only_uri_in_dir(folder))
        label = config.model_specs[0].label_key
        derived = _derived(input_dict.get("transform_graph") or [], label)
        try:
            run_tfma(
                self._make_beam_pipeline,
                examples,
                split=split,
                models=models,
                config=config,
                schema=schema,
                output=evaluation.uri,
                derived=derived,
            )
        except Exception as error:
            raise find(error) or explain(
                error,
                examples=examples,
                split=split,
                model=_saved_model(model),
                baseline=None if baseline is None else _saved_model(baseline),
                label=label,
                derived=derived,
            ) from error
        measured = read_measured(evaluation.uri, has_baseline=baseline is not None)
        rows = int(measured.candidate.get((OVERALL, COUNT)) or 0)
        _reconcile(examples, split, rows)
        verdict = judge(
            measured.candidate,
            rules(asked),
            rows=rows,
            baseline=measured.baseline,
            model_uri=model.uri,
            baseline_uri=None if baseline is None else baseline.uri,
        )
        write_verdict(verdict, evaluation.uri)
        evaluation.set_string_custom_property("verdict", verdict.in_short())
        _bless(blessing, verdict, model, baseline)


def _saved_model(model: Any) -> str:
    return str(path_utils.serving_model_path(model.uri, path_utils.is_old_model_artifact(model)))


def _derived(transform_graph: Sequence[Any], label: str) -> DerivedLabel | None:
    if not transform_graph:
        return None
    folder = artifact_utils.get_single_uri(list(transform_graph))
    columns = columns_of_label(folder, label)
    return None if columns is None else DerivedLabel(folder, label, tuple(columns))


def _reconcile(examples: Sequence[Any], split: str, evaluated: int) -> None:
    """Compare the rows that were evaluated with those that ExampleGen wrote.

    Raises:
        PipelineError: if they differ, or if the split is empty.
    """
    written = 0
    for artifact in examples:
        counts = artifact.get_string_custom_property("split_rows")
        if not counts or split not in json.loads(counts):
            if evaluated == 0:
                raise PipelineError(f"the {split} split has no rows to evaluate", where=artifact.uri)
            return
        written += json.loads(counts)[split]
    if written != evaluated:
        raise PipelineError(
            f"rows of the {split} split were lost on the way to the evaluation",
            got=f"{evaluated:,} rows evaluated",
            expected=f"{written:,} rows, as many as ExampleGen wrote",
            where="Evaluator",
            hint="run Beam in one process: its multi-processing mode has been seen to drop rows",
        )


def _bless(blessing: Any, verdict: Verdict, model: Any, baseline: Any) -> None:
    """Write the answer where stock TFX looks for it."""
    blessing.set_string_custom_property(constants.ARTIFACT_PROPERTY_CURRENT_MODEL_URI_KEY, model.uri)
    blessing.set_int_custom_property(constants.ARTIFACT_PROPERTY_CURRENT_MODEL_ID_KEY, model.id)
    if baseline is not None:
        blessing.set_string_custom_property(constants.ARTIFACT_PROPERTY_BASELINE_MODEL_URI_KEY, baseline.uri)
        blessing.set_int_custom_property(constants.ARTIFACT_PROPERTY_BASELINE_MODEL_ID_KEY, baseline.id)
    blessing.set_string_custom_property(constants.ARTIFACT_PROPERTY_BLESSING_MESSAGE_KEY, "; ".join(verdict.reasons))
    name = constants.BLESSED_FILE_NAME if verdict.blessed else constants.NOT_BLESSED_FILE_NAME
    answer = constants.BLESSED_VALUE if verdict.blessed else constants.NOT_BLESSED_VALUE
    Path(blessing.uri).mkdir(parents=True, exist_ok=True)
    (Path(blessing.uri) / name).write_text("", encoding="utf-8")
    blessing.set_int_custom_property(constants.ARTIFACT_PROPERTY_BLESSED_KEY, answer)
