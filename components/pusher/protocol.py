"""A push that is there completely or not at all.

The protocol
------------
A serving directory holds versions, folders named by numbers; TensorFlow Serving watches it, and serves the highest
number from the moment that it sees it. So a number must never name a folder that is not complete, whatever happens:

1. **sweep**: remove what killed pushes left behind, folders named ``.push-*`` whose lock nobody holds.
2. **hash**: hash the model's files. If the highest version holds the same files, it is the answer and nothing is
   pushed. Only the highest counts: pushing an older version's model again is how one goes back to it, and needs a new
   number.
3. **create**: make ``.push-<random>`` next to the versions, so in the same file system. TensorFlow Serving ignores
   names that are not numbers. Lock it (``flock``), which the kernel undoes when the process ends, however it ends.
4. **copy** every file, add the record ``assets.extra/push.json``, and compare the copy's hash with the model's.
5. **flush** every file and folder to the disk (``fsync``): a name must not outlive a power cut that
   its content did not.
6. **check**: load the copy once, in a separate process.
7. **rename** it to the highest number plus one. Renaming a folder onto one that is not empty fails, so of two pushers
   who want the same number one fails, looks at what came first, and goes back to 2 without copying again.
8. **settle**: flush the serving directory, so that the new name is on the disk.

Killed anywhere before 7, it leaves a ``.push-*`` folder, which the next push sweeps; killed after 7, a complete
version, which the next push finds in 2. Versions that are there are never written to.

What it needs: one file system with ``flock`` and atomic rename, which every local one on Linux is, and NFSv4.
"""

import contextlib
import datetime
import errno
import fcntl
import json
import os
import secrets
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from components.pusher.versions import RECORD, Version, hash_model, read_versions, version_number
from pipeline.errors import InfrastructureError, PipelineError

TEMPORARY = ".push-"
STEPS = ("swept", "hashed", "created", "copied", "flushed", "checked", "numbered", "renamed", "settled")

_BLOCK = 1 << 20
_HINTS = {
    errno.ENOSPC: "make room on that disk, then run the same command again",
    errno.EDQUOT: "your quota on that disk is used up: make room, then run the same command again",
    errno.EFBIG: "the file system or a limit of this process (ulimit -f) does not allow files of that size",
    errno.EROFS: "the disk is mounted read-only: choose another place, or mount it writable",
    errno.EACCES: "make it writable for the user who runs this, or choose another place",
    errno.EPERM: "make it writable for the user who runs this, or choose another place",
}


@dataclass(frozen=True)
class Pushed:
    """The version that a push ended with; ``reused`` where it was there before."""

    version: int
    path: Path
    model_hash: str
    reused: bool


def _ignore(_: object) -> None:
    pass


def push(
    model: str | os.PathLike[str],
    serving_dir: str | os.PathLike[str],
    *,
    model_uri: str = "",
    check: Callable[[Path], None] = _ignore,
    on_step: Callable[[str], None] = _ignore,
) -> Pushed:
    """Push a SavedModel into a serving directory; see the module's head.

    Args:
        model: Folder of the SavedModel.
        serving_dir: The directory of versions; made if missing.
        model_uri: The Model artifact, for the record.
        check: Called with the finished copy before it gets its number; raises to refuse it.
        on_step: Called with each of :data:`STEPS` once it is done; with ``numbered`` for every number that is tried.

    Raises:
        InfrastructureError: if the disk is full or may not be written to. Earlier versions are as they were.
        PipelineError: what ``check`` raised, or if the model changed while it was copied.
    """
    source, serving = Path(model), Path(serving_dir)
    try:
        serving.mkdir(parents=True, exist_ok=True)
        sweep(serving)
        on_step("swept")
        model_hash = hash_model(source)
        on_step("hashed")
        if version := _same_as_highest(serving, model_hash):
            return Pushed(version.number, version.path, model_hash, reused=True)
        with _temporary(serving) as copy:
            on_step("created")
            _copy(source, copy, model_hash, model_uri)
            on_step("copied")
            _flush(copy)
            on_step("flushed")
            check(copy)
            on_step("checked")
            pushed = _publish(copy, serving, model_hash, on_step)
            on_step("renamed")
        _flush_folder(serving)
        on_step("settled")
    except OSError as error:
        raise InfrastructureError(
            "the model could not be pushed",
            where=str(error.filename or serving),
            got=error.strerror or str(error),
            expected=f"a place to write to: {serving}",
            hint=_HINTS.get(error.errno or 0, "versions that were pushed earlier are untouched"),
        ) from error
    return pushed


