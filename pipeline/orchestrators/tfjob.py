"""Kubernetes: a ``TFJob`` of Kubeflow's training operator, whose pods are the processes of ``[training.cluster]``.

The form is ``kubeflow.org/v1`` of
https://www.kubeflow.org/docs/components/trainer/legacy-v1/user-guides/tensorflow/. One job is one run of the whole
pipeline: the chief's pod runs the nodes, one after the other, and its Trainer trains together with the other pods,
which wait for it; see :mod:`pipeline.orchestrators.replica`. The job's name is the run's,
so each job needs one of its own, and ``generateName`` gives it (``kubectl create``, not ``apply``).
"""

from typing import Any

from pipeline.config.model import Cluster, Settings
from pipeline.errors import SettingsError
from pipeline.orchestrators.checking import check, too_odd
from pipeline.orchestrators.compiled import Compiled
from pipeline.orchestrators.manifest import (
    CLAIM,
    LABEL,
    PASSWORD,
    SECRET,
    SECRET_KEY,
    SPARE_MB,
    digest,
    dns_name,
    pipeline_arguments,
    settings_of,
    write,
)
from pipeline.orchestrators.pods import JOB
from pipeline.orchestrators.targets import Options

COMMAND = ("python", "-m", "pipeline.orchestrators.replica")
JOB_NAME = "metadata.labels['training.kubeflow.org/job-name']"
"""Where a pod finds the name of its job: the operator puts the label there."""


def refuse(compiled: Compiled, options: Options) -> Cluster:
    """Refuse what makes no job; return the cluster that is to be one.

    Raises:
        SettingsError: If there is something.
    """
    cluster = settings_of(compiled).training.cluster
    mistakes = []
    if cluster is None:
        mistakes.append(
            SettingsError(
                "There is no training cluster to make a TFJob of",
                expected="the table [training.cluster] with workers and ps",
                where=f"training.cluster of {compiled.problem}",
                hint="--set training.cluster.workers=2; docs/distributed.md says what it means",
            )
        )
    else:
        mistakes += too_odd(compiled, "a TFJob", longest=_longest(cluster), digit=False)
    check(compiled, options, "tfjob", mistakes)
    return cluster or Cluster()


def _longest(cluster: Cluster) -> int:
    """Return how long a problem's name may be: a pod's, and its service's, is ``NAME-x7k2p-worker-12``."""
    ends = [f"-{kind.lower()}-{count - 1}" for kind, count in replicas(cluster).items() if count]
    return LABEL - len("-x7k2p") - max(map(len, ends))


def render(compiled: Compiled, options: Options) -> str:
    """Return the YAML that ``kubectl create -f`` takes.

    Raises:
        SettingsError: If there is no cluster in the settings, or pods on several machines could not work together.
    """
    cluster = refuse(compiled, options)
    settings = settings_of(compiled)
    job = {
        "apiVersion": "kubeflow.org/v1",
        "kind": "TFJob",
        "metadata": {
            "generateName": f"{dns_name(compiled.problem)}-",
            "labels": {"app.kubernetes.io/name": "estimator-pipeline"},
        },
        "spec": {
            # When the chief is done so is the job; parameter servers never end by themselves. No backoffLimit:
            # it counts no pod that is started anew, and 0 would fail the job at the first. Pods count themselves.
            "runPolicy": {"cleanPodPolicy": "Running"},
            "tfReplicaSpecs": {
                kind: {
                    "replicas": count,
                    # Who is killed (above 127) is started again; what is to blame on code, data or settings is not.
                    "restartPolicy": "ExitCode",
                    "template": _pod(kind, compiled, options, settings),
                }
                for kind, count in replicas(cluster).items()
                if count
            },
        },
    }
    servers = "1 parameter server" if cluster.ps == 1 else f"{cluster.ps} parameter servers"
    comment = [
        f"One run of {compiled.problem}, trained by {cluster.workers} workers and {servers},",
        "made by `runner.py compile`. Start it with kubectl create -f THIS: docs/kubeflow.md says what must be there.",
        f"Image: {options.image}, which holds the compiled pipeline {digest(compiled)}.",
    ]
    return write([job], comment)


def replicas(cluster: Cluster) -> dict[str, int]:
    """Return how many pods there are of each kind; the chief is one of the workers of the settings."""
    return {"Chief": 1, "Worker": cluster.workers - 1, "PS": cluster.ps, "Evaluator": 1}


def _pod(kind: str, compiled: Compiled, options: Options, settings: Settings) -> dict[str, Any]:
    own = settings.run.memory_limit("Trainer")
    password = {"secretKeyRef": {"name": options.secret or SECRET, "key": SECRET_KEY}}
    container = {
        "name": "tensorflow",  # by this name the operator finds it
        "image": options.image,
        "command": list(COMMAND),
        "args": ["--run", f"$({JOB})", *pipeline_arguments(compiled, options)],
        "env": [
            {"name": JOB, "valueFrom": {"fieldRef": {"fieldPath": JOB_NAME}}},
            # Only the chief opens the metadata store.
            *([{"name": PASSWORD, "valueFrom": password}] if kind == "Chief" else []),
        ],
        "volumeMounts": [{"name": "workspace", "mountPath": compiled.workspace}],
        **({"resources": {"limits": {"memory": f"{own + SPARE_MB}M"}}} if own else {}),
    }
    return {
        # A service mesh would stand between the processes' connections, and keep the pods from ever ending.
        "metadata": {"annotations": {"sidecar.istio.io/inject": "false"}},
        "spec": {
            # A process in TensorFlow's hands heeds no SIGTERM; only the chief has something to end in order.
            **({} if kind == "Chief" else {"terminationGracePeriodSeconds": 5}),
            "containers": [container],
            "volumes": [{"name": "workspace", "persistentVolumeClaim": {"claimName": options.claim or CLAIM}}],
        },
    }
