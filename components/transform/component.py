"""The node Transform."""

from typing import Any

from tfx.components.transform import component
from tfx.dsl.components.base import executor_spec

from components.transform.executor import Executor


class Transform(component.Transform):
    """Stock Transform with our executor."""

    EXECUTOR_SPEC = executor_spec.BeamExecutorSpec(Executor)


def create_transform(examples: Any, schema: Any, *, problem: str, label: str, code: str) -> Transform:
    """Create the node.

    Args:
        examples: Channel of raw examples.
        schema: Channel of the schema.
        problem: Name of the problem whose ``preprocessing_fn`` is called.
        label: The label's column, which must come out of it.
        code: Fingerprint of the problem's code that ``preprocessing.py`` reaches.
    """
    return Transform(
        examples=examples,
        schema=schema,
        preprocessing_fn="components.transform.preprocessing.preprocessing_fn",
        custom_config={
            "problem": problem,
            "label": label,
            "code": code,
        },
        # Transform's own statistics before and after cost more Beam time than the transform itself, and StatisticsGen
        # has those that count; a cache of analyzers costs as much again on one span.
        disable_statistics=True,
        disable_analyzer_cache=True,
    ).with_id("Transform")
