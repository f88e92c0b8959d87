"""Locks in a real PostgreSQL and a real MariaDB: one holder, who is named, and who loses it when killed."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pipeline.errors import InfrastructureError
from pipeline.metadata.address import PASSWORD_VARIABLE
from pipeline.metadata.lease import leases
from tests.servers import SECRET, DatabaseServer

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[3]
HOLDER = """
import sys, time
from pipeline.metadata.address import parse
from pipeline.metadata.lease import leases
with leases(parse(sys.argv[1])) as lease:
    print(lease("node").take(), flush=True)
    time.sleep(60)
"""


@pytest.fixture(params=["postgresql", "mariadb"])
def server(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> DatabaseServer:
    found: DatabaseServer = request.getfixturevalue(request.param)
    monkeypatch.setenv(PASSWORD_VARIABLE, SECRET)
    return found


def test_one_at_a_time(server: DatabaseServer) -> None:
    address = server.create()
    with leases(address) as ours, leases(address) as theirs:
        assert ours("node").holder() == ""
        assert ours("node").take()
        assert not theirs("node").take()
        assert theirs("another node").take()
        assert theirs("node").holder()
        ours("node").release()
        assert theirs("node").take()
    with leases(address) as ours:
        assert ours("node").take()


def test_a_killed_holder_loses_it(server: DatabaseServer) -> None:
    address = server.create()
    holder = subprocess.Popen([sys.executable, "-c", HOLDER, address.url], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "True\n"
        with leases(address) as lease:
            assert not lease("node").take()
            told = lease("node").holder()
            if server.kind == "postgresql":
                assert told.startswith(f"process {holder.pid} on ")
            else:
                assert told.startswith("connection ")
                assert "from 127.0.0.1" in told or "from localhost" in told
            holder.send_signal(signal.SIGKILL)
            end = time.monotonic() + 10
            while not (taken := lease("node").take()) and time.monotonic() < end:
                time.sleep(0.05)
            assert taken
    finally:
        holder.kill()
        if holder.stdout is not None:
            holder.stdout.close()
        holder.wait(10)


def test_a_server_that_is_gone_is_told_in_words(server: DatabaseServer) -> None:
    address = server.create()
    with leases(address) as lease, pytest.raises(InfrastructureError) as caught:
        if server.kind == "postgresql":
            mine = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = "
            server.execute(f"{mine}'{address.database}'")
        else:
            [[number]] = server.execute(
                f"SELECT id FROM information_schema.processlist WHERE db = '{address.database}'"
            )
            server.execute(f"KILL {number}")
        lease("node").take()
    assert caught.value.where == address.url
