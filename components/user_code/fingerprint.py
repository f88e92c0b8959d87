"""What a node's code hashes to: the part of TFX's cache key that import paths leave out.

TFX hashes the text of a ``module_file``, but not what an import path leads to. These fingerprints go into the
nodes' properties instead: a changed line of a problem's code, of our own components or of a library's version never
reuses a cached output. A node depends only on the files that its entry module can reach, so that a change
of ``model.py`` does not redo the transform.
"""

import ast
import hashlib
from collections.abc import Iterable
from functools import cache
from importlib import metadata
from pathlib import Path

_LEFT_OUT = {"pipeline.toml", "schema.pbtxt"}  # both are settings, hashed where they are used
_LIBRARIES = (
    "tensorflow",
    "tensorflow-estimator",
    "tf-keras",
    "tensorflow-transform",
    "tensorflow-model-analysis",
    "tensorflow-data-validation",
    "tfx-bsl",
    "tfx",
    "apache-beam",
    "pyarrow",
    "numpy",
)


def reachable(folder: Path, entry: str) -> list[Path]:
    """List the files of a problem's folder that the module ``entry`` depends on, itself included, sorted.

    Imports are followed by reading the source. Files that are not Python (vocabularies, say) count for every
    entry, and so does all Python code as soon as a reached file imports by computed names.
    """
    modules = {file.relative_to(folder).with_suffix("").as_posix(): file for file in sorted(folder.rglob("*.py"))}
    others = [
        file
        for file in sorted(folder.rglob("*"))
        if file.is_file()
        and file.suffix not in {".py", ".pyc", ".md"}
        and file.name not in _LEFT_OUT
        and not any(part.startswith(".") for part in file.relative_to(folder).parts)
    ]
    reached: set[str] = {name for name in ("__init__",) if name in modules}
    queue = [entry]
    while queue:
        name = queue.pop()
        if name not in modules or (name in reached and name != "__init__"):
            continue
        reached.add(name)
        source = modules[name].read_text(encoding="utf-8", errors="replace")
        if "importlib" in source or "__import__" in source:
            return sorted({*modules.values(), *others})
        queue += _imports(source, name, folder.name, set(modules))
    return sorted({*(modules[name] for name in reached), *others})


def _imports(source: str, module: str, problem: str, modules: set[str]) -> set[str]:
    try:
        tree = ast.parse(source)
    except SyntaxError:
        return modules  # it will fail when it is imported; until then everything counts
    found: set[str] = set()
    here = module.split("/")[:-1]
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            base = here[: len(here) - node.level + 1] if node.level else []
            path = [*base, *(node.module or "").split(".")] if node.module else base
            found |= {"/".join(path)} | {"/".join([*path, alias.name]) for alias in node.names}
        elif isinstance(node, ast.Import):
            found |= {alias.name.replace(".", "/") for alias in node.names}
    prefix = f"pipeline/problems/{problem}/"
    names = {name.removeprefix(prefix) for name in found}
    packages = {
        "/".join([*name.split("/")[:depth], "__init__"]) for name in names for depth in range(name.count("/") + 2)
    }
    return (names | packages) & modules


def problem_code(folder: Path, entry: str) -> str:
    """Return the hash of all that the module ``entry`` of a problem depends on."""
    return digest((file.relative_to(folder).as_posix(), file) for file in reachable(folder, entry))


@cache
def component_code(*packages: str) -> str:
    """Return the hash of our own packages, as ``component_code("transform", "user_code")``, and of the libraries.

    What the components share is always part of it.
    """
    root = Path(__file__).resolve().parents[1]
    shared = sorted(root.glob("*.py"))
    files = [*shared, *(file for package in packages for file in sorted((root / package).rglob("*.py")))]
    code = digest((file.relative_to(root).as_posix(), file) for file in files)
    return hashlib.sha256(f"{code} {library_versions()}".encode()).hexdigest()


def component_files() -> dict[str, str]:
    """Return the hash of each file of our own code that nodes run, by its path in ``components``."""
    root = Path(__file__).resolve().parents[1]
    return {
        file.relative_to(root).as_posix(): hashlib.sha256(file.read_bytes()).hexdigest()[:16]
        for file in sorted(root.rglob("*.py"))
    }


def digest(files: Iterable[tuple[str, Path]]) -> str:
    """Hash names and contents."""
    total = hashlib.sha256()
    for name, file in files:
        total.update(f"{name}\0{hashlib.sha256(file.read_bytes()).hexdigest()}\n".encode())
    return total.hexdigest()


@cache
def library_versions() -> dict[str, str]:
    """Return the installed versions of the libraries that shape a model."""
    return {name: metadata.version(name) for name in _LIBRARIES}
