"""How the processes of a training cluster on a platform meet: the chief's Trainer says what is trained.

A platform starts each of them by itself. Only the chief runs the node, and so only it knows what TFX's launcher hands
to the ``run_fn``. It writes that into a file that all of them can see (:data:`VARIABLE` names it), and the others,
which began to wait for it whenever they came, take their parts.
"""

import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from components.trainer.member import given, task_from
from components.whole import write_whole

VARIABLE = "ESTIMATOR_PIPELINE_CLUSTER_MEETING"
_LOOK_SECS = 0.5
_TELL_SECS = 60.0


def announce(fn_args: Any, problem: str, model_dir: Path) -> None:
    """Say what is trained, if a file is named for it; over what an earlier attempt of the chief said."""
    name = os.environ.get(VARIABLE)
    if not name:
        return
    file = Path(name)
    file.parent.mkdir(parents=True, exist_ok=True)
    write_whole(file, json.dumps({**given(fn_args, problem), "model_dir": str(model_dir)}))


def wait_for_announcement(file: Path, tell: Callable[[str], object]) -> dict[str, Any]:
    """Return what the chief has said. There is no end to the wait: who started this process ends it with the chief.

    Args:
        file: Where it says it.
        tell: Called at once and then each minute with a sentence, while there is nothing.
    """
    began, told = time.monotonic(), -float("inf")
    while True:
        try:
            value: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        except FileNotFoundError:
            reason = ""
        except (OSError, ValueError) as error:  # as of a network's file system that has just been given another one
            reason = f"; it cannot be read: {error}"
        else:
            return value
        now = time.monotonic()
        if now - told >= _TELL_SECS:
            told = now
            tell(f"waiting for the chief's Trainer to begin ({now - began:.0f} s): {file}{reason}")
        time.sleep(_LOOK_SECS)


def join(said: dict[str, Any]) -> int:
    """Take the part that ``TF_CONFIG`` gives this process in what the chief trains.

    Args:
        said: What the chief has said.

    Returns:
        The exit code, as of any process of a cluster: 0 done, 70 told why it cannot go on, 1 anything that may pass.

    Raises:
        OSError: If the training's folder is not to be had, as may pass as well.
    """
    from components.cluster.member import run
    from components.cluster.supervisor import FOLDER
    from components.estimator.distributed import take_part

    folder = Path(said["model_dir"]) / FOLDER
    folder.mkdir(exist_ok=True)
    return run(lambda: take_part(task_from(said)), folder)
