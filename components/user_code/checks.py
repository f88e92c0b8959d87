"""What can be said of a problem's code without running it, so that it is said in the first second of a run."""

import ast
from pathlib import Path

from components.user_code.contract import ENTRIES, none_defined, one_of
from components.user_code.fingerprint import reachable
from pipeline.errors import UserCodeError


def check_code(problem: str, folder: Path) -> None:
    """Check that each module is there, can be parsed, and defines its function.

    Args:
        problem: The problem's name.
        folder: Its folder, as the user knows it.

    Raises:
        UserCodeError: At the first fault, with its file and line.
    """
    for module, functions in ENTRIES.items():
        file = folder / f"{module}.py"
        if not file.is_file():
            raise UserCodeError(
                f"{module}.py of {problem} is not there",
                expected=f"a module that defines {one_of(module)}",
                where=str(file),
                hint="docs/problems.md says what a problem's folder holds",
            )
        defined = _defined(problem, file)
        if defined is not None and not defined & {function.name for function in functions}:
            raise none_defined(problem, module, defined, file)


def _defined(problem: str, file: Path) -> set[str] | None:
    """Return the names that a module binds at its top level; None where only running it could tell."""
    try:
        tree = ast.parse(file.read_text(encoding="utf-8"), filename=str(file))
    except (SyntaxError, UnicodeDecodeError) as error:
        line = getattr(error, "lineno", None)
        source = (getattr(error, "text", None) or "").strip()
        raise UserCodeError(
            f"importing {file.name} of {problem} raised {type(error).__name__}",
            got=getattr(error, "msg", None) or str(error),
            where=f"{file}:{line}  {source}".rstrip() if line else str(file),
            hint=f"mend {file.name}, then run again",
        ) from None
    names: set[str] = set()
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef | ast.AsyncFunctionDef):
            names.add(node.name)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            names |= {alias.asname or alias.name for alias in node.names}
        elif isinstance(node, ast.Assign):
            names |= {target.id for target in node.targets if isinstance(target, ast.Name)}
        elif isinstance(node, ast.If | ast.Try | ast.With | ast.For | ast.While):
            return None  # what it binds depends on what happens there
    return None if "*" in names else names


def texts(folder: Path, module: str) -> frozenset[str] | None:
    """Return the texts that stand as constants in a module of a problem, and in those that it imports from the folder.

    Args:
        folder: The problem's folder.
        module: The module, without the package.

    Returns:
        The texts; None for code that cannot be parsed, which fails elsewhere with better words.
    """
    found: set[str] = set()
    for file in reachable(folder, module):
        if file.suffix != ".py":
            continue
        try:
            tree = ast.parse(file.read_text(encoding="utf-8"))
        except (SyntaxError, UnicodeDecodeError):
            return None
        constants = (node.value for node in ast.walk(tree) if isinstance(node, ast.Constant))
        found |= {value for value in constants if isinstance(value, str)}
    return frozenset(found)
