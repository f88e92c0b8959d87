"""Kubeflow Pipelines v2: the pipeline spec with one container task for each node, and what its pods have besides.

The spec is that of https://www.kubeflow.org/docs/components/pipelines/reference/api/ (``PipelineSpec`` of
``kfp.pipeline_spec.pipeline_spec_pb2``, schema 2.1.0), the second document ``PlatformSpec`` with the
``KubernetesExecutorConfig`` of ``kfp.kubernetes``. docs/decisions/0018 says why not TFX's ``KubeflowV2DagRunner``.

- Edges are ``dependentTasks``: what a node takes from another it finds in ML Metadata. Artifacts are outputs only, for
  people to see: an *input* artifact would be downloaded by the platform, which knows object stores and no volumes.
- The run's name is that of the platform's run, handed over as a parameter: a placeholder is replaced where it is the
  whole value of a task's input, and not within an argument. That, retries, and the names of a volume and a Secret as
  values are understood since Kubeflow Pipelines 2.5.
- The platform's own cache is off. A node that has nothing to do says so in seconds, and is in the record of its run.
"""

from collections.abc import Mapping
from typing import Any

from pipeline import __version__
from pipeline.config.model import Settings
from pipeline.orchestrators.checking import check, too_odd
from pipeline.orchestrators.compiled import Compiled, CompiledNode
from pipeline.orchestrators.manifest import (
    CLAIM,
    PASSWORD,
    SECRET,
    SECRET_KEY,
    SPARE_MB,
    SPARE_SECS,
    digest,
    dns_name,
    pipeline_arguments,
    settings_of,
    write,
)
from pipeline.orchestrators.targets import Options

COMMAND = ("python", "-m", "pipeline.orchestrators.container")
RUN = "{{$.pipeline_job_uuid}}"
EXECUTOR_INPUT = "{{$}}"

_SYSTEM = {"Examples": "system.Dataset", "Model": "system.Model", "ModelEvaluation": "system.Metrics"}
_PARAMETERS: dict[str, dict[str, Any]] = {
    "data": {
        "parameterType": "STRING",
        "defaultValue": "",
        "description": "File, folder, glob or {SPAN} pattern to read, as pods see it; that of compiling if empty.",
    },
    "settings": {
        "parameterType": "LIST",
        "defaultValue": [],
        "description": 'Settings that this run has otherwise, as ["data.span=3", "training.train_steps=5000"].',
    },
}


def refuse(compiled: Compiled, options: Options) -> None:
    """Refuse what pods on several machines could not run.

    Raises:
        SettingsError: With one part for each reason.
    """
    check(compiled, options, "kubeflow", too_odd(compiled, "a pipeline"))


def render(compiled: Compiled, options: Options) -> str:
    """Return the YAML that ``kfp run create`` and the web page take.

    Raises:
        SettingsError: If pods on several machines could not run it.
    """
    refuse(compiled, options)
    comment = [
        f"{compiled.problem} for Kubeflow Pipelines v2, by `runner.py compile`. docs/kubeflow.md says how to run it.",
        f"Image: {options.image}, which holds the compiled pipeline {digest(compiled)}.",
    ]
    return write([spec(compiled, options), _platform(compiled, options)], comment)


