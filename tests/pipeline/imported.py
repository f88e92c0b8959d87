"""What modules import, read from their source."""

import ast
from pathlib import Path

HEAVY = (
    "tensorflow",
    "apache_beam",
    "tfx",
    "tfx_bsl",
    "tensorflow_transform",
    "pyarrow",
    "pandas",
    "numpy",
    "pydantic",
)
"""What no command that only reads may import."""


def heavy_or_sqlite(package: Path) -> dict[str, set[str]]:
    """Return what the modules of a package import that they must not, by the module's file."""
    found = {}
    for file in package.glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            names = [one.name for one in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            if wrong := {name.split(".")[0] for name in names} & {*HEAVY, "sqlite3"}:
                found[file.name] = wrong
    return found
