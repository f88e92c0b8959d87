"""Goes on with a run that was killed, failed or was cancelled: with its own code, settings and data path, as that run.

Nothing is decided by what an earlier attempt wrote of itself: what ended well is what ML Metadata says so of. Of the
files of that attempt results are kept (why a node ran), its outcome is put aside, and logs are written on.
"""

import json
import shlex
import time
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from components.example_gen.sources import Source, hash_sources, sources_from_json
from pipeline.config import Problem
from pipeline.errors import DataError, InfrastructureError, SettingsError
from pipeline.lineage.archive import RESUMES, read_json, read_record, resumes_of
from pipeline.lineage.liveness import LOCK, NODES, is_alive, is_held
from pipeline.local.liveness import holder_of
from pipeline.local.record import Job, read_job, write_json
from pipeline.local.workspace import Workspace

_OUTCOME = "outcome.json"


def open_run(workspace: Workspace, run: str) -> Job:
    """Return a run as it was recorded.

    Raises:
        InfrastructureError: If the record is damaged.
    """
    file = workspace.run(run) / "job.json"
    try:
        job = read_job(file)
    except (OSError, ValueError, KeyError, TypeError, ValidationError) as error:
        got = "it is not there" if isinstance(error, FileNotFoundError) else str(error).splitlines()[0]
        raise _damaged(workspace, run, file, got) from None
    if job.run != run or job.workspace != workspace:
        raise _damaged(workspace, run, file, f"what it says is of the run {job.run} in {job.workspace.root}")
    if not job.code.is_dir():
        raise _damaged(workspace, run, job.code, "no copy of the problem's code")
    return job


def refuse_if_alive(folder: Path) -> None:
    """Refuse a run that is under way.

    Raises:
        SettingsError: If it is; names the process.
    """
    if is_alive(folder):
        raise SettingsError(
            f"The run {folder.name} is under way",
            got=holder_of(folder / LOCK) or _nodes_of(folder) or "a process that holds it",
            where=str(folder),
            hint="wait until it has ended, or end it with Ctrl-C; then resume it",
        )


def _nodes_of(folder: Path) -> str:
    living = sorted(one.name for one in (folder / NODES).glob("*") if is_held(one))
    return f"nodes that a scheduler started: {', '.join(living)}" if living else ""


def _damaged(workspace: Workspace, run: str, where: Path, got: str) -> InfrastructureError:
    problem = read_record(workspace.run(run)).problem
    return InfrastructureError(
        f"The record of the run {run} is damaged, so that it cannot be resumed",
        got=got,
        expected="what a run writes down as it begins; this one was killed before that, or somebody changed it",
        where=str(where),
        hint=f"begin another run, which reuses what is done: python runner.py run {problem}"
        if problem
        else "begin another run of its problem, which reuses what is done; `python runner.py runs` lists the runs",
    )


def put_aside(job: Job) -> int:
    """Put the outcome of the attempt before aside, and note that the run is resumed; the caller holds the run.

    Returns:
        How often the run was resumed, this time included.
    """
    resumes = resumes_of(job.folder)
    outcome = read_json(job.folder / _OUTCOME)
    resumes.append(
        {
            "at": time.time(),
            "seconds": round(outcome["seconds"] if outcome else _lived(job, resumes), 3),
            "error": (outcome.get("error") or {}).get("headline") if outcome else None,
        }
    )
    write_json(job.folder / RESUMES, resumes)
    number = len(resumes)
    for file in [job.folder / _OUTCOME, *job.events("x").parent.glob("*.jsonl")]:
        if file.exists() and len(file.suffixes) == 1:
            file.rename(file.with_name(f"{file.stem}.{number}{file.suffix}"))
    return number


def _lived(job: Job, resumes: list[dict[str, Any]]) -> float:
    """Return how long all attempts took so far, where the last was killed: until its last sign of life."""
    began = resumes[-1]["at"] if resumes else _started(job)
    spent = resumes[-1]["seconds"] if resumes else 0.0
    places = (job.log("x").parent, job.events("x").parent, job.result("x").parent)
    signs = [file.stat().st_mtime for place in places if place.is_dir() for file in place.iterdir()]
    return float(spent + max(0.0, max(signs, default=began) - began))


