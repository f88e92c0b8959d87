"""The chain, in one place: which nodes there are and what each takes from the others. Does no I/O on data.

::

    ExampleGen -> StatisticsGen -> ImportSchemaGen | SchemaGen -> ExampleValidator -> Transform -> Trainer
        -> Resolver (latest other blessed model) -> Evaluator -> InfraValidator -> Pusher

With ``tuning.use = "search"`` a Tuner before the Trainer searches for the values that it trains with; with ``"latest"``
a Resolver, Tuned, finds those of the latest search. With ``training.warm_start`` another one, WarmStart, finds the
blessed model that the Trainer starts from.
With a curated schema StatisticsGen and ExampleValidator run beside Transform; training waits for both, so that a model
is never trained on data that was refused.
"""

import difflib
from pathlib import Path
from typing import Any

from tfx.components.schema_gen.component import SchemaGen
from tfx.dsl.components.common.resolver import Resolver
from tfx.orchestration.pipeline import Pipeline
from tfx.types import Channel, standard_artifacts

from components.baseline.strategy import LatestOtherBlessedModelStrategy
from components.baseline.tuned import LatestHyperParameters
from components.baseline.warm_start import LatestBlessedModelToStartFrom
from components.evaluator.component import create_evaluator
from components.example_gen.component import create_example_gen
from components.example_validator.component import create_example_validator
from components.infra_validator.component import create_infra_validator
from components.pusher.component import create_pusher
from components.schema.curated import create_curated_schema
from components.statistics_gen.component import create_statistics_gen
from components.trainer.component import create_trainer
from components.transform.component import create_transform
from components.tuner.component import create_tuner
from components.user_code.checks import texts
from components.user_code.fingerprint import component_code, library_versions, problem_code
from pipeline.beam import beam_args
from pipeline.config import Problem
from pipeline.config.model import Training
from pipeline.config.tuning import Tuning
from pipeline.errors import SettingsError
from pipeline.lineage.packages import CODE


