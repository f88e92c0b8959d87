"""The node StatisticsGen."""

from typing import Any

from tfx.components.statistics_gen import component
from tfx.dsl.components.base import executor_spec

from components.statistics_gen.executor import Executor


class StatisticsGen(component.StatisticsGen):
    """Stock StatisticsGen with our executor."""

    EXECUTOR_SPEC = executor_spec.BeamExecutorSpec(Executor)


def create_statistics_gen(examples: Any, schema: Any | None) -> StatisticsGen:
    """Create the node; with a curated schema the statistics are of the types that it says."""
    return StatisticsGen(examples=examples, schema=schema).with_id("StatisticsGen")
