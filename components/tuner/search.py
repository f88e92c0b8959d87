"""The search: begins trials while there are processes for them, listens to them, and ends those that are no good."""

import contextlib
import math
import select
import shutil
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from components.progress import report
from components.trainer.tuned import with_values
from components.trainer.values import shown
from components.tuner.child import GO, MODEL, STOP, Child
from components.tuner.splitting import Rows
from components.tuner.study import MOST_KILLS, Study
from pipeline.config.model import Training
from pipeline.config.tuning import Tuning
from pipeline.errors import InfrastructureError, PipelineError, from_json

_FAILURES = 10  # without one trial that came to its end, after which the search gives up
_LOST = 3 * MOST_KILLS  # processes in a row: it is not their own values that kill so many
_REASON_LENGTH = 300
_GLANCE = 1.0  # seconds between two looks at how far trials are

Request = Callable[[Training], dict[str, Any]]


@dataclass
class _Running:
    """A trial that runs."""

    child: Child
    trial: Any
    values: dict[str, Any]
    began: float
    steps: int
    last: dict[str, Any] | None = None
    pruned: bool = False


class Search:
    """One search, from where its study stands to the number of trials that was asked for.

    Args:
        study: The study.
        tuning: The settings of the search.
        training: The settings of the training, with the default values.
        rows: What trials are trained on and judged by.
        folder: Where each trial gets a folder.
        request: Makes the request of a trial of its settings.
    """

    def __init__(
        self, study: Study, tuning: Tuning, training: Training, rows: Rows, *, folder: Path, request: Request
    ) -> None:
        self._study = study
        self._tuning = tuning
        self._training = training
        self._rows = rows
        self._folder = folder
        self._request = request
        self._running: list[_Running] = []
        self._failures = 0
        self._lost = 0
        self._default_lost = 0
        self._said = 0.0

    def run(self) -> None:
        """Run trials until there are as many as the settings say.

        Raises:
            PipelineError: If the default values meet a fault of the code, or the machine kills one trial after another.
        """
        self._tell_what_is_repeated(self._study.give_up_running())
        try:
            while self._failures < _FAILURES or self._study.best() is not None:
                while len(self._running) < self._tuning.parallel and self._study.begun() < self._tuning.trials:
                    self._begin()
                if not self._running:
                    return
                ready, _, _ = select.select([one.child for one in self._running], [], [], _GLANCE)
                for running in [one for one in self._running if one.child in ready]:
                    self._listen(running)
                self._tell_progress()
        finally:
            for running in self._running:
                running.child.kill()
            with contextlib.suppress(Exception):  # where not even that can be written, they are found the next time
                self._study.give_up_running(stopped=True)

    def _tell_what_is_repeated(self, killed: Collection[int]) -> None:
        repeated = self._study.to_repeat()
        if repeated:
            were = "was" if len(repeated) == 1 else "were"
            after = "goes on after a kill" if killed else "goes on where it was stopped"
            again = "is" if len(repeated) == 1 else "are"
            report(line=f"{after}: {_trials(repeated)} {were} running then and {again} repeated")
        failed = [one.number for one in self._study.trials() if one.number in killed and one.state == "failed"]
        if failed:
            were = "was" if len(failed) == 1 else "were"
            report(line=f"{_trials(failed)} {were} killed {MOST_KILLS} times, and not repeated any more")

    def _begin(self) -> None:
        trial, values = self._study.ask(self._tuning.parallel)
        settings, steps = trial_settings(self._training, values, self._tuning, self._rows.fit_rows)
        others = [one.child for one in self._running]
        child = Child(self._folder / f"{trial.number:05d}", self._request(settings), others)
        self._running.append(_Running(child, trial, values, time.monotonic(), steps))

    def _listen(self, running: _Running) -> None:
        for message in running.child.messages():
            if "evaluation" in message:
                step, metrics = message["evaluation"]["step"], message["evaluation"]["metrics"]
                worse = self._study.evaluated(running.trial, step, metrics[self._tuning.metric])
                running.pruned = worse and step < running.steps  # at its last step it is as good as done
                running.child.answer(STOP if running.pruned else GO)
            else:
                running.last = message
        if running.child.ended is not None:
            self._ended(running)

    def _ended(self, running: _Running) -> None:
        last = running.last or {}
        took = round(time.monotonic() - running.began, 3), running.steps
        trim(running.child.folder / MODEL)
        fault: PipelineError | None = None
        if "done" in last:
            value = float(last["done"]["metrics"][self._tuning.metric])
            said = f"{self._tuning.metric} {value:,.6g}"
            reason = "" if math.isfinite(value) else f"{self._tuning.metric} is {value:g}"
            self._study.evaluated(running.trial, last["done"]["step"], value)
            self._study.ended(running.trial, value, *took, reason=reason)
            self._lost = 0
            self._failures += bool(reason)
        elif running.pruned:
            self._study.ended(running.trial, None, *took, pruned=True)
            said = "pruned"
            self._lost = 0
        else:
            error = from_json(last["error"]) if "error" in last else _vanished(running)
            said, fault = self._failed(running, error, took, diverged=bool(last.get("diverged")))
        self._tell(running.trial.number, running.values, said)
        self._running.remove(running)
        if fault is not None:
            raise fault

    def _failed(
        self, running: _Running, error: PipelineError, took: tuple[float, int], *, diverged: bool
    ) -> tuple[str, PipelineError | None]:
        """Take up that a trial came to no value.

        It does not matter which trial ends first: what the default values meet is a fault of the code, what other
        values meet is theirs, and what the machine does to a trial is a reason to repeat it.

        Returns:
            How it ended in words, and the error that ends the search, if it is one.
        """
        number, default = running.trial.number, self._study.is_default(running.trial)
        if isinstance(error, InfrastructureError):
            self._lost += 1
            self._default_lost += default
            again = self._study.interrupted(number, error.headline)
            hopeless = self._lost >= _LOST or self._default_lost >= MOST_KILLS
            said = f"{error.headline}; it is repeated" if again else f"failed: {error.headline}, {MOST_KILLS} times"
            return said, error if hopeless else None
        self._lost = 0
        if default and not diverged:
            # Not that it has failed for good: the same code may find what it missed when the search is started again.
            self._study.interrupted(number, error.headline, stopped=True)
            return f"failed: {error.headline}", error
        detail = (error.got or "").partition("\n")[0]
        reason = error.headline + (f": {detail}" if detail else "")
        self._study.ended(running.trial, None, *took, reason=reason[:_REASON_LENGTH])
        self._failures += 1
        return f"failed: {error.headline}", None

    def _tell(self, number: int, values: Mapping[str, Any], said: str) -> None:
        best = self._study.best()
        mark = (
            "" if best is None else ("; the best so far" if best.number == number else f"; best is trial {best.number}")
        )
        report(line=f"trial {number}: {said}{mark}  ({shown(values)})")

    def _tell_progress(self) -> None:
        if time.monotonic() - self._said < _GLANCE or not self._running:
            return
        self._said = time.monotonic()
        done = self._study.begun() - len(self._running)
        parts = [f"{done} of {self._tuning.trials} trials"]
        best = self._study.best()
        if best is not None and best.value is not None:
            parts.append(f"best {self._tuning.metric} {best.value:,.6g}")
        for one in self._running:
            at = one.child.step()
            parts.append(f"trial {one.trial.number}" + (f" at step {at[0]:,} of {at[1]:,}" if at else ""))
        report(note=", ".join(parts))


