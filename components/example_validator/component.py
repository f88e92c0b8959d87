"""The node ExampleValidator, stopping or reporting."""

from typing import Any, Literal

from tfx.components.example_validator import component
from tfx.dsl.components.base import executor_spec

from components.example_validator.executor import Gate, Reporter


class StoppingExampleValidator(component.ExampleValidator):
    """ExampleValidator that fails on anomalies."""

    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(Gate)


class ReportingExampleValidator(component.ExampleValidator):
    """ExampleValidator that reports anomalies and goes on."""

    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(Reporter)


def create_example_validator(statistics: Any, schema: Any, anomalies: Literal["stop", "report"]) -> Any:
    """Create the node; ``anomalies`` is the setting ``validation.anomalies``."""
    kind = StoppingExampleValidator if anomalies == "stop" else ReportingExampleValidator
    return kind(statistics=statistics, schema=schema).with_id("ExampleValidator")