def sweep(serving_dir: Path) -> list[Path]:
    """Remove what killed pushes left behind; folders that a living push holds stay.

    Returns:
        The removed folders.
    """
    swept = []
    for left in sorted(serving_dir.glob(f"{TEMPORARY}*")):
        try:
            descriptor = os.open(left, os.O_RDONLY | os.O_DIRECTORY)
        except OSError:
            continue
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            continue
        else:
            shutil.rmtree(left, ignore_errors=True)
            swept.append(left)
        finally:
            os.close(descriptor)
    return swept


@contextlib.contextmanager
def _temporary(serving: Path) -> Iterator[Path]:
    """Make a locked folder that is gone afterwards, unless it was renamed."""
    while True:
        # Not tempfile.mkdtemp: that makes folders which only this user may read, and a server is often another.
        path = serving / f"{TEMPORARY}{secrets.token_hex(8)}"
        path.mkdir()
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
        except FileNotFoundError:
            continue
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            # A sweep came between mkdir and here and takes it for a leftover. Let it, and take another name.
            os.close(descriptor)
            continue
        if path.exists():
            break
        os.close(descriptor)
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)
        os.close(descriptor)


def _copy(source: Path, copy: Path, model_hash: str, model_uri: str) -> None:
    for path in sorted(source.rglob("*")):
        target = copy / path.relative_to(source)
        if path.is_dir():
            target.mkdir(parents=True, exist_ok=True)
        else:
            target.parent.mkdir(parents=True, exist_ok=True)
            with path.open("rb") as reading, target.open("xb") as writing:
                shutil.copyfileobj(reading, writing, _BLOCK)
    now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    record = {"model_hash": model_hash, "pushed_at": now, "model_uri": model_uri}
    (copy / RECORD).parent.mkdir(exist_ok=True)
    (copy / RECORD).write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    if hash_model(copy) != model_hash:
        raise PipelineError(
            "the model changed while it was copied, and was not pushed", where=str(source), hint="run again"
        )


def _flush(folder: Path) -> None:
    for root, _, files in os.walk(folder, topdown=False):
        for name in files:
            _flush_path(Path(root) / name, os.O_RDONLY)
        _flush_folder(Path(root))


def _flush_folder(folder: Path) -> None:
    _flush_path(folder, os.O_RDONLY | os.O_DIRECTORY)


def _flush_path(path: Path, flags: int) -> None:
    descriptor = os.open(path, flags)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _publish(copy: Path, serving: Path, model_hash: str, on_step: Callable[[str], None]) -> Pushed:
    """Rename the copy to the next number, or find that another pusher was first with the same model."""
    while True:
        if version := _same_as_highest(serving, model_hash):
            return Pushed(version.number, version.path, model_hash, reused=True)
        taken = [version_number(entry.name) for entry in serving.iterdir()]
        number = 1 + max((n for n in taken if n is not None), default=0)
        target = serving / str(number)
        on_step("numbered")
        try:
            copy.rename(target)
        except OSError as error:
            if error.errno not in (errno.EEXIST, errno.ENOTEMPTY, errno.ENOTDIR):
                raise
        else:
            return Pushed(number, target, model_hash, reused=False)


def _same_as_highest(serving: Path, model_hash: str) -> Version | None:
    """Return the highest version if it holds just this model.

    Its files are hashed again: a record that says so is no use where somebody damaged the files next to it.
    """
    versions = read_versions(serving)
    if not versions or versions[-1].model_hash not in ("", model_hash):
        return None
    try:
        return versions[-1] if hash_model(versions[-1].path) == model_hash else None
    except OSError:
        return None
