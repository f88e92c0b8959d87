"""Vertex AI Pipelines: a ``PipelineJob`` around the pipeline spec of :mod:`pipeline.orchestrators.kubeflow`.

The form is that of https://cloud.google.com/vertex-ai/docs/reference/rest/v1/projects.locations.pipelineJobs, as
``google.cloud.aiplatform.PipelineJob`` reads it. There are no volumes: buckets are folders under ``/gcs``.
"""

from pipeline.errors import SettingsError
from pipeline.metadata.password import FILE_VARIABLE
from pipeline.orchestrators.compiled import Compiled
from pipeline.orchestrators.kubeflow import spec
from pipeline.orchestrators.manifest import check, digest, write
from pipeline.orchestrators.targets import Options

BUCKETS = "/gcs/"
"""Where the platform's containers have all buckets as folders (Cloud Storage FUSE)."""


def refuse(compiled: Compiled, options: Options) -> None:
    """Refuse what the platform could not run.

    Raises:
        SettingsError: If there is something.
    """
    check(compiled, options, "vertex")
    if not compiled.workspace.startswith(BUCKETS):
        raise SettingsError(
            "The workspace is in no bucket",
            got=compiled.workspace,
            expected=f"a folder under {BUCKETS}, where Vertex AI's containers have the buckets",
            where="--workspace",
            hint="--workspace /gcs/BUCKET/pipeline",
        )
    if options.claim is not None:
        raise SettingsError("Vertex AI knows no claims", got=f"--claim {options.claim}", hint="leave it out")


def render(compiled: Compiled, options: Options) -> str:
    """Return the YAML that ``google.cloud.aiplatform.PipelineJob(template_path=...)`` takes.

    Raises:
        SettingsError: If the platform could not run it.
    """
    refuse(compiled, options)
    job = {
        "displayName": compiled.problem,
        "pipelineSpec": spec(compiled, options, {FILE_VARIABLE: options.secret} if options.secret else None),
        "runtimeConfig": {"gcsOutputDirectory": bucket_uri(compiled.workspace) + "/vertex"},
    }
    comment = [
        f"{compiled.problem} for Vertex AI Pipelines, by `runner.py compile`. docs/kubeflow.md says how to run it.",
        f"Image: {options.image}, which holds the compiled pipeline {digest(compiled)}.",
    ]
    return write([job], comment)


def bucket_uri(path: str) -> str:
    """Return the URI of what Vertex AI has as a file or folder; another path as it is."""
    return "gs://" + path.removeprefix(BUCKETS) if path.startswith(BUCKETS) else path
