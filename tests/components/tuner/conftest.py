"""Studies without a wait for the disk, which is what they mostly do: what is tested here is not a loss of power."""

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import event
from sqlalchemy.engine import Engine


def _in_a_hurry(connection: Any, record: Any) -> None:
    del record
    connection.execute("PRAGMA synchronous = OFF")


@pytest.fixture(autouse=True)
def _no_wait_for_the_disk() -> Iterator[None]:
    event.listen(Engine, "connect", _in_a_hurry)
    yield
    event.remove(Engine, "connect", _in_a_hurry)
