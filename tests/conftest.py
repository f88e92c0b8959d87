"""What holds for all tests."""

import os
import re
import signal
from collections.abc import Iterator
from pathlib import Path

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
_SHARED = ("shipped", "first")  # session fixtures that take long to make; who needs both goes where the first is


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave whole modules of slow tests alone in the fast tier: importing them would import TensorFlow."""
    if config.option.markexpr != "not slow" or collection_path.suffix != ".py":
        return None
    return bool(_SLOW.search(collection_path.read_text(encoding="utf-8"))) or None


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Where tests run in two processes (``--dist loadgroup``), keep those in one that share what took long to make."""
    for item in items:
        needed = getattr(item, "fixturenames", ())
        shared = next((name for name in _SHARED if name in needed), item.nodeid.partition("::")[0])
        item.add_marker(pytest.mark.xdist_group(shared))


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
