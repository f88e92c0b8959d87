"""One process of a cluster as a fresh interpreter, as ``components.trainer.member`` is; see training_program.py."""

import os
import sys
from pathlib import Path

from components.cluster.member import PARENT, run, tie

if __name__ == "__main__":
    tie(int(os.environ[PARENT]))
    from components.cluster.supervisor import FOLDER
    from components.estimator.distributed import take_part
    from tests.components.cluster.training_program import task_of

    folder = Path(sys.argv[1])
    os._exit(run(lambda: take_part(task_of(folder, sys.argv[2])), folder / "model" / FOLDER))
