"""What holds for all tests."""

import functools
import os
import re
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import servers
from tests.servers import DatabaseServer

# TensorFlow takes Keras 2 or 3 when it is first imported, by whichever test comes first; components.estimator.compat,
# which sets this too, must not come too late.
os.environ["TF_USE_LEGACY_KERAS"] = "1"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "1")

# A shell that starts the tests in the background has them ignore Ctrl-C, and with them all that they start and stop.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

_SLOW = re.compile(r"^pytestmark = (\[\s*)?pytest\.mark\.slow\b", re.MULTILINE)
_SHARED = "shipped"  # the session fixture that takes long to make


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave whole modules of slow tests alone in the fast tier: importing them would import TensorFlow."""
    if config.option.markexpr != "not slow" or collection_path.suffix != ".py":
        return None
    return bool(_SLOW.search(collection_path.read_text(encoding="utf-8"))) or None


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Where files go to two processes (``--dist loadfile``), keep those in one that need the runs of what ships."""
    if config.getoption("dist") != "loadfile":
        return None
    from xdist.scheduler import LoadFileScheduling

    class Together(LoadFileScheduling):
        def _split_scope(self, nodeid: str) -> str:
            file = nodeid.partition("::")[0]
            return _SHARED if _needs_shared(config.rootpath / file) else file

    return Together(config, log)


@functools.cache
def _needs_shared(file: Path) -> bool:
    return re.search(rf"\b{_SHARED}: Ship\b", file.read_text(encoding="utf-8")) is not None


@pytest.fixture(scope="session")
def postgresql() -> Iterator[DatabaseServer]:
    """A PostgreSQL of the tests' own; they are skipped where Debian's packages are not installed, save in CI."""
    with servers.postgresql() as server:
        yield server


@pytest.fixture(scope="session")
def mariadb() -> Iterator[DatabaseServer]:
    """A MariaDB, likewise."""
    with servers.mariadb() as server:
        yield server
