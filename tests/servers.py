"""Database servers that the tests start: Debian's own, each with a data folder that goes when the tests end."""

import contextlib
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from pipeline.metadata.address import PASSWORD_VARIABLE, Address
from pipeline.metadata.servers import connect

TOKEN = "Zq7Gm2vK"  # a piece that no way of quoting changes
SECRET = f"it's\\a b={TOKEN}"  # what it takes to be quoted wrongly
USER = "pipeline"
_SECONDS = 60.0


@dataclass(frozen=True)
class DatabaseServer:
    """A running server.

    Attributes:
        kind: ``postgresql`` or ``mysql``.
        port: On 127.0.0.1.
        folder: Its data.
        process: Its process.
    """

    kind: str
    port: int
    folder: Path
    process: "subprocess.Popen[bytes]"

    def address(self, database: str, user: str = USER) -> Address:
        return Address(self.kind, user, "127.0.0.1", self.port, database)

    def create(self) -> Address:
        """Make an empty database, and say where it is."""
        name = f"m{secrets.token_hex(6)}"
        self.execute(f"CREATE DATABASE {name}")
        return self.address(name)

    def execute(self, statement: str, database: str = "postgres") -> list[Any]:
        """Execute a statement as the user of the tests, who may do anything."""
        where = self.address(database if self.kind == "postgresql" or database != "postgres" else "mysql")
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv(PASSWORD_VARIABLE, SECRET)
            connection = contextlib.ExitStack()
            one = connection.enter_context(connect(where))
        with connection:
            cursor = one.cursor()
            cursor.execute(statement)
            return list(cursor.fetchall()) if cursor.description else []

    def dump(self, address: Address) -> str:
        """All values that a database holds, as text."""
        schema = "public" if self.kind == "postgresql" else address.database
        tables = f"SELECT table_name FROM information_schema.tables WHERE table_schema = '{schema}'"
        rows = [
            self.execute(f"SELECT * FROM {one}", address.database) for [one] in self.execute(tables, address.database)
        ]
        return "\n".join(str(value) for table in rows for row in table for value in row)


def _found(program: str) -> str:
    places = [*sorted(map(str, Path("/usr/lib/postgresql").glob("*/bin")), reverse=True), "/usr/sbin"]
    found = shutil.which(program, path=os.pathsep.join([*places, os.environ.get("PATH", "")]))
    if found is None:
        if os.environ.get("CI"):
            pytest.fail(f"{program} is not installed; .ci/servers installs it")
        pytest.skip(f"{program} is not installed; .ci/servers installs it")
    return found


@contextmanager
def postgresql() -> Iterator[DatabaseServer]:
    """Start a PostgreSQL that asks for passwords."""
    programs = [_found(name) for name in ("initdb", "postgres")]
    with _folder("postgres") as (folder, user):
        (folder / "secret").write_text(SECRET)
        subprocess.run(
            [
                *(programs[0], "-D", folder / "data", "-U", USER, f"--pwfile={folder / 'secret'}"),
                *("-A", "scram-sha-256", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"),
            ],
            check=True,
            stdout=subprocess.DEVNULL,
            **user,
        )
        (folder / "secret").unlink()
        port = free_port()
        command = [programs[1], "-D", folder / "data", "-k", folder, "-p", str(port)]
        for setting in ("listen_addresses=127.0.0.1", "fsync=off", "lc_messages=C"):
            command += ["-c", setting]
        with _running("postgresql", command, folder, port, user=user, begin=lambda: None) as server:
            yield server


@contextmanager
def mariadb() -> Iterator[DatabaseServer]:
    """Start a MariaDB."""
    programs = [_found(name) for name in ("mariadb-install-db", "mariadbd", "mariadb")]
    with _folder("mysql", "nobody") as (folder, user):
        subprocess.run(
            [
                *(programs[0], "--no-defaults", f"--datadir={folder / 'data'}"),
                *("--skip-test-db", "--auth-root-authentication-method=normal"),
            ],
            check=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            **user,
        )
        port = free_port()
        command = [programs[1], "--no-defaults", f"--datadir={folder / 'data'}", f"--socket={folder / 'socket'}"]
        command += [f"--port={port}", "--bind-address=127.0.0.1", f"--pid-file={folder / 'pid'}"]
        command += ["--innodb-flush-log-at-trx-commit=0"]

        def add_user() -> None:
            secret = SECRET.replace("\\", "\\\\").replace("'", "''")
            subprocess.run(
                [
                    *(programs[2], "--no-defaults", f"--socket={folder / 'socket'}", "-uroot", "-e"),
                    f"GRANT ALL ON *.* TO {USER}@'127.0.0.1' IDENTIFIED BY '{secret}' WITH GRANT OPTION",
                ],
                check=True,
                stderr=subprocess.DEVNULL,
            )

        with _running("mysql", command, folder, port, user=user, begin=add_user) as server:
            yield server


@contextmanager
def _folder(*users: str) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Make a folder that the server's user may enter, and how to become that user: no server runs as root."""
    who: dict[str, Any] = {}
    with tempfile.TemporaryDirectory(prefix="server-", ignore_cleanup_errors=True) as name:
        if os.geteuid() == 0:
            known = {one.pw_name: one for one in pwd.getpwall()}
            user = next(known[one] for one in (*users, "nobody") if one in known)
            os.chown(name, user.pw_uid, user.pw_gid)
            who = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
        yield Path(name), {**who, "cwd": name}


@contextmanager
def _running(
    kind: str, command: list[Any], folder: Path, port: int, *, user: dict[str, Any], begin: Callable[[], None]
) -> Iterator[DatabaseServer]:
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, **user)
    server = DatabaseServer(kind, port, folder, process)
    try:
        end = time.monotonic() + _SECONDS
        while True:
            try:
                begin()
                server.execute("SELECT 1")
                break
            except Exception:  # noqa: BLE001  not there yet, in many words
                if process.poll() is not None or time.monotonic() > end:
                    pytest.fail(f"{command[0]} does not run:\n{(folder / 'log').read_text(errors='replace')[-2000:]}")
                time.sleep(0.1)
        yield server
    finally:
        process.send_signal(signal.SIGQUIT if kind == "postgresql" else signal.SIGKILL)  # at once: who waits for data?
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])
