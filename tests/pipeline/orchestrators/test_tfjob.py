"""The TFJob, read by the operator's and Kubernetes' own published models."""

import json
from types import SimpleNamespace
from typing import Any

import pytest
import yaml

from pipeline.errors import SettingsError
from pipeline.orchestrators.tfjob import render, replicas
from tests.pipeline.orchestrators.small import IMAGE, compiled, options

CLUSTER = {"training": {"cluster": {"workers": 3, "ps": 2, "max_restarts": 4}}}


def read(text: str) -> Any:
    """Read a TFJob as the operator's client does, and see that nothing in it is unknown to the published schema."""
    from kubeflow.training import ApiClient

    client = ApiClient()
    value = yaml.safe_load(text)
    made = client.deserialize(SimpleNamespace(data=json.dumps(value)), "KubeflowOrgV1TFJob")
    assert client.sanitize_for_serialization(made) == value
    return made


def test_the_operators_published_models_take_it_whole() -> None:
    job = read(render(compiled(settings=CLUSTER), options(claim="disk", secret="key")))
    assert (job.api_version, job.kind, job.metadata.generate_name) == ("kubeflow.org/v1", "TFJob", "flat-rents-")
    assert job.spec.run_policy.clean_pod_policy == "Running"
    assert job.spec.run_policy.backoff_limit is None  # it would count nothing, or end the job at the first pod
    specs = job.spec.tf_replica_specs
    assert {kind: one.replicas for kind, one in specs.items()} == {"Chief": 1, "Worker": 2, "PS": 2, "Evaluator": 1}
    for kind, one in specs.items():
        assert one.restart_policy == "ExitCode"
        [container] = one.template.spec.containers
        assert (container.name, container.image) == ("tensorflow", IMAGE)
        assert container.command == ["python", "-m", "pipeline.orchestrators.replica"]
        assert container.args[:2] == ["--run", "$(RUN)"]
        environment = {each.name: each.value_from for each in container.env}
        assert environment["RUN"].field_ref.field_path == "metadata.labels['training.kubeflow.org/job-name']"
        assert ("ESTIMATOR_PIPELINE_METADATA_PASSWORD" in environment) == (kind == "Chief")
        assert container.volume_mounts[0].mount_path == "/mnt/pipeline"
        assert one.template.spec.volumes[0].persistent_volume_claim.claim_name == "disk"


def test_a_field_that_the_schema_does_not_know_is_found() -> None:
    text = render(compiled(settings=CLUSTER), options())
    for wrong in (text.replace("restartPolicy", "restartPolice"), text.replace("volumeMounts", "volumes")):
        with pytest.raises(AssertionError):
            read(wrong)


def test_the_chief_is_one_of_the_workers_of_the_settings() -> None:
    made = yaml.safe_load(render(compiled(settings={"training": {"cluster": {"workers": 1, "ps": 1}}}), options()))
    assert set(made["spec"]["tfReplicaSpecs"]) == {"Chief", "PS", "Evaluator"}
    cluster = SimpleNamespace(workers=5, ps=2)
    assert replicas(cluster) == {"Chief": 1, "Worker": 4, "PS": 2, "Evaluator": 1}  # type: ignore[arg-type]


def test_without_a_cluster_there_is_no_job() -> None:
    with pytest.raises(SettingsError, match="no training cluster") as caught:
        render(compiled(), options())
    assert "training.cluster.workers=2" in str(caught.value.hint)


@pytest.mark.parametrize(
    ("problem", "reason"),
    [
        ("r" * 46, "46 characters, and may have 45"),
        ("2024_rents", "begins with a digit"),
        ("_", "no letter of a-z and no digit"),
    ],
)
def test_names_that_no_pod_could_have_are_refused(problem: str, reason: str) -> None:
    with pytest.raises(SettingsError, match=reason) as caught:
        render(compiled(problem, settings=CLUSTER), options())
    assert caught.value.hint


def test_the_longest_name_fits_all_pods_and_services() -> None:
    for workers in (2, 64):
        settings = {"training": {"cluster": {"workers": workers, "ps": 1}}}
        job = yaml.safe_load(render(compiled("r" * 45, settings=settings), options()))
        name = job["metadata"]["generateName"] + "x7k2p"
        pods = [f"{name}-{kind.lower()}-{one['replicas'] - 1}" for kind, one in job["spec"]["tfReplicaSpecs"].items()]
        assert max(map(len, pods)) == 63
