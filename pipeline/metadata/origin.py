"""Where a workspace was made: metadata and records name its files by absolute paths, which hold there alone.

``workspace.json`` says it, from the first run on; of an older workspace its runs' records do.
"""

import json
import os
import shlex
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from pipeline.errors import SettingsError

FILE = "workspace.json"

Uris = Callable[[], Iterable[str]]


def elsewhere(root: Path, uris: Uris = tuple) -> Path | None:
    """Return where a workspace was made, if that is another place than where it lies.

    Args:
        root: Where it lies.
        uris: Returns where its artifacts are said to lie; asked only where neither the workspace nor its runs say it.

    Returns:
        The path that it had; None if it has it still (be it by a link), or if nothing says it.
    """
    made = _noted(root) or _told(root) or _named(root, uris)
    return Path(made) if made and not _is(made, root) else None


def home(root: Path) -> Path:
    """Return the path under which a workspace is worked in: its real one, or the link to it that it was made as.

    Were it the real one there too, some of its files would be named by the one path and some by the other, and the next
    move would part them.
    """
    made = _noted(root) or _told(root)
    return Path(made) if made and _is(made, root) else Path(os.path.realpath(root))


def refuse_elsewhere(root: Path, uris: Uris = tuple, *, nothing: str = "nothing was changed") -> None:
    """Refuse to work in a workspace that lies in another place than where it was made.

    Args:
        root: Where it lies.
        uris: See :func:`elsewhere`.
        nothing: What to say that was not done.

    Raises:
        SettingsError: If it does; says what to do.
    """
    made = elsewhere(root, uris)
    if made is None:
        return
    root = Path(os.path.realpath(root))
    link = shlex.join(["ln", "-sfn", str(root), str(made)])
    if not made.exists():
        way = f"move it back, or make a link where it was: {link}; or name a new folder with --workspace"
    elif made.samefile(root):
        way = f"this is the same folder, so name it as then: {shlex.join(['--workspace', str(made)])}"
    else:
        way = f"work in the one at {made}, or name a new folder with --workspace; what is in this one can be read"
    raise SettingsError(
        "This workspace was made in another place, where its metadata looks for its files",
        got=str(root),
        expected=str(made),
        hint=f"{way}; {nothing}",
    )


def note(root: Path) -> None:
    """Write down where a workspace was made, if that is not written yet; whole or not at all.

    Raises:
        OSError: If it cannot be written.
    """
    if _noted(root) is not None:
        return
    beside = root / f".{FILE}.{os.getpid()}"
    try:
        beside.write_text(json.dumps({"root": _told(root) or str(root)}), encoding="utf-8")
        beside.replace(root / FILE)
    except OSError:
        beside.unlink(missing_ok=True)
        raise


def _noted(root: Path) -> str | None:
    return _text(root / FILE, "root")


def _told(root: Path) -> str | None:
    """Return where the runs say that they worked: here, if any does; else where the last one did."""
    files = sorted(root.glob("runs/*/job.json"), key=lambda file: file.parent.name[-15:])  # names end with the time
    places = [place for file in files if (place := _text(file, "workspace"))]
    here = [place for place in places if _is(place, root)]
    return next(iter([*here[:1], *places[-1:]]), None)


def _named(root: Path, uris: Uris) -> str | None:
    """Return where artifacts are said to lie that lie here as well; here, if any is said to."""
    found: str | None = None
    for uri in uris():
        place, _, rest = uri.rpartition("/artifacts/")
        if place.startswith("/") and (root / "artifacts" / rest).is_dir():
            if _is(place, root):
                return place
            found = found or place
    return found


def _text(file: Path, name: str) -> str | None:
    try:
        value: Any = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    text = value.get(name) if isinstance(value, dict) else None
    return text if isinstance(text, str) and text else None


def _is(place: str, root: Path) -> bool:
    return os.path.realpath(place) == os.path.realpath(root)
