"""What reads the output of a run may end before the run does."""

import errno
import os
import subprocess
import sys

import pytest

from pipeline.cli.closed import unless_closed

_PRINTS = """
import sys
import click
from pipeline.cli.closed import unless_closed
from pipeline.cli.display import Display
for _ in range(3):
    Display().note("of the run")
with unless_closed(sys.stdout):
    click.echo("the summary")
sys.exit(5)
"""


@pytest.mark.parametrize("closed", [("stderr",), ("stdout",), ("stdout", "stderr")])
def test_a_pipe_whose_reader_has_ended_does_not_end_the_run(closed: tuple[str, ...]) -> None:
    """As in ``run ... 2>&1 | head -1``: the exit code is that of the run."""
    reader, writer = os.pipe()
    os.close(reader)
    streams = {name: writer if name in closed else subprocess.PIPE for name in ("stdout", "stderr")}
    try:
        ended = subprocess.run([sys.executable, "-c", _PRINTS], **streams, text=True, check=False, timeout=60)  # type: ignore[call-overload]
    finally:
        os.close(writer)
    assert ended.returncode == 5, ended.stderr
    if "stderr" not in closed:
        assert ended.stderr == "of the run\n" * 3
    if "stdout" not in closed:
        assert ended.stdout == "the summary\n"


def test_another_fault_is_one() -> None:
    with pytest.raises(OSError, match="No space"), unless_closed(sys.stdout):
        raise OSError(errno.ENOSPC, "No space left on device")
