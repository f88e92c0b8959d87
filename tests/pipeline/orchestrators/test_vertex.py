"""The file for Vertex AI."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from pipeline.errors import SettingsError
from pipeline.orchestrators.kubeflow import spec
from pipeline.orchestrators.vertex import bucket_uri, render
from tests.pipeline.orchestrators.small import compiled, options

IN_BUCKET = {"workspace": "/gcs/bucket/pipeline", "pipeline_root": "/gcs/bucket/a", "serving": "/gcs/bucket/s"}


def test_it_is_the_spec_of_kubeflow_and_a_place_in_the_bucket() -> None:
    job: dict[str, Any] = yaml.safe_load(render(compiled(**IN_BUCKET), options()))
    assert job["pipelineSpec"] == spec(compiled(**IN_BUCKET), options())
    assert job["runtimeConfig"] == {"gcsOutputDirectory": "gs://bucket/pipeline/vertex"}
    assert "env" not in str(job)


def test_the_password_comes_from_the_file_that_is_named() -> None:
    job = yaml.safe_load(render(compiled(**IN_BUCKET), options(secret="/gcs/secrets/metadata")))
    for executor in job["pipelineSpec"]["deploymentSpec"]["executors"].values():
        assert executor["container"]["env"] == [
            {"name": "ESTIMATOR_PIPELINE_METADATA_PASSWORD_FILE", "value": "/gcs/secrets/metadata"}
        ]


def test_what_vertex_has_not_is_refused() -> None:
    with pytest.raises(SettingsError, match="The workspace is in no bucket"):
        render(compiled(), options())
    with pytest.raises(SettingsError, match="Vertex AI knows no claims"):
        render(compiled(**IN_BUCKET), options(claim="disk"))
    with pytest.raises(SettingsError, match="it begins with a digit"):
        render(compiled("2024_rents", **IN_BUCKET), options())
    with pytest.raises(SettingsError, match="no file with a password") as caught:
        render(compiled(**IN_BUCKET), options(secret="metadata"))
    assert caught.value.where == "--secret"
    with pytest.raises(SettingsError) as all_of_it:
        render(compiled("2024", workspace="/mnt/w"), options(claim="a b", secret="a b", image="A"))
    assert [one.where for one in all_of_it.value.parts] == [
        *("--image", "--secret", "--pipeline-root", "--serving", "PROBLEM", "--workspace", "--claim")
    ]


def test_models_may_go_to_another_bucket() -> None:
    assert render(compiled(**{**IN_BUCKET, "serving": "/gcs/models/rents"}), options())


def test_files_in_buckets_have_uris() -> None:
    assert bucket_uri("/gcs/bucket/a/b") == "gs://bucket/a/b"
    assert bucket_uri("/mnt/gcs/a") == "/mnt/gcs/a"


@pytest.mark.slow  # the client takes seconds to import
def test_vertex_own_client_takes_it_offline(tmp_path: Path) -> None:
    from google.auth.credentials import AnonymousCredentials
    from google.cloud import aiplatform

    file = tmp_path / "rents.yaml"
    file.write_text(render(compiled(**IN_BUCKET), options()))
    job = aiplatform.PipelineJob(
        display_name="rents",
        template_path=str(file),
        parameter_values={"data": "/gcs/bucket/rows/*.csv", "settings": ["training.train_steps=50"]},
        project="project",
        location="europe-west1",
        credentials=AnonymousCredentials(),
    )
    resource = job._gca_resource
    assert resource.runtime_config.gcs_output_directory == "gs://bucket/pipeline/vertex"
    assert dict(resource.runtime_config.parameter_values)["data"] == "/gcs/bucket/rows/*.csv"
    assert job.job_id.startswith("flat-rents-")
    assert set(resource.pipeline_spec["root"]["dag"]["tasks"]) == {"example-gen", "trainer", "resolver"}
