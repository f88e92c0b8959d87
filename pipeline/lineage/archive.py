"""A workspace, read: ML Metadata, and beside it the records that local runs leave.

Runs on an orchestrator have ML Metadata only; what a record adds (the code itself, the reason why a node ran, errors,
logs) is then missing, and everything else is still there. The records are those of :mod:`pipeline.local.record`.
"""

import difflib
import json
import re
import shlex
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from pipeline.errors import SettingsError
from pipeline.lineage.liveness import NODES
from pipeline.lineage.store import Store, open_store

RESUMES = "resumes.json"
"""In a run's folder: when it was resumed."""
_DATED = re.compile(r"-\d{8}-\d{6}$")
_NAMED = re.compile(r"(?:(\w[\w-]*)-\d{8}-\d{6}$|(\w[\w-]*)\..)")  # by `run`; and as a scheduler is told to name one
LAST = re.compile(r"last(?:-(\d+))?")
"""What names a run by its place among all: how far back it is."""


@dataclass(frozen=True)
class Record:
    """What a local run wrote down of itself.

    Attributes:
        run: The run.
        folder: Its folder.
        job: What it was to do; empty if the file is not there or torn.
        outcome: How it ended; None if it did not come to that.
    """

    run: str
    folder: Path
    job: dict[str, Any] = field(default_factory=dict)
    outcome: dict[str, Any] | None = None

    @property
    def problem(self) -> str:
        """Its problem: as the record says, or else the copy of its code, or else its name; empty if nothing tells."""
        known = self.job.get("problem")
        if isinstance(known, dict) and known.get("name"):
            return str(known["name"])
        copies = self.folder / "code"
        code = [one.name for one in copies.iterdir() if one.is_dir()] if copies.is_dir() else []
        if len(code) == 1:
            return code[0]
        named = _NAMED.match(self.run)
        return str(named[1] or named[2]) if named else ""

    @property
    def code(self) -> Path:
        """The copy of the problem's folder that it imported."""
        return self.folder / "code" / str(self.job.get("problem", {}).get("name", ""))

    @property
    def resumed(self) -> int:
        """How often the run was resumed."""
        return len(resumes_of(self.folder))

    @property
    def scheduled(self) -> bool:
        """Whether a scheduler elsewhere starts its nodes, one by one."""
        return bool(self.job.get("scheduled"))

    @property
    def began(self) -> tuple[float, float]:
        """When the run began, or was last resumed, and the seconds that it took before that."""
        last = (resumes_of(self.folder) or [{}])[-1]
        return last.get("at", self.job.get("started", 0.0)), last.get("seconds", 0.0)

    @property
    def part(self) -> str:
        """Which part of the chain was run, as the command line has it; empty for all of it."""
        part = self.job.get("part") or {}
        options = {"--from": "first", "--to": "last", "--only": "only"}
        return " ".join(f"{option} {part[name]}" for option, name in options.items() if part.get(name))

    @property
    def executions(self) -> list[int]:
        """The last execution of each node, as far as the outcome says; empty if it does not."""
        return [one["execution"] for one in (self.outcome or {}).get("nodes", ()) if one.get("execution")]

    def node(self, node: str) -> dict[str, Any]:
        """Return how a node ended; empty if that was not recorded."""
        for one in (self.outcome or {}).get("nodes", ()):
            if one["node"] == node:
                return dict(one)
        return read_json(self.folder / "nodes" / f"{node}.json") or {}


@dataclass(frozen=True)
class Archive:
    """A workspace to read.

    Attributes:
        root: Its folder.
        store: Its metadata.
    """

    root: Path
    store: Store
    _records: dict[str, Record] = field(default_factory=dict)

    @cached_property
    def runs(self) -> list[str]:
        """All runs, oldest first: those in ML Metadata, and those that ended before they got there."""
        known = self.store.runs()
        folder = self.root / "runs"
        recorded = {one.name for one in folder.iterdir() if one.is_dir()} if folder.is_dir() else set()
        extra = {one for one in recorded - set(known) if not _never_began(folder / one)}
        names = [*known, *sorted(extra)]
        if extra and all(_DATED.search(one) for one in names):
            names.sort(key=lambda one: one[-15:])
        return names

    def record(self, run: str) -> Record:
        """Return the record of a run; an empty one if it left none."""
        if run not in self._records:
            self._records[run] = read_record(self.root / "runs" / run)
        return self._records[run]

    def find(self, given: str) -> str:
        """Return the run that is meant: a name, the beginning of one, ``last``, or ``last-1`` and so on.

        A whole name means the run of that name alone, be it the beginning of others.

        Raises:
            SettingsError: If no run or more than one is meant.
        """
        runs = self.runs
        if given in runs:
            return given
        places = LAST.fullmatch(given)
        if places:
            back = int(places.group(1) or 0)
            if back < len(runs):
                return runs[-1 - back]
            raise SettingsError(
                f"There is no run {given}",
                got=f"{len(runs)} run{'s' * (len(runs) != 1)} in this workspace",
                where=str(self.root),
                hint=f"the oldest is {runs[0]}" + (f", last-{len(runs) - 1}" if len(runs) > 1 else ""),
            )
        begun = [one for one in runs if one.startswith(given)]
        if len(begun) == 1:
            return begun[0]
        if begun:
            raise SettingsError(
                f"{given!r} is the beginning of {len(begun)} runs",
                got=", ".join(begun[-5:]) + (", …" if len(begun) > 5 else ""),
                hint="give more of the name, or last, last-1, …",
            )
        close = difflib.get_close_matches(given, runs, n=1)
        raise SettingsError(
            f"There is no run {given!r}",
            where=str(self.root),
            expected="the name of a run or the beginning of one, or last, last-1, …",
            hint=f"did you mean {close[0]}?" if close else "`python runner.py runs` lists them",
        )


def open_archive(root: Path) -> Archive:
    """Open a workspace to read it.

    Raises:
        SettingsError: If there is no workspace, or no run in it.
        InfrastructureError: If its metadata cannot be read.
    """
    root = root.expanduser().resolve()
    if not (root / "metadata.db").is_file() and not (root / "runs").is_dir():
        is_there = root.is_dir()
        raise SettingsError(
            "There is no workspace here",
            got="a folder without metadata.db and runs" if is_there else "no such folder",
            where=str(root),
            hint="name a workspace with --workspace; `python runner.py run` makes one",
        )
    archive = Archive(root, open_store(root / "metadata.db"))
    if not archive.runs:
        raise SettingsError(
            "The workspace is empty: nothing has run in it yet",
            where=str(root),
            hint=shlex.join(["python", "runner.py", "run", "PROBLEM", "--workspace", str(root)])
            + "; `python runner.py problems` names those that ship",
        )
    return archive


def _never_began(folder: Path) -> bool:
    """Whether a scheduler's node held its lock there and was killed, or refused, before it had begun the run."""
    return (folder / NODES).is_dir() and not (folder / "job.json").exists()


def read_record(folder: Path) -> Record:
    """Read the record of a run; an empty one if it left none."""
    job, outcome = read_json(folder / "job.json"), read_json(folder / "outcome.json")
    return Record(folder.name, folder, job or {}, outcome)


def resumes_of(folder: Path) -> list[dict[str, Any]]:
    """Return when a run was resumed, and what the attempts before then took."""
    try:
        value = json.loads((folder / RESUMES).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return []
    return value if isinstance(value, list) else []


def read_json(file: Path) -> dict[str, Any] | None:
    """Return the object in a JSON file; None if there is none."""
    try:
        value = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return value if isinstance(value, dict) else None
