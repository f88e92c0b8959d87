"""Which of several errors is the one that is told."""

from pipeline.errors import DataError, InfrastructureError, PipelineError
from pipeline.local.record import NodeResult
from pipeline.local.run import cause


def results(**errors: PipelineError | None) -> dict[str, NodeResult]:
    return {node: NodeResult(node, "failed" if error else "ran", error=error) for node, error in errors.items()}


def test_bad_data_is_told_before_what_tripped_over_it() -> None:
    bad = DataError("The data is not as the schema says")
    assert cause(results(Transform=PipelineError("Transform failed"), ExampleValidator=bad)) is bad
    assert cause(results(ExampleValidator=bad, Transform=PipelineError("Transform failed"))) is bad


def test_else_the_first_error_is_told() -> None:
    first, second = InfrastructureError("the disk is full"), PipelineError("Evaluator failed")
    assert cause(results(ExampleGen=None, Trainer=first, Evaluator=second)) is first
    assert cause(results(ExampleGen=None)) is None
