"""A study: Optuna's, in one SQLite file that one process writes, with what makes it go on after a kill.

Trials speak to the search alone and never to the storage, so a killed one cannot hurt it, and the storage needs no
server. The sampler is made anew for each trial, seeded by the trial's number: a search that went on after a
kill asks for the same values as one that was never stopped, as long as one trial runs at a time.
"""

import hashlib
import math
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import optuna
import sqlalchemy
from optuna.trial import FrozenTrial, TrialState

from components.tuner.record import Trial
from components.tuner.space import Space, encoded, suggest
from pipeline.config.tuning import Tuning

FILE = "study.db"
_DEFAULT, _REPEATS, _KILLED, _STOPPED, _REASON, _SECONDS, _STEPS, _AT, _VALUES = (
    "default",
    "repeats",
    "killed",
    "stopped",
    "reason",
    "seconds",
    "steps",
    "evaluated_at",
    "values",
)
MOST_KILLS = 3
"""Of a trial, after which it is not repeated any more."""
_AT_RANDOM = 6  # trials before the sampler begins to learn from them; of 20, Optuna's 10 leave it few
_STATES = {
    TrialState.COMPLETE: "complete",
    TrialState.PRUNED: "pruned",
    TrialState.FAIL: "failed",
    TrialState.RUNNING: "running",
}


