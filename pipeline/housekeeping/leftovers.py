"""What lies in a workspace that ML Metadata does not name: checkpoints, half-made outputs, temporary folders, logs."""

from collections.abc import Iterator
from pathlib import Path

from pipeline.housekeeping.catalogue import Catalogue
from pipeline.housekeeping.items import Item
from pipeline.housekeeping.keeping import Keeping
from pipeline.housekeeping.places import DEPTH, is_inside
from pipeline.housekeeping.sizes import newest
from pipeline.lineage.archive import read_json

_DONE = "done.json"  # see components/trainer/run.py: its training's output is complete


def leftovers(catalogue: Catalogue, kept: Keeping, named: set[Path], *, busy: bool) -> tuple[list[Item], list[Path]]:
    """Find what is left over.

    Args:
        catalogue: The workspace's metadata.
        kept: What is kept.
        named: Where artifacts lie, and the folders above these.
        busy: Whether a run of this machine is under way: what nodes may be at work in is then not counted as left over.

    Returns:
        What may go; and folders among the artifacts that look like outputs, but that no artifact names though nothing
        says that they are half made: another store may have them, so they are left alone.
    """
    root = catalogue.archive.root
    found: list[Item] = []
    unknown: list[Path] = []
    at_work = set(catalogue.problems) if busy else _busy(catalogue)
    published = {one.uri for one in catalogue.artifacts.values()}
    for node in _folders(root, root / "artifacts", 2):
        problem = node.parent.name
        found += _checkpoints(root, node, kept.since.get(problem), published)
        found += _studies(root, node, kept.since.get(problem))
        if problem not in at_work:
            found += [Item("temporary folders", problem, "", one) for one in _folders(root, node / ".system", 2)]
        for folder in _folders(root, node, DEPTH - 2):
            if folder in named or folder.parent.name.startswith("."):
                continue
            if not folder.name.isdigit() or catalogue.places.get(int(folder.name)) != (problem, node.name):
                unknown.append(folder)
            elif catalogue.executions[int(folder.name)].state in ("ran", "reused"):
                unknown.append(folder)  # not half made: its artifact has another path, as in a workspace that was moved
            elif problem not in at_work:
                found.append(Item("half-made outputs", problem, node.name, folder))
    for problem, runs in catalogue.problems.items():
        for run in runs:
            logs = root / "logs" / run
            if run not in kept.all_runs and logs.is_dir() and is_inside(root, logs):
                found.append(Item("logs", problem, "", logs, run=run))
    return found, unknown


def _folders(root: Path, top: Path, depth: int) -> Iterator[Path]:
    """Yield the folders that lie ``depth`` below ``top``, and no links."""
    if depth == 0:
        yield top
        return
    try:
        entries = sorted(top.iterdir())
    except OSError:
        return
    for one in entries:
        if one.is_dir() and is_inside(root, one):
            yield from _folders(root, one, depth - 1)


def _checkpoints(root: Path, node: Path, since: float | None, published: set[str]) -> Iterator[Item]:
    """Yield checkpoints of trainings that are done and published, and of those that nobody came back to.

    A training that is done and whose output no artifact names was killed before it was published, and is to go on.
    """
    for folder in _folders(root, node / ".checkpoints", 1):
        output = (read_json(folder / _DONE) or {}).get("model_run")
        if output in published:
            yield Item("checkpoints of done trainings", node.parent.name, node.name, folder)
        elif since is not None and newest(folder) < since:
            yield Item("checkpoints of abandoned trainings", node.parent.name, node.name, folder)


def _studies(root: Path, node: Path, since: float | None) -> Iterator[Item]:
    """Yield searches in which nothing was written since the first kept run; what they found is an artifact."""
    for folder in _folders(root, node / ".studies", 1):
        if since is not None and newest(folder) < since:
            yield Item("trials of old searches", node.parent.name, node.name, folder)


def _busy(catalogue: Catalogue) -> set[str]:
    """Return the problems of which another machine's node may be at work; of this machine's runs the locks tell."""
    running = [number for number, one in catalogue.executions.items() if one.state == "running"]
    runs = catalogue.archive.store.runs_of(running)
    away = [one for one in running if not catalogue.archive.record(runs.get(one, "")).job]
    return {catalogue.places[one][0] for one in away if one in catalogue.places}
