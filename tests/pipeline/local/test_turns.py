"""Taking turns at a run's record with a real PostgreSQL: also when a session of it, or the server, is gone."""

from pathlib import Path

import pytest

from pipeline.errors import InfrastructureError, TransientError
from pipeline.local import liveness
from pipeline.local.liveness import Wait
from pipeline.local.turns import Beginning, on_server
from pipeline.local.workspace import Workspace
from pipeline.metadata.address import PASSWORD_VARIABLE, Address
from pipeline.metadata.lease import leases
from pipeline.metadata.record import StoreRecord, write_record
from tests.servers import SECRET, DatabaseServer, free_port

pytestmark = pytest.mark.slow

RUN = "flats.r1"


def workspace_on(address: Address, root: Path) -> Workspace:
    workspace = Workspace(root)
    workspace.run(RUN).mkdir(parents=True)
    write_record(root, StoreRecord(address, "w"))
    return workspace


@pytest.fixture
def address(postgresql: DatabaseServer, monkeypatch: pytest.MonkeyPatch) -> Address:
    monkeypatch.setenv(PASSWORD_VARIABLE, SECRET)
    monkeypatch.setattr(liveness, "_GLANCE", 0.1)
    return postgresql.create()


def lose_sessions(server: DatabaseServer, address: Address) -> None:
    """What a restart of the server, or a failover, does to those who are connected."""
    one = f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{address.database}'"
    assert server.execute(one)


def test_a_session_that_is_lost_while_a_node_runs_does_not_matter(
    postgresql: DatabaseServer, address: Address, tmp_path: Path
) -> None:
    workspace = workspace_on(address, tmp_path)
    begin = Beginning(workspace, RUN, Wait(0.5, print))
    with on_server(workspace) as lease:
        assert lease is not None
        assert lease(f"run {RUN} node Pusher").take()
        with begin.turn():
            pass
        lose_sessions(postgresql, address)
        with begin.turn():  # what the node came to is recorded
            with leases(address) as theirs:
                assert not theirs(f"run {RUN}").take(), "and nobody else records at the same time"
            with pytest.raises(TransientError), Beginning(workspace, RUN, Wait(0.2, print)).turn():
                pass
            lose_sessions(postgresql, address)
    with leases(address) as theirs:
        assert theirs(f"run {RUN}").take()


def test_others_exclude_one_another_by_the_database_alone(address: Address, tmp_path: Path) -> None:
    """As on two machines, whose locks of files are each their own; the lock of the file is not enough then."""
    one, other = (workspace_on(address, tmp_path / name) for name in ("one", "other"))
    with Beginning(one, RUN, Wait(0.5, print)).turn():
        for surely in (False, True):
            with pytest.raises(TransientError), Beginning(other, RUN, Wait(0.2, print)).turn(surely=surely):
                pass
    with Beginning(other, RUN, Wait(0.5, print)).turn():
        pass


def test_what_has_happened_is_recorded_without_a_server_too(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(PASSWORD_VARIABLE, SECRET)
    workspace = workspace_on(Address("postgresql", "pipeline", "127.0.0.1", free_port(), "m"), tmp_path)
    begin = Beginning(workspace, RUN, Wait(0.5, print))
    with pytest.raises(InfrastructureError), begin.turn():
        pass
    reached = False
    with begin.turn(surely=True):
        reached = True
    assert reached