def spec(compiled: Compiled, options: Options, environment: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Return the pipeline spec.

    Args:
        compiled: The compiled pipeline.
        options: What else was said.
        environment: Variables that every container has.
    """
    settings = settings_of(compiled)
    outputs = _outputs(compiled.ir)
    nodes = compiled.nodes
    return {
        "pipelineInfo": {
            "name": dns_name(compiled.problem),
            **({"description": settings.description} if settings.description else {}),
        },
        "schemaVersion": "2.1.0",
        "sdkVersion": f"estimator-pipeline-{__version__}",
        "root": {
            "inputDefinitions": {"parameters": _PARAMETERS},
            "dag": {"tasks": {dns_name(node.id): _task(node, settings) for node in nodes}},
        },
        "components": {f"comp-{dns_name(node.id)}": _component(node, outputs[node.id]) for node in nodes},
        "deploymentSpec": {
            "executors": {
                f"exec-{dns_name(node.id)}": {"container": _container(node, compiled, options, settings, environment)}
                for node in nodes
            }
        },
    }


def _task(node: CompiledNode, settings: Settings) -> dict[str, Any]:
    name = dns_name(node.id)
    retries = settings.run.retries
    backoff = {"backoffDuration": "30s", "backoffFactor": 2.0, "backoffMaxDuration": "600s"}
    return {
        "taskInfo": {"name": name},  # no other name: Kubeflow finds a task's outputs by it
        "componentRef": {"name": f"comp-{name}"},
        **({"dependentTasks": [dns_name(one) for one in node.upstream]} if node.upstream else {}),
        "inputs": {
            "parameters": {
                "run": {"runtimeValue": {"constant": RUN}},
                **{one: {"componentInputParameter": one} for one in _PARAMETERS},
            }
        },
        "cachingOptions": {},
        **({"retryPolicy": {"maxRetryCount": retries, **backoff}} if retries else {}),
    }


def _component(node: CompiledNode, outputs: Mapping[str, str]) -> dict[str, Any]:
    parameters = {"run": "STRING", **{name: value["parameterType"] for name, value in _PARAMETERS.items()}}
    types = {
        name: {"schemaTitle": _SYSTEM.get(kind, "system.Artifact"), "schemaVersion": "0.0.1"}
        for name, kind in outputs.items()
    }
    given = {name: {"artifactType": kind, "description": outputs[name]} for name, kind in types.items()}
    return {
        "executorLabel": f"exec-{dns_name(node.id)}",
        "inputDefinitions": {"parameters": {name: {"parameterType": kind} for name, kind in parameters.items()}},
        **({"outputDefinitions": {"artifacts": given}} if given else {}),
    }


def _container(
    node: CompiledNode,
    compiled: Compiled,
    options: Options,
    settings: Settings,
    environment: Mapping[str, str] | None,
) -> dict[str, Any]:
    own = settings.run.memory_limit(node.id)
    limit = own and own + SPARE_MB
    return {
        "image": options.image,
        "command": list(COMMAND),
        "args": [node.id, *pipeline_arguments(compiled, options), "--executor-input", EXECUTOR_INPUT],
        **({"env": [{"name": name, "value": value} for name, value in environment.items()]} if environment else {}),
        # In both ways that the platform's versions read: as GB, and as Kubernetes writes it.
        **({"resources": {"memoryLimit": limit / 1000, "resourceMemoryLimit": f"{limit}M"}} if limit else {}),
    }


def _outputs(ir: Mapping[str, Any]) -> dict[str, dict[str, str]]:
    """Return for each node its outputs, by TFX's name of their type."""
    nodes = [one["pipeline_node"] for one in ir["nodes"]]
    return {
        node["node_info"]["id"]: {
            name: made["artifact_spec"]["type"]["name"]
            for name, made in sorted(node.get("outputs", {}).get("outputs", {}).items())
        }
        for node in nodes
    }


def _platform(compiled: Compiled, options: Options) -> dict[str, Any]:
    """Return what the pods have besides: the workspace's volume, the password, and limits of time."""
    settings = settings_of(compiled)
    claim, secret = options.claim or CLAIM, options.secret or SECRET

    def pod(node: CompiledNode) -> dict[str, Any]:
        own = settings.run.time_limit(node.id)
        return {
            "pvcMount": [
                {
                    "mountPath": compiled.workspace,
                    "constant": claim,
                    "pvcNameParameter": {"runtimeValue": {"constant": claim}},
                }
            ],
            "secretAsEnv": [
                {
                    "secretName": secret,
                    "secretNameParameter": {"runtimeValue": {"constant": secret}},
                    "keyToEnv": [{"secretKey": SECRET_KEY, "envVar": PASSWORD}],
                }
            ],
            **({"activeDeadlineSeconds": own + SPARE_SECS} if own else {}),
        }

    executors = {f"exec-{dns_name(node.id)}": pod(node) for node in compiled.nodes}
    return {"platforms": {"kubernetes": {"deploymentSpec": {"executors": executors}}}}