def as_recorded(job: Job) -> Problem:
    """Return the problem with the folder whose schema is the recorded one: its own, or the copy where it has changed.

    Its own wherever that will do: its path is part of what a result is known by.
    """
    name = job.problem.settings.schema_.file
    if name is None or _content(job.problem.folder / name) == _content(job.code / name):
        return job.problem
    return job.problem.model_copy(update={"folder": job.code})


def changed_since(job: Job) -> str | None:
    """Say in a sentence how the problem's folder differs from what the run began with; None if it does not."""
    folder = job.problem.folder
    anew = f"`{_as_it_is(job)}` would take the folder as it is now"
    if not folder.is_dir():
        return f"{folder} is gone since; the run goes on with its own copy of it"
    old, new = _files(job.code), _files(folder)
    changed = sorted(name for name in {*old, *new} if _content(job.code / name) != _content(folder / name))
    if not changed:
        return None
    names = ", ".join(changed[:4]) + (f" and {len(changed) - 4} more" if len(changed) > 4 else "")
    return f"{names} in {folder} changed since; the run goes on with its own copy, {anew}"


def data_changed_since(job: Job) -> str | None:
    """Say in a sentence how data files differ from what the run has read; None if they do not, or none was read yet.

    Of a file of the same size that was touched since the run began the content decides.
    """
    if job.part.only:  # takes results as they are, whatever has changed
        return None
    changed = [one.path for one in _sources(job) if _differs(one, _started(job))]
    if not changed:
        return None
    names = ", ".join(changed[:4]) + (f" and {len(changed) - 4} more" if len(changed) > 4 else "")
    return (
        f"{names} {'is' if len(changed) == 1 else 'are'} not what the run read; it goes on with the rows that it read, "
        f"`{_as_it_is(job)}` would read the data as it is now"
    )


def _sources(job: Job) -> list[Source]:
    """Return the data files that the run has read, or whose rows it reused; empty if it did not come to that."""
    found = read_json(job.result("ExampleGen")) or {}
    examples = (found.get("outputs") or {}).get("examples") or [{}]
    try:
        return sources_from_json(examples[0]["properties"]["sources"])
    except (KeyError, TypeError, ValueError):
        return []


def _differs(source: Source, since: float) -> bool:
    try:
        now = Path(source.path).stat()
        if now.st_size != source.bytes:
            return True
        return max(now.st_mtime, now.st_ctime) >= since and hash_sources([source])[0].hash != source.hash
    except (OSError, DataError):
        return True


def _started(job: Job) -> float:
    return float(json.loads((job.folder / "job.json").read_text(encoding="utf-8"))["started"])


def _as_it_is(job: Job) -> str:
    """Return the command that runs what this run does on what the folder and the data are now."""
    return shlex.join(["python", "runner.py", "run", *again(job), *str(job.part).split()])


def address(job: Job) -> str:
    """Return what `run` is told to run the problem: its name if it ships, else its folder."""
    shipped = Path(__file__).resolve().parents[1] / "problems"
    return job.problem.name if job.problem.folder.parent == shipped else str(job.problem.folder)


def again(job: Job) -> list[str]:
    """Return what `run` is told to run the problem as it is now, where and with the options that this run was begun."""
    return [address(job), *job.given, "--workspace", str(job.workspace.root)]


def _files(folder: Path) -> set[str]:
    names = [file.relative_to(folder) for file in folder.rglob("*") if file.is_file() and file.suffix != ".pyc"]
    return {
        name.as_posix()
        for name in names
        if not any(part.startswith(".") or part == "__pycache__" for part in name.parts)
    }


def _content(file: Path) -> bytes | None:
    try:
        return file.read_bytes()
    except OSError:
        return None
