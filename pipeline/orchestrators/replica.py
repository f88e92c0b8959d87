"""What runs in each pod of a TFJob; ``TF_CONFIG``, which the operator sets, says which one this is.

``python -m pipeline.orchestrators.replica --run RUN --pipeline FILE --definition DIGEST``

The chief runs the nodes of the run, one after the other, each as ``runner.py node``; what is done already is left as it
is, so a chief that is started again goes on, and so does one whose run another scheduler has begun. The others wait
until the chief's Trainer says what is trained, in the run's record, and then train with it.

Exit codes, for ``restartPolicy: ExitCode``, which starts again what ends with more than 127, without end: those of a
node that are final (2 to 5); 1 where the machine failed again and again; 143 of a chief that was told to end; and
:data:`AGAIN` where another attempt may do. :mod:`pipeline.orchestrators.pods` counts attempts, and ends them.
"""

import argparse
import json
import os
import signal
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from components.cluster.roles import VARIABLE as TF_CONFIG
from components.cluster.roles import Role, part_of
from components.trainer.meeting import VARIABLE, join, wait_for_announcement
from pipeline.config import Settings
from pipeline.errors import PipelineError
from pipeline.orchestrators.compiled import Compiled, here, node_command
from pipeline.orchestrators.container import checked, record_of, run_command
from pipeline.orchestrators.manifest import settings_of
from pipeline.orchestrators.pods import Attempts, latest_step, nodes_done

AGAIN = 138
"""The exit code by which a pod asks for another attempt: the operator's, for the user to use (SIGUSR1)."""

_FINAL = 127  # the largest exit code after which the operator starts no other pod
_ENDED = (129, 130, 143)  # of a node that somebody ended in order, by SIGHUP, SIGINT or SIGTERM
_PAUSE_SECS = 10.0


def meeting_place(compiled: Compiled, run: str) -> Path:
    """Return the file in which the chief says what is trained."""
    return record_of(compiled, run) / "cluster.json"


def lead(compiled: Compiled, file: Path, run: str, *, pause: float = _PAUSE_SECS) -> int:
    """Run all nodes of a run; return the exit code of the first that fails for good, or 0.

    What the machine failed (1, or a signal that nobody sent to end it: the kernel, out of memory) is tried again as
    often as ``run.retries`` says, and ends the job then: another pod would only find the same. Who ends this pod in
    order, by SIGTERM, ends the node that runs, and gets 143, whatever that node comes to: the operator starts another
    chief, which goes on; or none, if the job is what was ended.
    """
    told: list[int] = []
    before = signal.signal(signal.SIGTERM, lambda number, frame: told.append(number))  # as process 1 it would be lost
    try:
        return _lead(compiled, file, run, pause, told)
    finally:
        signal.signal(signal.SIGTERM, before)


def _lead(compiled: Compiled, file: Path, run: str, pause: float, told: list[int]) -> int:
    settings: Settings = settings_of(compiled)
    for node in compiled.nodes:
        environment = _environment(node.id, meeting_place(compiled, run))
        command = node_command(node.id, run, str(file))
        for left in range(settings.run.retries, -1, -1):
            if told:
                return 128 + told[0]
            code = run_command(command, environment, told.append)
            if not _may_pass(code) or told:
                break
            _tell(f"{node.id} ended with {code}; {left or 'no'} attempts are left")
            if not left:
                return 1
            until = time.monotonic() + pause
            while time.monotonic() < until and not told:
                time.sleep(min(0.2, pause))
        if code:
            return 128 + told[0] if told else code
    return 0


def _may_pass(code: int) -> bool:
    return code == 1 or (code > _FINAL and code not in _ENDED)


def _environment(node: str, place: Path) -> Mapping[str, str]:
    """Return the environment of a node: the Trainer's alone is part of a cluster."""
    if node == "Trainer":
        return {**os.environ, VARIABLE: str(place)}
    return {name: value for name, value in os.environ.items() if name != TF_CONFIG}


def follow(compiled: Compiled, run: str, attempts: Attempts) -> int:
    """Train with the chief; return the exit code.

    Only an attempt that comes to train is counted: one that still waits costs nothing, and the run may not be there.
    """
    said = wait_for_announcement(meeting_place(compiled, run), _tell)
    attempts.count((0, latest_step(Path(said["model_dir"]))), _tell)
    code = join(said)
    return AGAIN if code == 1 else code


def _reached(compiled: Compiled, run: str) -> tuple[int, int]:
    """Return how far the chief's run is: how many nodes are done, and the step of the training's latest checkpoint."""
    try:
        said = json.loads(meeting_place(compiled, run).read_text(encoding="utf-8"))
        step = latest_step(Path(said["model_dir"]))
    except (OSError, ValueError, KeyError, TypeError):  # nothing is trained yet
        step = 0
    return nodes_done(record_of(compiled, run)), step


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
        return _take_part(compiled, file, given.run)
    except PipelineError as error:
        _tell(error.render())
        return error.exit_code
    except OSError as error:  # a network's file system, say, that has lost what it had open
        _tell(f"the machine failed this pod, which asks for another attempt: {error}")
        time.sleep(_PAUSE_SECS)  # the operator itself would not wait
        return AGAIN


def _take_part(compiled: Compiled, file: Path, run: str) -> int:
    part, cluster = part_of(os.environ), settings_of(compiled).training.cluster
    role = part.role if part else Role("chief")
    attempts = Attempts(
        Path(here(compiled.workspace)) / "pods" / run, role.file, cluster.max_restarts if cluster else 0
    )
    if part is None or part.leads:
        attempts.count(_reached(compiled, run), _tell)
        code = lead(compiled, file, run)
    else:
        code = follow(compiled, run, attempts)
    if code <= _FINAL:
        attempts.forget()
    return code


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)  # TensorFlow's servers cannot be ended otherwise