class Study:
    """A study that is open for this process alone.

    Args:
        folder: Where it is kept; made if it is not there.
        name: Its name.
        tuning: The search.
        defaults: The values without a search: those of the first trial.
        seed: Of the sampler.
    """

    def __init__(self, folder: Path, name: str, tuning: Tuning, defaults: Mapping[str, Any], seed: int) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._tuning = tuning
        self._seed = seed
        url = sqlalchemy.URL.create("sqlite", database=str(folder / FILE))
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        pruner = optuna.pruners.MedianPruner(n_startup_trials=4, n_warmup_steps=2)
        with _quiet():
            self._study = optuna.create_study(
                storage=optuna.storages.RDBStorage(url.render_as_string()),
                study_name=name,
                direction="minimize" if tuning.lower_is_better else "maximize",
                pruner=pruner if tuning.pruner == "median" else optuna.pruners.NopPruner(),
                load_if_exists=True,
            )
            if not any(one.user_attrs.get(_DEFAULT) for one in self._trials()):
                self._study.enqueue_trial(encoded(defaults, tuning.space), user_attrs={_DEFAULT: True})

    @property
    def space(self) -> Space:
        """The dimensions by name."""
        return self._tuning.space

    def _trials(self) -> list[FrozenTrial]:
        return list(self._study.get_trials(deepcopy=False))

    def give_up_running(self, *, stopped: bool = False) -> list[int]:
        """Mark trials that run no more as killed, and have each repeated; return their numbers.

        Args:
            stopped: Whether the search ended in order: of that no trial is suspected.
        """
        left = [one.number for one in self._trials() if one.state == TrialState.RUNNING]
        words = "stopped" if stopped else "killed"
        for number in left:
            self.interrupted(number, f"the search was {words} while it ran", stopped=stopped)
        return left

    def interrupted(self, number: int, reason: str, *, stopped: bool = False) -> bool:
        """Take up that a trial was ended before its time, and have it repeated; return whether it is.

        A trial that is repeated counts for nothing. One that was killed three times has failed: it may be what kills
        the machine, and would go on for ever. Not so the default one, which all others are compared with.

        Args:
            number: The trial's.
            reason: Why it ended.
            stopped: Whether it was ended in order, of which no trial is suspected.
        """
        known = {one.number: one for one in self._trials()}
        one: FrozenTrial | None = known[number]
        kills = int(not stopped)
        while (one := known.get(one.user_attrs.get(_REPEATS, -1))) is not None:  # type: ignore[union-attr]
            kills += not one.user_attrs.get(_STOPPED, False)
        ended = known[number]
        default = bool(ended.user_attrs.get(_DEFAULT))
        again = default or kills < MOST_KILLS
        # Repeated first, marked then: killed between the two, the next search finds both.
        # One that had no values yet has none to repeat: whatever comes next takes its place.
        values = {**ended.system_attrs.get("fixed_params", {}), **ended.params}
        waits = any(other.user_attrs.get(_REPEATS) == number for other in known.values())
        if again and set(values) == set(self.space) and not waits:
            self._study.enqueue_trial(values, user_attrs={_REPEATS: number, _DEFAULT: default})
        told = {_KILLED: again, _STOPPED: stopped, _REASON: reason if again else f"{reason}, {kills} times"}
        for name, value in told.items():
            self._study._storage.set_trial_user_attr(ended._trial_id, name, value)
        self._study.tell(number, state=TrialState.FAIL)
        return again

    def to_repeat(self) -> list[int]:
        """Return the trials in whose place one waits to begin."""
        waiting = [one for one in self._trials() if one.state == TrialState.WAITING]
        return sorted(one.user_attrs[_REPEATS] for one in waiting if _REPEATS in one.user_attrs)

    def begun(self) -> int:
        """Return how many trials there are that count: all but those that are repeated, and those that wait."""
        return sum(one.state != TrialState.WAITING and not one.user_attrs.get(_KILLED, False) for one in self._trials())

    @staticmethod
    def is_default(trial: Any) -> bool:
        """Whether a trial has the values of the settings."""
        return bool(trial.user_attrs.get(_DEFAULT))

    def ask(self, parallel: int) -> tuple[Any, dict[str, Any]]:
        """Begin a trial.

        Args:
            parallel: How many run at once: those that run are then kept away from.

        Returns:
            Optuna's trial, and its values by name.
        """
        with _quiet():
            text = f"{self._seed} {self.begun()}"
            seed = int.from_bytes(hashlib.blake2b(text.encode(), digest_size=4).digest(), "little")
            if self._tuning.sampler == "random":
                self._study.sampler = optuna.samplers.RandomSampler(seed)
            else:
                self._study.sampler = optuna.samplers.TPESampler(
                    n_startup_trials=_AT_RANDOM, seed=seed, multivariate=True, constant_liar=parallel > 1
                )
            trial = self._study.ask()
            values = suggest(trial, self.space)
        trial.set_user_attr(_VALUES, values)
        return trial, values

    def evaluated(self, trial: Any, step: int, value: float) -> bool:
        """Take up an evaluation of a trial, unless it is known; return whether the trial is to be pruned."""
        at = [*trial.user_attrs.get(_AT, []), step]
        if step in at[:-1]:
            return False
        trial.set_user_attr(_AT, at)
        with _quiet():
            trial.report(value, len(at))
            return bool(trial.should_prune())

    def ended(
        self, trial: Any, value: float | None, seconds: float, steps: int, *, pruned: bool = False, reason: str = ""
    ) -> None:
        """Take up the end of a trial.

        Args:
            trial: The trial.
            value: Of the metric; None if it failed or was pruned.
            seconds: How long it took.
            steps: The step at which it was to end.
            pruned: Whether it was pruned.
            reason: Why it failed.
        """
        for name, one in {_SECONDS: seconds, _STEPS: steps, **({_REASON: reason} if reason else {})}.items():
            trial.set_user_attr(name, one)
        with _quiet():
            if pruned:
                self._study.tell(trial, state=TrialState.PRUNED)
            elif value is None or not math.isfinite(value):
                self._study.tell(trial, state=TrialState.FAIL)
            else:
                self._study.tell(trial, value)

    def trials(self) -> tuple[Trial, ...]:
        """Return all trials that were begun, in order."""
        return tuple(_described(one, self.space) for one in self._trials() if one.state in _STATES)

    def best(self) -> Trial | None:
        """Return the best trial that came to its end; None if none did."""
        done = [one for one in self.trials() if one.state == "complete" and one.value is not None]
        sign = 1 if self._tuning.lower_is_better else -1
        return min(done, key=lambda one: sign * (one.value or 0.0), default=None)


def _described(one: FrozenTrial, space: Space) -> Trial:
    told = one.user_attrs
    at = told.get(_AT, [])
    known = [(number, value) for number, value in sorted(one.intermediate_values.items()) if math.isfinite(value)]
    points = [(at[number - 1], value) for number, value in known if number <= len(at)]
    reason = told.get(_REASON)
    if reason is None and told.get(_REPEATS) is not None:
        reason = f"in the place of trial {told[_REPEATS]}, which was killed"
    return Trial(
        number=one.number,
        state="killed" if told.get(_KILLED) else _STATES[one.state],
        values={name: told.get(_VALUES, {}).get(name) for name in space},
        value=one.value if one.state == TrialState.COMPLETE else (points[-1][1] if points else None),
        default=bool(told.get(_DEFAULT)),
        evaluations=tuple(points),
        steps=told.get(_STEPS),
        seconds=told.get(_SECONDS),
        reason=reason,
    )


@contextmanager
def _quiet() -> Iterator[None]:
    """Without Optuna's warnings that what we use of it may change: its version is part of what a search is known by."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