def _vanished(running: _Running) -> InfrastructureError:
    return InfrastructureError(
        f"The process of trial {running.trial.number} {running.child.ended}",
        where=str(running.child.folder / "log.txt"),
        hint="the log above has its last words; tuning.parallel = 1 needs the least memory",
    )


def _trials(numbers: Collection[int]) -> str:
    """Return trials in words."""
    *rest, last = map(str, numbers)
    return f"trials {', '.join(rest)} and {last}" if rest else f"trial {last}"


def trial_settings(training: Training, values: Mapping[str, Any], tuning: Tuning, rows: int) -> tuple[Training, int]:
    """Return the settings of a trial, and the step at which it is to end.

    They are those of the training with the trial's values, but for what concerns evaluations, which come evenly spaced,
    each with a checkpoint; for a warm start, which would favour values like those of the model that it starts from; and
    for a cluster, since trials run beside each other instead.
    """
    tuned = with_values(training, values)
    steps = tuned.steps(rows)
    given = plain_settings(tuned)
    given.pop("save_checkpoints_secs", None)
    given |= {
        "save_checkpoints_steps": max(1, -(-steps // tuning.evaluations)),
        "keep_checkpoint_max": 1,
        "throttle_secs": 0,
        "export": "final" if tuned.export == "latest" else tuned.export,
    }
    return Training.model_validate(given), steps


def plain_settings(tuned: Training) -> dict[str, Any]:
    """Return what is set, but for a warm start and a cluster."""
    left_out = ("warm_start", "vars_to_warm_start", "var_name_to_vocab", "cluster", "distribute")
    return {name: value for name, value in tuned.model_dump(exclude_unset=True).items() if name not in left_out}


def trim(model_dir: Path) -> None:
    """Leave of a trial's training what TensorBoard shows: checkpoints take up room, and nobody comes back to them."""
    for one in model_dir.glob("*"):
        if one.is_dir() and one.name != "eval":
            shutil.rmtree(one, ignore_errors=True)
        elif one.is_file() and not one.name.startswith("events.") and one.suffix != ".json":
            one.unlink(missing_ok=True)
