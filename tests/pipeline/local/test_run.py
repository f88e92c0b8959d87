"""Which of several errors is the one that is told, and what is refused before anything begins."""

import json
from pathlib import Path

import pytest

from pipeline.cli.main import main
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


@pytest.mark.parametrize("command", ["run", "resume"])
def test_a_replica_of_a_training_cluster_does_not_run_the_whole(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "workspace" / "runs" / "sine-20260101-100000").mkdir(parents=True)
    cluster = {"chief": ["a:1"], "ps": ["b:1"]}
    monkeypatch.setenv("TF_CONFIG", json.dumps({"cluster": cluster, "task": {"type": "ps", "index": 0}}))
    what = "sine-20260101-100000" if command == "resume" else "sine"
    assert main([command, what, "--workspace", str(tmp_path / "workspace")]) == 2
    assert "TF_CONFIG makes this process ps 0 of a training cluster" in capsys.readouterr().err
