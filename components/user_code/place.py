"""Where the modules of a problem are imported from.

A problem's modules are always imported as ``pipeline.problems.<name>.<module>``, whether the folder ships with the
project or lies elsewhere. A run imports them from a copy made when it started: AutoGraph and tracebacks read source
from disk while a model trains, so an edit during a run would otherwise compile the wrong function. The runner tells
its node processes where the copy is, and where it was copied from, through :func:`use_copy`; without it (on an
orchestrator, where the image is the copy) the folder in the package is used as it is.
"""

import importlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

PACKAGE = "pipeline.problems"

_origins: dict[str, Path] = {}


def use_copy(copies: Path, name: str, origin: Path) -> None:
    """Import the problem ``name`` from ``copies/name`` from now on.

    Args:
        copies: The folder that holds the copy of the problem's folder.
        name: The problem.
        origin: The folder it was copied from, which is what errors name.
    """
    package = importlib.import_module(PACKAGE)
    for loaded in [one for one in sys.modules if one.startswith(f"{PACKAGE}.{name}")]:
        del sys.modules[loaded]
    package.__path__ = [str(copies), *package.__path__]
    importlib.invalidate_caches()
    _origins[str((copies / name).resolve())] = origin


@contextmanager
def restored() -> Iterator[None]:
    """Put back at the end where problems are imported from: for tests, which use several places in one process."""
    package = importlib.import_module(PACKAGE)
    path, origins = list(package.__path__), dict(_origins)
    loaded = {name for name in sys.modules if name.startswith(f"{PACKAGE}.")}
    try:
        yield
    finally:
        package.__path__ = path
        _origins.clear()
        _origins.update(origins)
        for name in [one for one in sys.modules if one.startswith(f"{PACKAGE}.") and one not in loaded]:
            del sys.modules[name]


def load(problem: str, module: str) -> ModuleType:
    """Import one module of a problem, as ``load("housing", "model")``."""
    return importlib.import_module(f"{PACKAGE}.{problem}.{module}")


def folder(problem: str) -> Path:
    """Return the folder that the problem's modules come from."""
    package = importlib.import_module(f"{PACKAGE}.{problem}")
    if package.__file__:
        return Path(package.__file__).resolve().parent
    return Path(next(iter(package.__path__))).resolve()


def original(file: str | Path) -> Path:
    """Return the path that a user knows for a file of the copy."""
    path = Path(file).resolve()
    for copy, origin in _origins.items():
        if path.is_relative_to(copy):
            return origin / path.relative_to(copy)
    return path
