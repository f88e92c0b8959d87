"""Compiles a problem's chain; the one module of this package that imports TFX. Reads no data and opens no store."""

from collections.abc import Sequence
from pathlib import Path

from google.protobuf import json_format
from tfx.dsl.compiler import compiler

from pipeline.chain import create_pipeline
from pipeline.config import Problem
from pipeline.config.nodes import chain
from pipeline.orchestrators.compiled import Compiled, CompiledNode, portable, portable_in

_DOCS = {
    "ExampleGen": "Reads the data files, checks every row, and cuts them into splits.",
    "StatisticsGen": "Counts and measures every column of each split.",
    "ImportSchemaGen": "Takes the problem's curated schema.",
    "SchemaGen": "Infers the schema from the statistics.",
    "ExampleValidator": "Compares the statistics with the schema, and stops the run where they do not fit.",
    "Transform": "Analyses all rows and applies preprocessing_fn to them.",
    "WarmStart": "Finds the blessed model that the training starts from.",
    "Tuner": "Searches for the values to train with.",
    "Tuned": "Finds the values of the latest search.",
    "Trainer": "Trains the model and exports it.",
    "Resolver": "Finds the latest blessed model, to compare with.",
    "Evaluator": "Measures the model on every slice and blesses it if it keeps all bounds.",
    "InfraValidator": "Loads the export in a process of its own and has it answer real rows.",
    "Pusher": "Pushes a model that both gates let pass, as a new version.",
}
_HEAVY = {"ExampleGen", "StatisticsGen", "Transform", "Tuner", "Trainer", "Evaluator"}


def build(
    problem: Problem,
    *,
    workspace: Path,
    pipeline_root: str | None = None,
    serving: str | None = None,
    given: Sequence[str] = (),
) -> Compiled:
    """Compile the chain of a problem.

    Args:
        problem: The problem with its settings.
        workspace: The workspace that its runs work in, absolute.
        pipeline_root: Where artifacts go; the workspace's own place if not given.
        serving: Where the model is pushed to; the workspace's own place if not given.
        given: The options that made the settings what they are.

    Raises:
        SettingsError: If the settings do not make a chain.
    """
    root = pipeline_root or str(workspace / "artifacts" / problem.name)
    pushed = serving or str(workspace / "serving" / problem.name)
    made = create_pipeline(
        problem, code=problem.folder, pipeline_root=Path(root), serving_dir=Path(pushed), metadata=None
    )
    ir = compiler.Compiler().compile(made)
    if pipeline_root:  # a Path would make gs:/ of gs://
        ir.runtime_spec.pipeline_root.field_value.string_value = root
    upstream = chain(problem.settings)  # in an order that does not depend on TFX
    types = {one.pipeline_node.node_info.id: one.pipeline_node.node_info.type.name for one in ir.nodes}
    return Compiled(
        problem=problem.name,
        folder=portable(problem.folder),
        workspace=portable(workspace),
        pipeline_root=portable(root),
        serving=portable(pushed),
        metadata_url=problem.settings.metadata.url,
        given=tuple(portable(word) for word in given),
        settings=portable_in(problem.settings.model_dump(mode="json", by_alias=True)),
        nodes=tuple(
            CompiledNode(node, types[node], tuple(needs), node in _HEAVY, _DOCS[node])
            for node, needs in upstream.items()
        ),
        ir=portable_in(json_format.MessageToDict(ir, preserving_proto_field_name=True)),
    )
