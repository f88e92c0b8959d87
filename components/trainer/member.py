"""One process of the Trainer's cluster as a fresh interpreter: ``python -m components.trainer.member JSON``.

Only where the Trainer's process cannot fork: on an orchestrator that runs it beside threads, say. The JSON holds what
the ``run_fn`` was given, and where the problem's code is.
"""

import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from components.cluster.member import PARENT, run, tie
from components.user_code import place

_GIVEN = (
    "train_files",
    "eval_files",
    "transform_output",
    "base_model",
    "hyperparameters",
    "model_run_dir",
    "serving_model_dir",
    "custom_config",
)


def given(fn_args: Any, problem: str) -> dict[str, Any]:
    """Return what another process needs to know to train the same: what the ``run_fn`` was given, and the code."""
    folder = place.folder(problem)
    return {
        "fn_args": {name: getattr(fn_args, name) for name in _GIVEN},
        "code": [str(folder.parent), problem, str(place.original(folder))],
    }


def task_from(said: Mapping[str, Any]) -> Any:
    """Return the :class:`components.estimator.training.Task` of what :func:`given` returned in another process."""
    from components.trainer.run import task_of

    copies, problem, origin = said["code"]
    place.use_copy(Path(copies), problem, Path(origin))
    return task_of(SimpleNamespace(**said["fn_args"]))[0]


def command(fn_args: Any, problem: str) -> list[str]:
    """Return the command of a process that is one of the cluster that a Trainer with these arguments forms."""
    return [sys.executable, "-m", "components.trainer.member", json.dumps(given(fn_args, problem))]


def main() -> int:
    """Take the part that ``TF_CONFIG`` says; return the exit code."""
    tie(int(os.environ[PARENT]))
    from components.cluster.supervisor import FOLDER
    from components.estimator.distributed import take_part

    task = task_from(json.loads(sys.argv[1]))
    return run(lambda: take_part(task), task.model_dir / FOLDER)


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
