"""What runs in each pod of a TFJob; ``TF_CONFIG``, which the operator sets, says which one this is.

``python -m pipeline.orchestrators.replica --run RUN --pipeline FILE --definition DIGEST``

The chief runs the nodes of the run, one after the other, each as ``runner.py node``; what is done already is left as it
is, so a chief that is started again goes on, and so does one whose run another scheduler has begun. The others wait
until the chief's Trainer says what is trained, in the run's record, and then train with it.

Exit codes, for ``restartPolicy: ExitCode``, which starts again what ends with more than 127: those of a node; and
:data:`AGAIN` of a worker, parameter server or evaluator that the machine failed.
"""

import argparse
import os
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from components.cluster.roles import VARIABLE as TF_CONFIG
from components.cluster.roles import part_of
from components.trainer.meeting import VARIABLE, join, wait_for_announcement
from pipeline.config import Settings
from pipeline.errors import PipelineError
from pipeline.orchestrators.compiled import Compiled, here, node_command
from pipeline.orchestrators.container import checked, run_command
from pipeline.orchestrators.manifest import settings_of

AGAIN = 138
"""The exit code by which a pod asks for another attempt: the operator's, for the user to use (SIGUSR1)."""

_MAY_PASS = (1, 137)  # of a node: the machine failed it, or the kernel killed it
_PAUSE_SECS = 10.0


def meeting_place(compiled: Compiled, run: str) -> Path:
    """Return the file in which the chief says what is trained."""
    return Path(here(compiled.workspace)) / "runs" / run / "cluster.json"


def lead(compiled: Compiled, file: Path, run: str, *, pause: float = _PAUSE_SECS) -> int:
    """Run all nodes of a run; return the exit code of the first that fails for good, or 0."""
    settings: Settings = settings_of(compiled)
    for node in compiled.nodes:
        environment = _environment(node.id, meeting_place(compiled, run))
        command = node_command(node.id, run, str(file))
        for left in range(settings.run.retries, -1, -1):
            code = run_command(command, environment)
            if code not in _MAY_PASS or not left:
                break
            _tell(f"{node.id} ended with {code}; {left} attempts are left")
            time.sleep(pause)
        if code:
            return code
    return 0


def _environment(node: str, place: Path) -> Mapping[str, str]:
    """Return the environment of a node: the Trainer's alone is part of a cluster."""
    if node == "Trainer":
        return {**os.environ, VARIABLE: str(place)}
    return {name: value for name, value in os.environ.items() if name != TF_CONFIG}


def follow(compiled: Compiled, run: str) -> int:
    """Train with the chief; return the exit code."""
    code = join(wait_for_announcement(meeting_place(compiled, run), _tell))
    return AGAIN if code == 1 else code


def _tell(text: str) -> None:
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


def main(arguments: Sequence[str] | None = None) -> int:
    """Take this pod's part; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m pipeline.orchestrators.replica", description="One pod of a TFJob.")
    for name in ("run", "pipeline", "definition"):
        parser.add_argument(f"--{name}", required=True)
    given = parser.parse_args(arguments)
    file = Path(here(given.pipeline))
    try:
        compiled = checked(file, given.definition)
        part = part_of(os.environ)
        if part is None or part.leads:
            return lead(compiled, file, given.run)
        return follow(compiled, given.run)
    except PipelineError as error:
        _tell(error.render())
        return error.exit_code


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)  # TensorFlow's servers cannot be ended otherwise
