"""What was pushed, and what is live."""

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline.errors import SettingsError
from pipeline.lineage.archive import Archive, read_json
from pipeline.lineage.store import Artifact


@dataclass(frozen=True)
class Push:
    """A version that came to be.

    Attributes:
        problem: Whose model it is.
        version: Its number.
        folder: The version's folder.
        run: The run that pushed it.
        at: When, in seconds since the epoch.
        model: The Model artifact's number.
        model_hash: Hash of the files.
        execution: The Pusher's execution.
    """

    problem: str
    version: int
    folder: Path
    run: str
    at: float
    model: int
    model_hash: str
    execution: int


@dataclass(frozen=True)
class Live:
    """What a problem serves.

    Attributes:
        problem: The problem.
        folder: Its serving folder.
        version: The version that is served; None if there is none.
        push: The push that made it; None if no run of this workspace did.
        before: The push that it took the place of.
        note: What a person should know.
    """

    problem: str
    folder: Path
    version: int | None
    push: Push | None
    before: Push | None
    note: str = ""


def producers(archive: Archive, artifacts: Iterable[int]) -> dict[int, int]:
    """Return the execution that made each artifact: the first that gave it out. Later ones reused it."""
    found: dict[int, int] = {}
    for event in archive.store.events_of_artifacts(artifacts):
        if event.output:
            found[event.artifact] = min(event.execution, found.get(event.artifact, event.execution))
    return found


def _one_for_each(records: Sequence[Artifact]) -> list[Artifact]:
    """Return the record that tells of each push, oldest first.

    A Pusher that finds its version there already says that it was reused. Where no other record tells of the version,
    the Pusher that made it was killed before it could: the first that found it stands for the push.
    """
    found = [one for one in records if not one.get("reused")]
    told = {(one.get("pushed_destination"), one.get("model_hash")) for one in found}
    for one in records:
        place = (one.get("pushed_destination"), one.get("model_hash"))
        if place not in told:
            told.add(place)
            found.append(one)
    return sorted(found, key=lambda one: one.id)


def pushes(archive: Archive) -> list[Push]:
    """Return every push that made a version, oldest first."""
    store = archive.store
    pushed = _one_for_each([one for one in store.artifacts_of_type("PushedModel") if one.get("pushed")])
    made_by = producers(archive, (one.id for one in pushed))
    makers = {one.id: one for one in store.executions(made_by.values())}
    said = {one.id: str(one.get("run")) for one in makers.values() if one.get("run")}  # the Pusher of ours says it
    runs = said | store.runs_of(makers.keys() - said.keys())
    folders = {Path(str(one.get("pushed_destination", ""))).parent: made_by.get(one.id, 0) for one in pushed}
    places = store.places_of(folders.values())
    problems = {folder: places.get(number, ("", ""))[0] or folder.name for folder, number in folders.items()}
    models = {
        event.execution: event.artifact
        for event in store.events_of_executions(made_by.values())
        if not event.output and event.key == "model"
    }
    found = []
    for one in pushed:
        execution = made_by.get(one.id)
        if execution is None or not str(one.get("pushed_version", "")).isdigit():
            continue
        folder = Path(str(one.get("pushed_destination", "")))
        found.append(
            Push(
                problem=problems[folder.parent],
                version=int(one.get("pushed_version")),
                folder=folder,
                run=runs.get(execution, ""),
                at=one.made_at,
                model=models.get(execution, 0),
                model_hash=str(one.get("model_hash", "")),
                execution=execution,
            )
        )
    return found


def live(pushed: Iterable[Push]) -> list[Live]:
    """Return what each problem serves, by problem."""
    by_folder: dict[tuple[str, Path], list[Push]] = {}
    for one in pushed:
        by_folder.setdefault((one.problem, one.folder.parent), []).append(one)
    return [_live(problem, folder, ones) for (problem, folder), ones in sorted(by_folder.items())]


def _live(problem: str, folder: Path, known: list[Push]) -> Live:
    versions = _versions(folder)
    if versions is None:
        note = f"{folder} cannot be seen from here: this is what was pushed last"
        return Live(problem, folder, known[-1].version, known[-1], known[-2] if len(known) > 1 else None, note)
    if not versions:
        return Live(problem, folder, None, None, known[-1], "nothing is served: the folder holds no version")
    version = max(versions)
    held = (read_json(folder / str(version) / "assets.extra" / "push.json") or {}).get("model_hash", "")
    same = [one for one in known if one.version == version and held in ("", one.model_hash)]
    push = same[-1] if same else None
    before = [one for one in known if push is None or one.at < push.at]
    note = "" if push else "no run that is recorded here pushed this version"
    if push and held == "":
        note = "the version does not say which model it holds; its number is that of this push"
    return Live(problem, folder, version, push, before[-1] if before else None, note)


def _versions(folder: Path) -> list[int] | None:
    """Return the versions in a serving folder; None if it cannot be seen from here."""
    try:
        return [int(one.name) for one in folder.iterdir() if one.name.isascii() and one.name.isdigit()]
    except FileNotFoundError:
        return [] if folder.parent.is_dir() else None
    except OSError:
        return None


def choose(archive: Archive, version: str | None, problem: str | None) -> tuple[Push, list[Push]]:
    """Return the push that is meant, and all of its problem.

    Args:
        archive: The workspace.
        version: A number, or ``problem/number``, or a problem; the live version if no number is given.
        problem: The problem, where the workspace holds several.

    Raises:
        SettingsError: If there is no such version, or it is not clear whose is meant.
    """
    known = pushes(archive)
    if version and "/" in version:
        problem, _, version = version.rpartition("/")
    problems = sorted({one.problem for one in known})
    if problem is None and version in problems:
        problem, version = version, None
    if not known:
        raise SettingsError(
            "Nothing was pushed in this workspace yet",
            where=str(archive.root),
            hint="`python runner.py runs` says how its runs ended",
        )
    if problem is not None and problem not in problems:
        close = difflib.get_close_matches(problem, problems, n=1)
        raise SettingsError(
            f"Nothing was pushed of a problem {problem!r}",
            expected="one of: " + ", ".join(problems),
            where=str(archive.root),
            hint=f"did you mean {close[0]}?" if close else "`python runner.py serving` lists what is live",
        )
    if problem is None and len(problems) > 1:
        raise SettingsError(
            "Models of several problems were pushed in this workspace",
            got=", ".join(problems),
            hint=f"say which: {problems[0]}, or {problems[0]}/VERSION",
        )
    ours = [one for one in known if one.problem == (problem or problems[0])]
    if version is None:
        served = next((one.push for one in live(ours) if one.push), None)
        return served or ours[-1], ours
    chosen = [one for one in ours if version.isdigit() and one.version == int(version)]
    if not chosen:
        numbers = [one.version for one in ours]
        raise SettingsError(
            f"There is no version {version} of {ours[0].problem}",
            expected=_spans(numbers),
            where=str(ours[0].folder.parent),
            hint=f"the latest is {numbers[-1]}; `python runner.py runs` says which run pushed which",
        )
    return chosen[-1], ours


def _spans(numbers: list[int]) -> str:
    shown = sorted(set(numbers))
    if len(shown) > 6:
        return f"{shown[0]} to {shown[-1]}"
    return ", ".join(str(one) for one in shown)
