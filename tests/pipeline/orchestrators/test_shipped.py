"""The golden files of the problems that ship, read by the platforms' own protobufs and models; without TensorFlow."""

from pathlib import Path

import pytest
import yaml
from google.protobuf import json_format

from pipeline.cli.problems import names
from tests.pipeline.orchestrators.test_tfjob import read

GOLDEN = Path(__file__).parent / "golden"


@pytest.mark.parametrize("problem", names())
def test_kubeflow_and_vertex_have_the_same_tasks(problem: str) -> None:
    from kfp.pipeline_spec import pipeline_spec_pb2 as specs

    spec, platform = yaml.safe_load_all((GOLDEN / f"{problem}.kubeflow.yaml").read_text())
    job = yaml.safe_load((GOLDEN / f"{problem}.vertex.yaml").read_text())
    made = json_format.ParseDict(spec, specs.PipelineSpec())
    json_format.ParseDict(platform, specs.PlatformSpec())
    json_format.ParseDict(job, specs.PipelineJob())
    assert job["pipelineSpec"] == spec
    done: set[str] = set()
    for name, task in spec["root"]["dag"]["tasks"].items():  # in the order of the chain
        assert set(task.get("dependentTasks", [])) <= done
        done.add(name)
    assert len(made.components) == len(done) == 10


@pytest.mark.parametrize("problem", names())
def test_tfjobs_are_of_the_published_schema(problem: str) -> None:
    job = read((GOLDEN / f"{problem}.tfjob.yaml").read_text())
    assert {kind: one.replicas for kind, one in job.spec.tf_replica_specs.items()} == {
        "Chief": 1,
        "Worker": 1,
        "PS": 1,
        "Evaluator": 1,
    }
