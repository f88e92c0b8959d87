"""What a chain can be compiled to: for each target the module whose ``render`` makes the file's text."""

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.errors import SettingsError
from pipeline.orchestrators.compiled import Compiled

TARGETS = ("ir", "airflow", "kubeflow", "vertex", "tfjob")
"""``ir`` is the compiled pipeline itself; the others are modules of this package."""

NEXT = {
    "airflow": 'airflow pools set estimator_pipeline_heavy 1 "heavy nodes", or they never start; see docs/airflow.md',
    "kubeflow": "build and push the image, which is to hold both files: docker build -t IMAGE .; see docs/kubeflow.md",
    "vertex": "build and push the image, which is to hold both files: docker build -t IMAGE .; see docs/kubeflow.md",
    "tfjob": "build and push the image, which is to hold both files: docker build -t IMAGE .; see docs/kubeflow.md",
}
"""What is to be done with a target's file."""

# What each target knows of the options; --schedule is refused by those of Kubernetes with what to do instead.
_OF_PODS = frozenset({"schedule", "image", "claim", "secret"})
_KNOWN = {
    **{"ir": frozenset[str](), "airflow": frozenset({"schedule", "span_zero"})},
    **{"kubeflow": _OF_PODS, "vertex": _OF_PODS, "tfjob": _OF_PODS},
}

BESIDE = ".pipeline.json"
"""The ending of the compiled pipeline that is written beside every other target's file, for its nodes to read."""


@dataclass(frozen=True)
class Options:
    """What a target is told besides the compiled pipeline.

    Attributes:
        out: The file that is written, absolute.
        pipeline: The compiled pipeline's file, written beside it, absolute.
        schedule: When runs start: a cron expression or ``@daily`` and so on; None for when somebody starts one.
        image: The image that nodes run in; None if none was given.
        span_zero: The day, as ``2026-11-22``, whose data is span 0, where the data path has ``{SPAN}``.
        claim: The PersistentVolumeClaim that pods have the workspace from; None for the usual name.
        secret: Where pods have the metadata store's password from; None for the usual name.
    """

    out: Path
    pipeline: Path
    schedule: str | None = None
    image: str | None = None
    span_zero: str | None = None
    claim: str | None = None
    secret: str | None = None


Render = Callable[[Compiled, Options], str]


def beside(out: Path) -> Path:
    """Return where the compiled pipeline is written that belongs to a target's file."""
    return out.with_name(out.name.removesuffix(out.suffix) + BESIDE)


def renderer(target: str) -> Render:
    """Return a target's ``render``.

    Raises:
        SettingsError: If there is none yet.
    """
    render: Render = _module(target).render
    return render


def refuse(target: str, drafted: Compiled, options: Options) -> None:
    """Refuse what a target could not do, before anything is loaded.

    Raises:
        SettingsError: That it does not know an option, or what its own ``refuse`` says of a pipeline that is drafted.
    """
    given = [one for one in ("schedule", "span_zero", "image", "claim", "secret") if getattr(options, one) is not None]
    unknown = ", ".join(f"--{one.replace('_', '-')}" for one in given if one not in _KNOWN[target])
    if unknown:
        raise SettingsError(
            f"The target {target} does not know {unknown}",
            where=unknown,
            hint="leave it out" + ("; `node` runs when somebody starts it" if target == "ir" else ""),
        )
    if target != "ir":
        _module(target).refuse(drafted, options)


def notes(target: str, compiled: Compiled, options: Options) -> list[str]:
    """Return what a target has to say of a file that it has written."""
    found: list[str] = getattr(_module(target), "notes", lambda compiled, options: [])(compiled, options)
    return found


def _module(target: str) -> Any:
    name = f"pipeline.orchestrators.{target}"
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name != name:
            raise
        raise SettingsError(
            f"Nothing is compiled to {target} yet", expected="ir", where="--target", hint="use --target ir"
        ) from None
