"""Printing to a terminal or a pipe that may have been closed meanwhile."""

import contextlib
import errno
import os
from collections.abc import Iterator
from typing import TextIO


@contextlib.contextmanager
def unless_closed(stream: TextIO) -> Iterator[None]:
    """Print, unless nobody reads it any more; then what is printed goes nowhere from now on.

    That is a terminal that was closed (EIO), or a pipe whose reader has ended, as ``head`` does (EPIPE). The run itself
    must not fail for that: SIGHUP ends it in order, and under ``nohup`` or in a pipe it goes on.
    """
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.EIO, errno.EPIPE):
            raise
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)
