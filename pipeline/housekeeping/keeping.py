"""Which artifacts are kept, and why: each for the first reason that holds."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from pipeline.housekeeping.catalogue import Catalogue
from pipeline.lineage.pushes import live, pushes
from pipeline.lineage.runs import is_waiting, may_be_tried_again

BASELINES = 2
"""Blessed models kept of each problem: the latest, and the one that the latest is itself compared with."""


@dataclass(frozen=True)
class Reason:
    """Why something is kept.

    Attributes:
        problem: Whose it is.
        words: The reason, for a person.
    """

    problem: str
    words: str


@dataclass(frozen=True)
class Keeping:
    """What is kept.

    Attributes:
        reasons: Each kept artifact with its reason, the first that was found; the order is that of the finding.
        runs: The kept runs of each problem, oldest first.
        since: When the oldest run of each problem started that is among the last or may go on, in seconds since the
            epoch.
    """

    reasons: dict[int, Reason]
    runs: dict[str, list[str]]
    since: dict[str, float]

    @property
    def all_runs(self) -> set[str]:
        """The kept runs of all problems."""
        return {run for runs in self.runs.values() for run in runs}


def keeping(catalogue: Catalogue, keep_runs: int) -> Keeping:
    """Find out what is kept.

    Args:
        catalogue: The workspace's metadata.
        keep_runs: How many runs of each problem are kept, at least 1.
    """
    pushed = pushes(catalogue.archive)
    found = Keeping({}, {}, {})
    for problem, runs in catalogue.problems.items():
        last = runs[-keep_runs:]
        ours = [one for one in pushed if one.problem == problem]
        served = {one.push.run: one.push for one in live(ours) if one.push and one.push.run in catalogue.runs}
        away = {one: why for one in runs if one not in last and (why := _may_go_on(catalogue, one))}
        kept = {*last, *served, *away}
        found.runs[problem] = [one for one in runs if one in kept]
        starts = [start for start in map(catalogue.started, [*last, *away]) if start is not None]
        if starts:
            found.since[problem] = min(starts)
        words = f"the last {len(last)} runs, since {last[0]}" if len(last) > 1 else f"the last run, {last[0]}"
        _add(found, Reason(problem, words), catalogue.of_runs(last))
        for run, push in served.items():
            words = f"version {push.version}, which is live, and its run {run}"
            _add(found, Reason(problem, words), catalogue.of_runs([run]))
        for run, words in away.items():
            _add(found, Reason(problem, words), catalogue.of_runs([run]))
        in_serving = [one for one in ours if one.folder.is_dir() or _is_out_of_sight(catalogue, one.folder.parent)]
        if in_serving:
            words = f"models in serving: {_versions(one.version for one in in_serving)}"
            _add(found, Reason(problem, words), catalogue.of_models(one.model for one in in_serving))
        words = "the latest blessed models, with which the next one is compared"
        _add(found, Reason(problem, words), catalogue.of_models(_blessed(catalogue, problem)[-BASELINES:]))
        _add(found, Reason(problem, 'the latest search, for tuning.use = "latest"'), _latest_search(catalogue, problem))
    return found


def _add(found: Keeping, reason: Reason, artifacts: Iterable[int]) -> None:
    for one in sorted(artifacts):
        found.reasons.setdefault(one, reason)


def _versions(numbers: Iterable[int]) -> str:
    """Name versions, those that follow one another as a span."""
    spans: list[list[int]] = []
    for one in sorted(set(numbers)):
        if spans and one == spans[-1][-1] + 1:
            spans[-1] = [spans[-1][0], one]
        else:
            spans.append([one])
    several = len(spans) > 1 or len(spans[0]) > 1
    return f"version{'s' * several} " + ", ".join(" to ".join(str(one) for one in span) for span in spans)


def _may_go_on(catalogue: Catalogue, run: str) -> str:
    """Say why a run may have a node that runs, or that its scheduler may start at any moment; empty if it may not.

    Of runs of this machine the locks say more than ML Metadata does; see :mod:`pipeline.housekeeping.alone`.
    """
    if catalogue.archive.record(run).job:
        if is_waiting(catalogue.archive, run):
            return f"{run} waits for the scheduler that starts its nodes"
        if may_be_tried_again(catalogue.archive, run):
            return f"{run} failed or was cancelled less than a day ago, and its scheduler may try again"
        return ""
    running = any(catalogue.executions[one].state == "running" for one in catalogue.runs[run])
    return f"a node of {run} is under way, as far as the metadata says" if running else ""


def _is_out_of_sight(catalogue: Catalogue, serving: Path) -> bool:
    """Say whether a folder of versions may be there, and cannot be seen from here: what it holds is then not known."""
    return not (serving.is_relative_to(catalogue.archive.root) or serving.is_dir() or serving.parent.is_dir())


def _latest_search(catalogue: Catalogue, problem: str) -> set[int]:
    """Return what the latest search of a problem gave out, as the Resolver sees it: its values and its trials."""
    found = [
        number
        for number, one in catalogue.artifacts.items()
        if one.type == "HyperParameters" and not one.gone and catalogue.place(number)[0] == problem
    ]
    if not found:
        return set()
    maker = catalogue.makers.get(max(found))
    beside = {one for one, by in catalogue.makers.items() if maker is not None and by == maker}
    return {max(found)} | {one for one in beside if one in catalogue.artifacts and not catalogue.artifacts[one].gone}


def _blessed(catalogue: Catalogue, problem: str) -> list[int]:
    """Return the models of a problem that the Evaluator blessed, oldest first, as the Resolver sees them."""
    found: set[int] = set()
    for number, artifact in catalogue.artifacts.items():
        if artifact.type != "ModelBlessing" or artifact.gone or artifact.get("blessed") != 1:
            continue
        if catalogue.place(number)[0] == problem:
            judge = catalogue.makers.get(number, 0)
            found.update(event.artifact for event in catalogue.used.get(judge, ()) if event.key == "model")
    return sorted(one for one in found if one in catalogue.artifacts and not catalogue.artifacts[one].gone)
