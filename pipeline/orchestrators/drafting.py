"""What a compiled pipeline says that is known before anything is loaded: all but TFX's own words.

A target sees from it whether it could do with the rest, so that a mistake is told at once.
"""

from collections.abc import Sequence
from pathlib import Path

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


def draft(
    problem: Problem,
    *,
    workspace: Path,
    pipeline_root: str | None = None,
    serving: str | None = None,
    given: Sequence[str] = (),
) -> Compiled:
    """Return a compiled pipeline without its IR and the types of its nodes.

    Args:
        problem: The problem with its settings.
        workspace: The workspace that its runs work in, absolute.
        pipeline_root: Where artifacts go; the workspace's own place if not given.
        serving: Where the model is pushed to; the workspace's own place if not given.
        given: The options that made the settings what they are.
    """
    upstream = chain(problem.settings)  # in an order that does not depend on TFX
    return Compiled(
        problem=problem.name,
        folder=portable(problem.folder),
        workspace=portable(workspace),
        pipeline_root=portable(pipeline_root or str(workspace / "artifacts" / problem.name)),
        serving=portable(serving or str(workspace / "serving" / problem.name)),
        metadata_url=problem.settings.metadata.url,
        given=tuple(portable(word) for word in given),
        settings=portable_in(problem.settings.model_dump(mode="json", by_alias=True)),
        nodes=tuple(CompiledNode(node, "", needs, node in _HEAVY, _DOCS[node]) for node, needs in upstream.items()),
        ir={},
    )
