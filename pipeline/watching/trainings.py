"""The trainings of a workspace and the trials of its searches: which folder has whose summaries; nothing is written."""

import difflib
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from pipeline.errors import PipelineError, SettingsError
from pipeline.lineage.archive import open_archive, read_json
from pipeline.metadata.client import mlmd_errors

_NODE = "Trainer"
_EVENTS = "events.out.tfevents.*"
_TRIALS = "Tuner/.studies/*/trials/*/model"


@dataclass
class Trainings:
    """The trainings of a workspace, asked for again and again.

    Attributes:
        root: The workspace.
        problem: Whose trainings; None for all problems'.
        with_trials: Whether the trials of searches are among them.
    """

    root: Path
    problem: str | None = None
    with_trials: bool = False
    _runs: dict[int, str] = field(default_factory=dict)
    _searches: dict[Path, int] = field(default_factory=dict)

    def find(self) -> dict[str, Path]:
        """Return the folders with summaries, by the name of the run that wrote them.

        One that has ended is among the artifacts, one that has not, or was killed, among the checkpoints. A trial is
        ``<run> trial <number>``, of the run that began it; were it below the run's own name, its link would come to lie
        in that training's folder.
        """
        ended = {int(one.name): one for one in self._folders("model_run/*") if one.name.isdigit()}
        found = {number: folder for number, folder in ended.items() if _has_events(folder)}
        for folder in self._folders(".checkpoints/*"):
            told = read_json(folder / "attempt.json") or {}
            number = Path(str(told.get("model_run", ""))).name
            if number.isdigit() and int(number) not in found and _has_events(folder):
                found[int(number)] = folder
        trials = self._trials() if self.with_trials else {}
        self._name({*found, *trials.values()} - {0})
        named = {self._runs.get(number, f"{_problem(folder)}-{number}"): folder for number, folder in found.items()}
        return named | {self._trial(folder, search): folder for folder, search in trials.items()}

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

    def _trials(self) -> dict[Path, int]:
        """Return the folders of trials with summaries, and the execution that began each; 0 where it was not told."""
        for folder in sorted((self.root / "artifacts").glob(f"{self.problem or '*'}/{_TRIALS}")):
            if folder not in self._searches and _has_events(folder):
                told = str((read_json(folder.parent / "request.json") or {}).get("execution", ""))
                self._searches[folder] = int(told) if told.isdigit() else 0
        return {folder: search for folder, search in self._searches.items() if folder.is_dir()}

    def _trial(self, folder: Path, search: int) -> str:
        problem, study, number = folder.parents[5].name, folder.parents[2].name, folder.parent.name
        return f"{self._runs.get(search) or f'{problem}-study-{study[:6]}'} trial {number.lstrip('0') or '0'}"

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


def is_trial(folder: Path) -> bool:
    """Whether a folder that was found is a trial's."""
    return folder.match(_TRIALS)


def _has_events(folder: Path) -> bool:
    return next(folder.glob(_EVENTS), None) is not None


def _problem(folder: Path) -> str:
    return folder.parents[2].name
