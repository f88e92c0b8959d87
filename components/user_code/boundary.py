"""The one boundary around calls into user code: what fails there is named by problem, function and line."""

import errno
import linecache
import os
import re
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from components.user_code import place
from components.user_code.slips import find_slip
from pipeline.errors import OUT_OF_MEMORY, PipelineError, UserCodeError, find

_FILE_LINE = re.compile(r'File "([^"]+)", line (\d+)')
_FULL = os.strerror(errno.ENOSPC)
# What TensorFlow says of an operation that failed, between where it was made and its place in the graph.
_OPERATION = re.compile(r"(?:^Node: [^\n]*\n)+(.*?)(?=\n\s*\[\[\{\{|\Z)", re.MULTILINE | re.DOTALL)


@contextmanager
def user_code(problem: str, function: str, module: str) -> Iterator[None]:
    """Turn whatever is raised inside into a :class:`UserCodeError` that names the user's own line.

    Args:
        problem: The problem's name.
        function: The function that is called, as it is said in the headline.
        module: The module of the problem that holds it, without the package.

    Raises:
        UserCodeError: Instead of any other exception; errors of ours and of the machine pass as they are.
    """
    try:
        yield
    except PipelineError:
        raise
    except MemoryError:
        raise
    except Exception as error:
        # A checkpoint did not fit, say, or a tensor; TensorFlow has its own exceptions for it.
        if any(sign in str(error) for sign in (_FULL, *OUT_OF_MEMORY)):
            raise
        known = find(error)
        raise known or explain(error, problem, function, module) from error


def explain(error: BaseException, problem: str, function: str, module: str) -> UserCodeError:
    """Describe an exception that came out of user code, by the innermost line of the problem's folder."""
    file, line = last_user_line(error, place.folder(problem)) or (place.folder(problem) / f"{module}.py", None)
    source = linecache.getline(str(file), line).strip() if line else ""
    shown = place.original(file)
    slip = find_slip(error)
    return UserCodeError(
        slip.headline if slip else f"{function} of {problem} raised {type(error).__name__}",
        got=_first_lines(str(error)) or None,
        where=f"{shown}:{line}  {source}".rstrip() if line else str(shown),
        hint=slip.hint
        if slip
        else f"mend {shown.name}, then run again; what is finished is reused (--verbose shows the whole trace)",
    )


def last_user_line(error: BaseException, folder: Path) -> tuple[Path, int] | None:
    """Find the innermost frame inside ``folder``, in the traceback or in the message, where TensorFlow quotes them."""
    found: tuple[Path, int] | None = None
    current: BaseException | None = error
    while current is not None and found is None:
        for frame in traceback.extract_tb(current.__traceback__):
            path = Path(frame.filename)
            if path.is_absolute() and path.resolve().is_relative_to(folder) and frame.lineno:
                found = path.resolve(), frame.lineno
        if found is None:
            for name, number in _FILE_LINE.findall(str(current)):
                if Path(name).resolve().is_relative_to(folder):
                    found = Path(name).resolve(), int(number)
        if found is None and isinstance(current, SyntaxError) and current.filename:
            path = Path(current.filename).resolve()
            if path.is_relative_to(folder):
                found = path, current.lineno or 1
        current = current.__cause__ or current.__context__
    return found


def _first_lines(text: str, most: int = 3, width: int = 300) -> str:
    operation = _OPERATION.search(text)
    lines = [line.strip() for line in (operation.group(1) if operation else text).splitlines() if line.strip()]
    skip = next((i for i, line in enumerate(lines) if _FILE_LINE.search(line)), None)
    if skip == 0:  # an op's error that begins with its traceback: the message is what follows it
        lines = [line for line in lines if not _FILE_LINE.search(line)]
    return "\n".join(line[:width] for line in lines[:most])
