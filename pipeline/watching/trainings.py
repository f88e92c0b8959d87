"""The trainings of a workspace: which folder has the summaries of which run. Nothing is written."""

import difflib
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from pipeline.errors import PipelineError, SettingsError
from pipeline.lineage.archive import open_archive, read_json
from pipeline.metadata.client import mlmd_errors

_NODE = "Trainer"
_EVENTS = "events.out.tfevents.*"


@dataclass
class Trainings:
    """The trainings of a workspace, asked for again and again.

    Attributes:
        root: The workspace.
        problem: Whose trainings; None for all problems'.
    """

    root: Path
    problem: str | None = None
    _runs: dict[int, str] = field(default_factory=dict)

    def find(self) -> dict[str, Path]:
        """Return the folders with summaries, by the name of the run that wrote them.

        One that has ended is among the artifacts, one that has not, or was killed, among the checkpoints.
        """
        ended = {int(one.name): one for one in self._folders("model_run/*") if one.name.isdigit()}
        found = {number: folder for number, folder in ended.items() if _has_events(folder)}
        for folder in self._folders(".checkpoints/*"):
            told = read_json(folder / "attempt.json") or {}
            number = Path(str(told.get("model_run", ""))).name
            if number.isdigit() and int(number) not in found and _has_events(folder):
                found[int(number)] = folder
        self._name(found)
        return {self._runs.get(number, f"{_problem(folder)}-{number}"): folder for number, folder in found.items()}

    def check(self) -> None:
        """Say so if there is no workspace, or the problem is not one of it.

        Raises:
            SettingsError: Then, with what there is instead.
        """
        open_archive(self.root)
        there = sorted(one.name for one in (self.root / "artifacts").glob("*") if one.is_dir())
        if self.problem is None or self.problem in there:
            return
        close = difflib.get_close_matches(self.problem, there, n=1)
        raise SettingsError(
            f"Nothing of a problem {self.problem!r} has run in this workspace",
            expected="one of: " + ", ".join(there) if there else "a problem that has run",
            where=str(self.root),
            hint=f"did you mean {close[0]}?" if close else "leave it out to see all",
        )

    def _folders(self, pattern: str) -> list[Path]:
        found = (self.root / "artifacts").glob(f"{self.problem or '*'}/{_NODE}/{pattern}")
        return sorted(one for one in found if one.is_dir())

    def _name(self, executions: Iterable[int]) -> None:
        """Learn the runs of executions; the metadata is opened only where one is not known yet."""
        unknown = set(executions) - self._runs.keys()
        if not unknown:
            return
        try:
            store = open_archive(self.root).store
            self._runs.update(store.runs_of(one.id for one in store.executions(unknown)))
        except (PipelineError, mlmd_errors.StatusError):  # a database that is busy now is asked again the next time
            return


def _has_events(folder: Path) -> bool:
    return next(folder.glob(_EVENTS), None) is not None


def _problem(folder: Path) -> str:
    return folder.parents[2].name
