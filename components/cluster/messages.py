"""What a process of a cluster tells the one that supervises it, over a pipe: one JSON object a line.

On a platform nobody listens, and nothing is told.
"""

import contextlib
import json
import os
import threading
import time
from typing import Any

PIPE = "ESTIMATOR_PIPELINE_CLUSTER_PIPE"
"""The variable with the number of the pipe, in a process that is supervised."""

PULSE_SECS = 1.0

in_step = threading.Event()
"""Set while this process, the chief, computes a step like the ones before it: what takes no longer than they did."""


def tell(**message: Any) -> None:
    """Tell the supervisor something; short, so that lines of several processes never mix (pipe(7), PIPE_BUF)."""
    pipe = os.environ.get(PIPE)
    if pipe:
        with contextlib.suppress(BrokenPipeError):
            os.write(int(pipe), json.dumps(message).encode() + b"\n")


def pulse(**who: Any) -> None:
    """Tell the supervisor every second, beside whatever this process does, that it is there.

    With it goes whether it is at something that may take its time, restoring, compiling and saving, say.
    """

    def beat() -> None:
        while True:
            tell(**who, alive=True, busy=not in_step.is_set())
            time.sleep(PULSE_SECS)

    if supervised():
        threading.Thread(target=beat, name="pulse", daemon=True).start()


def supervised() -> bool:
    """Whether this process is one of a cluster that we have started ourselves."""
    return PIPE in os.environ
