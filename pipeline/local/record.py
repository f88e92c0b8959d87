"""The record of a run: its name, the copy of the problem's code that it imports, and what it is to do."""

import json
import shutil
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from components.user_code.fingerprint import component_files, library_versions
from components.whole import write_whole
from pipeline.config import Problem
from pipeline.errors import PipelineError, SettingsError, from_json
from pipeline.lineage.archive import read_json
from pipeline.local.partial import WHOLE, Part, read_part
from pipeline.local.workspace import Workspace

_NOT_COPIED = shutil.ignore_patterns("__pycache__", ".*", "*.pyc")
_LARGEST = 64 << 20


@dataclass(frozen=True)
class Job:
    """Everything that the processes of a run need to know.

    Attributes:
        run: The run's id, unique in its workspace; TFX's pipeline run id as well.
        problem: The problem, with its settings, as they were when the run started.
        workspace: The workspace.
        cache: Whether nodes may reuse what earlier runs made.
        part: Which part of the chain is run.
        given: The options that made the settings what they are (``--data``, ``--set``), to be given again.
        scheduled: What is known of the scheduler that starts its nodes one by one; empty for a run of this machine's.
        pushed_to: Where versions of the model are pushed to, if that is not the workspace's own place.
        kept_in: Where the nodes put what they make, if that is not the workspace's own place.
    """

    run: str
    problem: Problem
    workspace: Workspace
    cache: bool
    part: Part = WHOLE
    given: tuple[str, ...] = ()
    scheduled: Mapping[str, Any] = field(default_factory=dict)
    pushed_to: str | None = None
    kept_in: str | None = None

    @property
    def artifacts(self) -> Path:
        """Where the nodes put what they make: TFX's pipeline root."""
        return Path(self.kept_in) if self.kept_in else self.workspace.artifacts(self.problem.name)

    @property
    def serving(self) -> Path:
        """Where versions of the model are pushed to."""
        return Path(self.pushed_to) if self.pushed_to else self.workspace.serving(self.problem.name)

    @property
    def folder(self) -> Path:
        """The run's record."""
        return self.workspace.run(self.run)

    @property
    def copies(self) -> Path:
        """The folder that holds the copy of the problem's folder."""
        return self.folder / "code"

    @property
    def code(self) -> Path:
        """The copy of the problem's folder."""
        return self.copies / self.problem.name

    @property
    def chain(self) -> Path:
        """The compiled chain, TFX's pipeline IR as a serialised protobuf."""
        return self.folder / "pipeline.pb"

    @property
    def compiled_by(self) -> Path:
        """By what it was compiled; see :func:`compiled_by`."""
        return self.folder / "compiled_by.json"

    def log(self, node: str) -> Path:
        """The log of a node."""
        return self.workspace.logs(self.run) / f"{node}.log"

    def events(self, node: str) -> Path:
        """What a node reported while it ran; see components.progress."""
        return self.folder / "events" / f"{node}.jsonl"

    def result(self, node: str) -> Path:
        """How a node ended."""
        return self.folder / "nodes" / f"{node}.json"


def create_job(
    workspace: Workspace, problem: Problem, *, cache: bool, part: Part = WHOLE, given: Sequence[str] = ()
) -> Job:
    """Name a run, copy the problem's code, and write down what is to be done.

    The copy is what the run imports, and stays as the record of its code.
    """
    return record_job(Job(_new_run(workspace, problem.name), problem, workspace, cache, part, tuple(given)))


def record_job(job: Job) -> Job:
    """Copy the problem's code, and write down what is to be done: ``job.json`` is the last of it."""
    problem = job.problem
    _check_size(problem.folder)
    shutil.rmtree(job.copies, ignore_errors=True)  # of somebody who was killed as he copied
    shutil.copytree(problem.folder, job.code, ignore=_NOT_COPIED)
    for folder in (job.log("x").parent, job.events("x").parent, job.result("x").parent):
        folder.mkdir(parents=True, exist_ok=True)
    write_json(
        job.folder / "job.json",
        {
            "run": job.run,
            "problem": problem.model_dump(mode="json", by_alias=True),
            "workspace": str(job.workspace.root),
            "cache": job.cache,
            "part": job.part.as_json(),
            "given": list(job.given),
            "started": time.time(),
            **compiled_by(),
            **({"scheduled": dict(job.scheduled)} if job.scheduled else {}),
            **({"serving": job.pushed_to} if job.pushed_to else {}),
            **({"artifacts": job.kept_in} if job.kept_in else {}),
        },
    )
    return job


