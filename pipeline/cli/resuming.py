"""The command that goes on where a run stopped."""

import shlex
import sys


def resume_line() -> str:
    """Return the line that says how to go on: the command that was given, as it can be given again."""
    return f"  resume    {shlex.join(['python', *sys.argv])}   (finished nodes are reused)"