def create_pipeline(
    problem: Problem,
    *,
    code: Path,
    pipeline_root: Path,
    serving_dir: Path,
    metadata: Any,
    enable_cache: bool = True,
) -> Pipeline:
    """Chain the nodes of a problem.

    Args:
        problem: The problem with its settings.
        code: The folder that its code is fingerprinted from: the run's copy of it.
        pipeline_root: Where artifacts go.
        serving_dir: Where versions of the model are pushed to.
        metadata: ML Metadata's ``ConnectionConfig``.
        enable_cache: Whether nodes may reuse what earlier runs made.

    Returns:
        A ``tfx.orchestration.pipeline.Pipeline`` named as the problem is.

    Raises:
        SettingsError: If the schema's file is missing, or the evaluation names an unknown metric.
    """
    settings = problem.settings
    curated = curated_schema(problem)
    written = texts(code, "preprocessing")
    example_gen = create_example_gen(
        settings.data.path,
        file_format=settings.data.format,
        columns=settings.data.columns,
        splits=settings.data.hash_buckets,
        label=settings.label,
        derived_label=written is None or settings.label in written,
        label_guess=next(iter(difflib.get_close_matches(settings.label, written or (), n=1)), None),
        schema_path=str(problem.folder / settings.schema_.file) if settings.schema_.file else None,
        missing=settings.data.missing,
        minimum_rows=settings.data.minimum_rows,
        bad_rows=settings.data.bad_rows,
        span=settings.data.span,
    )
    examples = example_gen.outputs["examples"]
    importer = create_curated_schema(curated) if curated is not None else None
    statistics_gen = create_statistics_gen(examples, importer.outputs["schema"] if importer else None)
    statistics = statistics_gen.outputs["statistics"]
    schema_node = importer or SchemaGen(statistics=statistics, infer_feature_shape=True).with_id("SchemaGen")
    schema = schema_node.outputs["schema"]
    example_validator = create_example_validator(statistics, schema, settings.validation.anomalies)
    transform = create_transform(
        examples, schema, problem=problem.name, label=settings.label, code=problem_code(code, "preprocessing")
    )
    transformed = transform.outputs["transformed_examples"]
    model_code = problem_code(code, "model")
    warm_start = _warm_start(transformed, settings.training, model_code) if settings.training.warm_start else None
    tuned = _tuned(settings.tuning)
    if settings.tuning.use == "search":
        tuned = create_tuner(
            transformed,
            transform.outputs["transform_graph"],
            schema,
            problem=problem.name,
            label=settings.label,
            training=settings.training,
            tuning=settings.search,
            code=model_code,
            runtime=component_code(*CODE["Tuner"]),
        )
        tuned.add_upstream_node(example_validator)
    trainer = create_trainer(
        transformed,
        transform.outputs["transform_graph"],
        schema,
        warm_start.outputs["model"] if warm_start else None,
        tuned.outputs[_TUNED_OUTPUT[tuned.id]] if tuned else None,
        problem=problem.name,
        label=settings.label,
        settings=settings.training,
        code=model_code,
        runtime=component_code(*CODE["Trainer"]),
        forward=settings.serving.forward_features,
    )
    trainer.add_upstream_node(example_validator)
    model = trainer.outputs["model"]
    resolver = Resolver(
        strategy_class=LatestOtherBlessedModelStrategy,
        candidate=model,
        model=Channel(type=standard_artifacts.Model),
        model_blessing=Channel(type=standard_artifacts.ModelBlessing),
    ).with_id("Resolver")
    evaluator = create_evaluator(
        examples,
        model,
        resolver.outputs["model"],
        schema,
        label=settings.label,
        settings=settings.evaluation,
        transform_graph=transform.outputs["transform_graph"],
    )
    infra_validator = create_infra_validator(model, examples, settings=settings.infra_validation, label=settings.label)
    pusher = create_pusher(
        model,
        evaluator.outputs["blessing"],
        infra_validator.outputs["blessing"],
        serving_dir=str(serving_dir),
        record={"settings": settings.model_dump(mode="json", by_alias=True), "libraries": library_versions()},
    )
    chain = [
        example_gen,
        statistics_gen,
        schema_node,
        example_validator,
        transform,
        *([warm_start] if warm_start else []),
        *([tuned] if tuned else []),
        trainer,
        resolver,
        evaluator,
        infra_validator,
        pusher,
    ]
    for node in chain:
        if node.id in CODE:
            # Not used by the executor: it is there to be part of TFX's cache key, in stock nodes as in ours.
            node.executor_spec.add_extra_flags([f"--code={component_code(*CODE[node.id])}"])
    return Pipeline(
        pipeline_name=problem.name,
        pipeline_root=str(pipeline_root),
        components=chain,
        enable_cache=enable_cache,
        metadata_connection_config=metadata,
        beam_pipeline_args=beam_args(settings.beam),
    )


_TUNED_OUTPUT = {"Tuner": "best_hyperparameters", "Tuned": "hyperparameters"}


def _tuned(settings: Tuning) -> Any:
    """Find the values of the latest search, if a run is to take them."""
    if settings.use != "latest":
        return None
    return Resolver(
        strategy_class=LatestHyperParameters, hyperparameters=Channel(type=standard_artifacts.HyperParameters)
    ).with_id("Tuned")


def _warm_start(transformed: Any, settings: Training, code: str) -> Resolver:
    """Find the blessed model to start from: the latest that is not this very training's own."""
    return Resolver(
        strategy_class=LatestBlessedModelToStartFrom,
        config={"training": settings.model_dump_json(), "code": code},
        examples=transformed,
        model=Channel(type=standard_artifacts.Model),
        model_blessing=Channel(type=standard_artifacts.ModelBlessing),
    ).with_id("WarmStart")


def curated_schema(problem: Problem) -> str | None:
    """Return the text of the problem's curated schema, or None where it is to be inferred.

    Raises:
        SettingsError: If the file that the settings name is not there.
    """
    name = problem.settings.schema_.file
    if name is None:
        return None
    file = problem.folder / name
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(
            "The curated schema cannot be read",
            got=str(error),
            where=f"schema.file of {problem.name}",
            hint="name a file in the problem's folder, or leave schema.file out to have one inferred",
        ) from None