def read_job(file: Path) -> Job:
    """Read what :func:`create_job` wrote."""
    value = json.loads(file.read_text(encoding="utf-8"))
    problem = Problem.model_validate(value["problem"])
    workspace = Workspace(Path(value["workspace"]))
    return Job(
        value["run"],
        problem,
        workspace,
        value["cache"],
        read_part(value.get("part", {})),
        tuple(value.get("given", ())),
        value.get("scheduled", {}),
        value.get("serving"),
        value.get("artifacts"),
    )


def artifacts_of(workspace: Workspace, run: str, problem: str) -> Path:
    """Return where the nodes of a run put, or had put, what they make; the workspace's own place if nothing tells."""
    told = read_json(workspace.run(run) / "job.json") or {}
    return Path(told["artifacts"]) if told.get("artifacts") else workspace.artifacts(problem)


def _new_run(workspace: Workspace, problem: str) -> str:
    while True:
        run = f"{problem}-{time.strftime('%Y%m%d-%H%M%S')}"
        try:
            workspace.run(run).mkdir(parents=True)
        except FileExistsError:
            time.sleep(0.2)
        else:
            return run


def _check_size(folder: Path) -> None:
    size = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
    if size > _LARGEST:
        raise SettingsError(
            "The problem's folder is too large to be copied for a run",
            got=f"{size >> 20} MB",
            expected=f"at most {_LARGEST >> 20} MB of code and vocabularies",
            where=str(folder),
            hint="keep data elsewhere and name it with data.path",
        )


def compiled_by() -> dict[str, Any]:
    """Return what decides, beside a run's own code and settings, what its chain is compiled to."""
    return {"libraries": library_versions(), "components": component_files()}


def write_json(file: Path, value: Any) -> None:
    """Write a JSON file whole or not at all."""
    write_whole(file, json.dumps(value, indent=1))


@dataclass(frozen=True)
class NodeResult:
    """How a node ended.

    Attributes:
        node: Its id.
        state: ``ran``, ``reused``, ``failed``, ``skipped`` (something before it failed) or ``cancelled``.
        seconds: From its start to its end, the process included; of the last attempt.
        why: Why it ran or was reused, in a few words.
        error: What went wrong, if it failed.
        outputs: For each output's name its artifacts: ``uri``, ``id`` and ``properties``.
        execution: Its execution's id in ML Metadata.
        failures: Why the attempts before the last one failed.
        peak_mb: The most memory that its process held, in MB; None if that is not known.
    """

    node: str
    state: str
    seconds: float = 0.0
    why: str = ""
    error: PipelineError | None = None
    outputs: dict[str, list[dict[str, Any]]] | None = None
    execution: int | None = None
    failures: tuple[PipelineError, ...] = ()
    peak_mb: int | None = None

    def as_json(self) -> dict[str, Any]:
        """Return the result as it is written and printed."""
        return {
            "node": self.node,
            "state": self.state,
            "seconds": round(self.seconds, 3),
            "why": self.why,
            "error": self.error.as_json() if self.error else None,
            "outputs": self.outputs or {},
            "execution": self.execution,
            "failures": [one.as_json() for one in self.failures],
            "peak_mb": self.peak_mb,
        }


def read_result(file: Path, seconds: float) -> NodeResult:
    """Read what a node wrote with :meth:`NodeResult.as_json`; the seconds are those that the scheduler measured."""
    value = json.loads(file.read_text(encoding="utf-8"))
    error = from_json(value["error"]) if value["error"] else None
    return NodeResult(value["node"], value["state"], seconds, value["why"], error, value["outputs"], value["execution"])


def read_done(job: Job, nodes: Iterable[str]) -> dict[str, NodeResult]:
    """Return the results that nodes have before any is started: those of an earlier attempt, or of another run."""
    files = {node: job.result(node) for node in nodes}
    return {
        node: read_result(file, json.loads(file.read_text(encoding="utf-8"))["seconds"])
        for node, file in files.items()
        if file.exists()
    }
