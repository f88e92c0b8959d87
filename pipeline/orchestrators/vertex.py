"""Vertex AI Pipelines: a ``PipelineJob`` around the pipeline spec of :mod:`pipeline.orchestrators.kubeflow`.

The form is that of https://cloud.google.com/vertex-ai/docs/reference/rest/v1/projects.locations.pipelineJobs, as
``google.cloud.aiplatform.PipelineJob`` reads it. There are no volumes: buckets are folders under ``/gcs``.
"""

from pipeline.errors import SettingsError
from pipeline.metadata.password import FILE_VARIABLE
from pipeline.orchestrators.checking import check, too_odd
from pipeline.orchestrators.compiled import PROJECT, Compiled
from pipeline.orchestrators.kubeflow import spec
from pipeline.orchestrators.manifest import BUCKETS, digest, write
from pipeline.orchestrators.targets import Options

_LONGEST = 113  # of a pipeline's name: with the time of a run, 15 characters, it has to fit into 128


def refuse(compiled: Compiled, options: Options) -> None:
    """Refuse what the platform could not run.

    Raises:
        SettingsError: If there is something.
    """
    mistakes = too_odd(compiled, "a pipeline of Vertex AI", longest=_LONGEST, digit=False)
    if not compiled.workspace.startswith((BUCKETS, PROJECT)):  # the latter is told of in any case
        mistakes.append(
            SettingsError(
                "The workspace is in no bucket",
                got=compiled.workspace,
                expected=f"a folder under {BUCKETS}, where Vertex AI's containers have the buckets",
                where="--workspace",
                hint="--workspace /gcs/BUCKET/pipeline",
            )
        )
    if options.claim is not None:
        mistakes.append(
            SettingsError(
                "Vertex AI knows no claims", got=f"--claim {options.claim}", where="--claim", hint="leave it out"
            )
        )
    check(compiled, options, "vertex", mistakes)


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
