"""One pass of TFMA over a split: reading, predicting, slicing, combining; and its results as plain numbers."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import apache_beam as beam
import tensorflow_model_analysis as tfma
from tfx.components.util import examples_utils, tfxio_utils
from tfx_bsl.tfxio import tensor_adapter

from components.batches import read_in_batches
from components.evaluator.labels import DerivedLabel, with_label
from components.evaluator.verdict import OVERALL

read_in_batches()


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
        extractors = None
        if derived is not None:
            defaults = tfma.default_extractors(
                eval_shared_model=shared, eval_config=config, tensor_adapter_config=adapter
            )
            extractors = with_label(defaults, derived, [spec.name for spec in config.model_specs])
        _ = (
            batches
            | "Flatten" >> beam.Flatten()
            | "Evaluate"
            >> tfma.ExtractEvaluateAndWriteResults(
                eval_shared_model=shared,
                eval_config=config,
                extractors=extractors,
                output_path=output,
                tensor_adapter_config=adapter,
            )
        )


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
