"""A folder of links for TensorBoard to read: each training under the name of its run."""

from collections.abc import Mapping
from pathlib import Path


def show(folder: Path, trainings: Mapping[str, Path]) -> bool:
    """Make the links in a folder those to these trainings.

    A training that has ended moves from its checkpoints to its artifact, where the same files have the same names; its
    link is replaced in one step, so that who reads it finds it at any moment.

    Returns:
        Whether anything was changed.
    """
    changed = False
    for link in folder.iterdir():
        if link.name not in trainings:
            link.unlink()
            changed = True
    for name, training in trainings.items():
        link = folder / name
        if link.is_symlink() and link.readlink() == training:
            continue
        beside = folder.parent / f"{folder.name}.next"
        beside.unlink(missing_ok=True)
        beside.symlink_to(training, target_is_directory=True)
        beside.replace(link)
        changed = True
    return changed
