"""Waiting until the parameter servers answer, with the reason where they do not."""

import socket
import time
from collections.abc import Callable, Mapping

from pipeline.errors import InfrastructureError

_PAUSE = 0.1


def wait_for(addresses: Mapping[str, str], timeout: float, tell: Callable[[str], object] = str) -> None:
    """Return when all accept connections. TensorFlow itself would wait for ever, and say nothing.

    Args:
        addresses: ``host:port`` of each, by what it is called.
        timeout: Seconds.
        tell: Is told what is waited for, each time that it changes.

    Raises:
        InfrastructureError: If some do not.
    """
    until = time.monotonic() + timeout
    missing, told = dict(addresses), ""
    while missing:
        reasons = {name: _try(address) for name, address in missing.items()}
        missing = {name: addresses[name] for name, reason in reasons.items() if reason}
        if not missing:
            return
        waits = "\n".join(f"{name} at {addresses[name]}: {reasons[name]}" for name in missing)
        if waits != told:
            told = waits
            tell(waits)
        if time.monotonic() >= until:
            raise InfrastructureError(
                f"The training cluster did not form within {timeout:g} s",
                got=waits,
                expected="every parameter server answers",
                hint="see why they do not run (their logs), or whether the network lets this process reach them",
            )
        time.sleep(_PAUSE)


def _try(address: str) -> str | None:
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=5).close()
    except (OSError, ValueError) as error:
        return str(getattr(error, "strerror", None) or error).lower()
    return None
