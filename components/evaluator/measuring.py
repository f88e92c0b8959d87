"""One pass of TFMA over a split: reading, predicting, slicing, combining; and its results as plain numbers."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import apache_beam as beam
import tensorflow_model_analysis as tfma
from tensorflow_model_analysis.extractors import slice_key_extractor, unbatch_extractor
from tfx.components.util import examples_utils, tfxio_utils
from tfx_bsl.tfxio import tensor_adapter

from components.batches import read_in_batches
from components.evaluator.grouped_metrics import compared, divide
from components.evaluator.grouping import group
from components.evaluator.labels import DerivedLabel, with_label
from components.evaluator.verdict import OVERALL

read_in_batches()

_OF_ROWS = (unbatch_extractor.UNBATCH_EXTRACTOR_STAGE_NAME, slice_key_extractor.SLICE_KEY_EXTRACTOR_STAGE_NAME)
"""The extractors that take batches apart into rows, and what follows them."""


@dataclass
class Measured:
    """Values by (slice, metric); ``baseline`` is None where only one model was evaluated."""

    candidate: dict[tuple[str, str], float | None] = field(default_factory=dict)
    baseline: dict[tuple[str, str], float | None] | None = None


def run_tfma(
    make_pipeline: Callable[[], Any],
    examples: Sequence[Any],
    *,
    split: str,
    models: Sequence[Any],
    config: Any,
    schema: Any,
    output: str,
    derived: DerivedLabel | None = None,
) -> None:
    """Evaluate models on a split and write TFMA's own result files.

    Args:
        make_pipeline: Makes the Beam pipeline.
        examples: The Examples artifacts.
        split: The split's name.
        models: ``tfma.EvalSharedModel`` of each model in the config.
        config: The ``tfma.EvalConfig``, with defaults filled in.
        schema: The schema of the examples; None to read them without.
        output: Folder of the ModelEvaluation artifact.
        derived: The label, where it is not a raw column; None to take the column that the config names.
    """
    factory = tfxio_utils.get_tfxio_factory_from_artifact(
        examples=list(examples),
        telemetry_descriptors=["Evaluator"],
        schema=schema,
        raw_record_column_name=tfma.ARROW_INPUT_COLUMN,
    )
    adapter = None
    with make_pipeline() as pipeline:
        batches = []
        for number, artifact in enumerate(examples):
            for pattern in examples_utils.get_split_file_patterns([artifact], split):
                tfxio = factory(pattern)
                batches.append(pipeline | f"Read[{number}]" >> tfxio.BeamSource())
                if schema is not None:
                    adapter = tensor_adapter.TensorAdapterConfig(
                        arrow_schema=tfxio.ArrowSchema(), tensor_representations=tfxio.TensorRepresentations()
                    )
        shared = models[0] if len(models) == 1 else list(models)
        extractors = tfma.default_extractors(
            eval_shared_model=shared, eval_config=config, tensor_adapter_config=adapter
        )
        if derived is not None:
            extractors = with_label(extractors, derived, [spec.name for spec in config.model_specs])
        of_batches = [one for one in extractors if one.stage_name not in _OF_ROWS]
        of_rows = [one for one in extractors if one.stage_name in _OF_ROWS]
        _ = (
            batches
            | "Flatten" >> beam.Flatten()
            | "Evaluate"
            >> tfma.ExtractEvaluateAndWriteResults(
                eval_shared_model=shared,
                eval_config=config,
                extractors=of_batches,
                evaluators=[
                    tfma.evaluators.Evaluator(
                        stage_name="EvaluateGroupsAndRows",
                        run_after=of_batches[-1].stage_name,
                        ptransform=GroupsAndRows(config, shared, of_rows),
                    )
                ],
                output_path=output,
                tensor_adapter_config=adapter,
            )
        )


class GroupsAndRows(beam.PTransform):
    """From extracts of batches to TFMA's evaluation: by groups of rows what can be, and by rows the rest."""

    def __init__(self, config: Any, models: Any, of_rows: Sequence[Any]) -> None:
        super().__init__()
        self._config, self._models, self._of_rows = config, models, of_rows

    def expand(self, extracts: Any) -> Any:
        """Give a dict of PCollections; with type hints, Beam would take the dict for one of them."""
        by_group, by_row = divide(self._config)
        found = []
        if _has_metrics(by_group):
            by_group.options.include_default_metrics.value = False
            groups = extracts | "Group" >> beam.FlatMap(group, list(self._config.slicing_specs), compared(by_group))
            found.append(groups | "Groups" >> self._evaluator(by_group))
        if _has_metrics(by_row):
            rows = extracts
            for one in self._of_rows:
                rows = rows | one.stage_name >> one.ptransform
            found.append(rows | "Rows" >> self._evaluator(by_row))
        if len(found) == 1:
            return found[0]
        both = {key: [one[key] for one in found] | f"Both {key}" >> beam.Flatten() for key in found[0]}
        return {
            key: values if key == tfma.VALIDATIONS_KEY else values | f"One {key}" >> beam.CombinePerKey(_Merged())
            for key, values in both.items()
        }

    def _evaluator(self, config: Any) -> Any:
        (only,) = tfma.default_evaluators(eval_shared_model=self._models, eval_config=config)
        return only.ptransform


class _Merged(beam.CombineFn):
    """The values of a slice, by metric, from both ways."""

    def create_accumulator(self) -> dict[Any, Any]:
        return {}

    def add_input(self, accumulator: dict[Any, Any], element: dict[Any, Any]) -> dict[Any, Any]:
        return {**accumulator, **element}

    def merge_accumulators(self, accumulators: Iterable[dict[Any, Any]]) -> dict[Any, Any]:
        return {key: value for one in accumulators for key, value in one.items()}

    def extract_output(self, accumulator: dict[Any, Any]) -> dict[Any, Any]:
        return accumulator


def _has_metrics(config: Any) -> bool:
    return any(spec.metrics for spec in config.metrics_specs)


def read_measured(output: str, *, has_baseline: bool) -> Measured:
    """Read what :func:`run_tfma` wrote. Metrics that are not single numbers (plots, matrices) are left out."""
    measured = Measured(baseline={} if has_baseline else None)
    for record in tfma.load_metrics(output):
        name = _slice_name(record.slice_key)
        for pair in record.metric_keys_and_values:
            if pair.key.is_diff:
                continue
            of_baseline = pair.key.model_name == tfma.BASELINE_KEY
            target = measured.baseline if of_baseline else measured.candidate
            value = _value(pair.value)
            if target is not None and value is not None:
                target[name, pair.key.name] = value
    return measured


def _slice_name(key: Any) -> str:
    parts = []
    for single in key.single_slice_keys:
        value = getattr(single, single.WhichOneof("kind"))
        text = value.decode("utf-8", "replace") if isinstance(value, bytes) else f"{value:g}"
        parts.append(f"{single.column}={text}")
    return ", ".join(parts) or OVERALL


def _value(value: Any) -> float | None:
    kind = value.WhichOneof("type")
    if kind == "double_value":
        return float(value.double_value.value)
    if kind == "bounded_value":
        return float(value.bounded_value.value.value)
    return None
