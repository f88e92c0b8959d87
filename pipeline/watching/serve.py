"""The process that is TensorBoard: ``python -m pipeline.watching.serve --logdir ... --port ...``.

TensorBoard 2.16 imports ``pkg_resources``, which setuptools 81 took away, for two functions: so the ``tensorboard``
command does not start. They are given back here. It does without TensorFlow, which would cost seconds and memory and
which it needs for none of what an Estimator writes.
"""

import ctypes
import os
import signal
import sys
from importlib import metadata
from types import ModuleType, SimpleNamespace
from typing import Any

_PR_SET_PDEATHSIG = 1
PARENT = "ESTIMATOR_PIPELINE_TENSORBOARD_PARENT"


def main() -> None:
    """Run TensorBoard with the command line's arguments, until it is ended or its parent is."""
    _end_with_parent()
    if "pkg_resources" not in sys.modules:
        sys.modules["pkg_resources"] = _pkg_resources()
    sys.modules["tensorboard.compat.notf"] = ModuleType("tensorboard.compat.notf")
    from tensorboard import main as tensorboard

    sys.argv[0] = "tensorboard"
    tensorboard.run_main()


def _end_with_parent() -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    parent = os.environ.get(PARENT)
    if parent is not None and os.getppid() != int(parent):  # it died before we had asked
        sys.exit(1)


def _pkg_resources() -> ModuleType:
    from packaging import version

    def iter_entry_points(group: str) -> list[Any]:
        return [SimpleNamespace(name=one.name, resolve=one.load) for one in metadata.entry_points(group=group)]

    module: Any = ModuleType("pkg_resources")
    module.iter_entry_points = iter_entry_points
    module.parse_version = version.parse
    return module


if __name__ == "__main__":
    main()
