"""The command that goes on where a run stopped."""

import re
import shlex
import sys
from collections.abc import Iterable

from pipeline.cli.paths import near
from pipeline.errors import LimitError, PipelineError, SettingsError

_REUSED = "   (finished nodes are reused)"
_MEANT = re.compile(r"did you mean (\S+)\?")
_RAISED = re.compile(r"--set (run\.(?:timeout_secs|memory_mb)\.\w+=\d+)")


def resume_line(errors: Iterable[PipelineError] = ()) -> str:
    """Return the line that says how to go on: the command that was given, as it can be given again.

    Args:
        errors: Why nodes failed; where one exceeded a limit, the line has the limit that is proposed for it, and where
            one refused a setting that the command gave, the line has the proposed value, or ``...``, in its place.
    """
    return again_line(sys.argv, errors, cache="--no-cache" not in sys.argv)


def again_line(words: Iterable[str], errors: Iterable[PipelineError] = (), *, cache: bool = True) -> str:
    """Return the line for a command that begins another run; see :func:`resume_line`."""
    errors = list(errors)
    given = [_mended(word, errors) for word in words]
    for setting in (found for error in errors if isinstance(error, LimitError) for found in _raised(error)):
        given += ["--set", setting]
    return f"  resume    {shlex.join(['python', *given])}" + (_REUSED if cache else "")


def _mended(word: str, errors: Iterable[PipelineError]) -> str:
    """Return a word of the command; of one that sets what was refused while the run went on, another value."""
    key, equals, _ = word.partition("=")
    if key == "--set":
        prefix, (key, equals, _) = "--set=", word.removeprefix("--set=").partition("=")
    else:
        prefix = ""
    for one in (part for error in errors for part in (error, *error.parts)):
        if equals and isinstance(one, SettingsError) and one.where == key.strip():
            meant = _MEANT.fullmatch(one.hint or "")
            return f"{prefix}{key}={meant[1] if meant else '...'}"
    return word


def _raised(error: LimitError) -> list[str]:
    return _RAISED.findall(error.hint or "")


def resume_run_line(run: str, workspace: str) -> str:
    """Return the line for a run that can be resumed as that run."""
    command = shlex.join(["python", sys.argv[0], "resume", run, "--workspace", near(workspace)])
    return f"  resume    {command}{_REUSED}"
