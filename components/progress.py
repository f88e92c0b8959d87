"""How a node tells the person what it is doing, while it does it.

The runner names a file in the environment; a node appends one JSON object a line to it. Where none is
named (on an orchestrator, in a test) reports go to the log only.
"""

import json
import logging
import os
import time
from pathlib import Path
from typing import Any

VARIABLE = "ESTIMATOR_PIPELINE_EVENTS"

_log = logging.getLogger(__name__)


def report(**event: Any) -> None:
    """Report one event.

    ``report(step=100, of=2000, loss=0.3)`` and ``report(note="...")`` say what is being done just now, and the next
    one takes its place. ``report(line="...")`` says what a person is to see in any case: it has a line of its own.
    """
    line = json.dumps({"time": time.time(), **event})
    _log.info("progress %s", line)
    name = os.environ.get(VARIABLE)
    if name:
        with Path(name).open("a", encoding="utf-8") as file:
            file.write(line + "\n")
