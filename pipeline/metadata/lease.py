"""Locks in the database of a metadata store, for machines that share no file system with working locks.

Their session does nothing else: the server takes them back when the connection ends, be it that the holder was killed.
Of a machine that vanished PostgreSQL finds out within a minute, by keepalive packets of TCP; MySQL as its machine is
set up to, which is two hours by default.

Sources: https://www.postgresql.org/docs/current/explicit-locking.html#ADVISORY-LOCKS,
https://dev.mysql.com/doc/refman/8.0/en/locking-functions.html.
"""

import hashlib
import os
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from pipeline.metadata.address import Address
from pipeline.metadata.servers import connect, unusable

_KEEPALIVE = {"tcp_keepalives_idle": 20, "tcp_keepalives_interval": 10, "tcp_keepalives_count": 3}
_YEAR = 31_536_000  # seconds: the longest that MySQL lets a session wait for its next statement


def me() -> str:
    """Return this process as others are told of it."""
    return f"process {os.getpid()} on {socket.gethostname()}"


class Lease:
    """A lock that is not held yet.

    Args:
        address: The database.
        cursor: A cursor of the lock's own session.
        key: What the lock is of: the same for those who exclude one another.
    """

    def __init__(self, address: Address, cursor: Any, key: str) -> None:
        digest = hashlib.sha256(f"estimator-pipeline {key}".encode()).digest()
        self._address, self._cursor = address, cursor
        self._number = int.from_bytes(digest[:8], "big", signed=True)  # PostgreSQL's locks have numbers of 64 bits
        self._name = f"estimator-pipeline-{digest.hex()[:40]}"  # and MySQL's have names of up to 64 characters

    def take(self) -> bool:
        """Try to take it, without waiting; also if this session has it already.

        Raises:
            InfrastructureError: If the server does not answer.
        """
        if self._address.kind == "postgresql":
            return bool(self._ask("SELECT pg_try_advisory_lock(%s)", self._number))
        return self._ask("SELECT GET_LOCK(%s, 0)", self._name) == 1

    def release(self) -> None:
        """Give it back before the session ends."""
        if self._address.kind == "postgresql":
            self._ask("SELECT pg_advisory_unlock(%s)", self._number)
        else:
            self._ask("SELECT RELEASE_LOCK(%s)", self._name)

    def holder(self) -> str:
        """Return who holds it, in words; empty if nobody does, or that cannot be told."""
        if self._address.kind == "postgresql":
            high, low = (self._number >> 32) & 0xFFFFFFFF, self._number & 0xFFFFFFFF
            found = self._ask(
                "SELECT application_name FROM pg_locks JOIN pg_stat_activity USING (pid) WHERE locktype = 'advisory'"
                " AND pg_locks.classid::bigint = %s AND pg_locks.objid::bigint = %s AND objsubid = 1 AND granted",
                *(high, low),
            )
            return str(found or "")
        number = self._ask("SELECT IS_USED_LOCK(%s)", self._name)
        if number is None:
            return ""
        host = self._ask("SELECT host FROM information_schema.processlist WHERE id = %s", number)
        return f"connection {number} of the metadata's server" + (f", from {host}" if host else "")

    def _ask(self, statement: str, *values: Any) -> Any:
        try:
            self._cursor.execute(statement, values)
            row = self._cursor.fetchone()
        except Exception as error:  # noqa: BLE001  whatever a driver raises is a state of the server
            raise unusable(self._address, error) from None
        return row[0] if row else None


@contextmanager
def leases(address: Address) -> Iterator[Callable[[str], Lease]]:
    """Give the locks of a database by what they are of; whoever has one loses it at the end.

    Args:
        address: The database.

    Raises:
        InfrastructureError: If the server cannot be reached or used.
        SettingsError: If its driver is not installed.
    """
    with connect(address) as connection, connection.cursor() as cursor:
        try:
            if address.kind == "postgresql":
                # Names have 63 bytes there; what is longer is cut off.
                cursor.execute("SELECT set_config('application_name', %s, false)", (me(),))
                for name, value in _KEEPALIVE.items():
                    cursor.execute(f"SET {name} = {value}")
            else:
                cursor.execute(f"SET SESSION wait_timeout = {_YEAR}")
        except Exception as error:  # noqa: BLE001  likewise
            raise unusable(address, error) from None
        yield lambda key: Lease(address, cursor, key)
