"""Which store a workspace has, on a real PostgreSQL and a real MariaDB: set up, remembered, and refused in words."""

import socket
import subprocess
import sys
import time
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from ml_metadata.proto import metadata_store_pb2 as mlmd

from pipeline.errors import InfrastructureError, PipelineError, SettingsError
from pipeline.lineage.store import open_store
from pipeline.metadata import servers
from pipeline.metadata.address import PASSWORD_VARIABLE, Address
from pipeline.metadata.choosing import choose
from pipeline.metadata.client import STAND_IN, Client, connection_config, lost_store
from pipeline.metadata.locks import turn
from tests.servers import SECRET, TOKEN, DatabaseServer

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[3]


@pytest.fixture(params=["postgresql", "mariadb"])
def server(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> DatabaseServer:
    found: DatabaseServer = request.getfixturevalue(request.param)
    monkeypatch.setenv(PASSWORD_VARIABLE, SECRET)
    return found


@pytest.fixture
def refused(tmp_path: Path) -> Callable[[Address], InfrastructureError]:
    """Ask for a store that cannot be had, and give what was said."""

    def given(address: Address) -> InfrastructureError:
        with pytest.raises(InfrastructureError) as caught:
            choose(tmp_path, address)
        assert not (tmp_path / "metadata.toml").exists(), "it is remembered although it cannot be used"
        assert caught.value.where == address.url
        said = caught.value.render()
        assert TOKEN not in said
        assert "Traceback" not in said
        return caught.value

    return given


TEXTS = {
    "quotes": """it's "so" $0 $1 %s ; -- é \U0001f600\n\t""",
    "backslash": '{"a": "{\\"b\\": \\"c\\\\\\\\d\\"}"} \\',
    "long": "".join(f"{n:x}\\" for n in range(100_000)),
    "empty": "",
}


def test_what_is_written_is_read_again(server: DatabaseServer, tmp_path: Path) -> None:
    """Backslashes, and texts that are longer than an index takes: both fail on a PostgreSQL that ML Metadata set up."""
    address = server.create()
    assert choose(tmp_path, address) == address
    client = Client(connection_config(tmp_path), tmp_path)
    kind = client.put_execution_type(mlmd.ExecutionType(name="A", properties={"long": mlmd.STRING}))
    one = mlmd.Execution(type_id=kind)
    for name, text in TEXTS.items():
        (one.properties if name == "long" else one.custom_properties)[name].string_value = text
    one.custom_properties["object"].struct_value.update({"a": "b\\c"})
    [number] = client.put_executions([one])
    for _ in range(2):
        [back] = client.get_executions_by_id([number])
        values = {**back.custom_properties, **back.properties}
        assert {name: values[name].string_value for name in TEXTS} == TEXTS
        assert back.custom_properties["object"].struct_value["a"] == "b\\c"
        client.put_executions([back])  # as TFX does, when it publishes
    dumped = server.dump(address)
    assert STAND_IN not in dumped, "other readers do not see what was written"
    if server.kind == "postgresql":
        [row] = server.execute("SELECT string_value FROM executionproperty WHERE name = 'backslash'", address.database)
        assert row[0] == TEXTS["backslash"]
        indexes = "SELECT count(*) FROM pg_indexes WHERE indexname LIKE 'idx_%_property_string'"
        assert server.execute(indexes, address.database) == [(3,)]


def test_answers_come_in_order(server: DatabaseServer, tmp_path: Path) -> None:
    """Of a row that was written again PostgreSQL tells last; TFX takes the second answer for that to the second id."""
    choose(tmp_path, server.create())
    client = Client(connection_config(tmp_path), tmp_path)
    kind = client.put_artifact_type(mlmd.ArtifactType(name="A"))
    execution_kind = client.put_execution_type(mlmd.ExecutionType(name="E"))
    artifacts = client.put_artifacts([mlmd.Artifact(type_id=kind, uri=f"/{n}") for n in range(3)])
    executions = client.put_executions([mlmd.Execution(type_id=execution_kind) for _ in range(3)])
    client.put_artifacts([mlmd.Artifact(id=artifacts[0], type_id=kind, uri="/0", state=mlmd.Artifact.LIVE)])
    again = mlmd.Execution(id=executions[0], type_id=execution_kind, last_known_state=mlmd.Execution.COMPLETE)
    client.put_executions([again])
    assert [one.id for one in client.get_artifacts_by_id(artifacts)] == artifacts
    assert [one.id for one in client.get_artifacts_by_type("A")] == artifacts
    assert [one.id for one in client.get_executions_by_id(executions)] == executions


OPENS = """
import sys, time
from pathlib import Path
from pipeline.metadata.address import parse
from pipeline.metadata.choosing import choose
from pipeline.metadata.client import Client, connection_config, mlmd
root = Path(sys.argv[1])
time.sleep(max(0.0, float(sys.argv[3]) - time.time()))
choose(root, parse(sys.argv[2]))
client = Client(connection_config(root), root)
for n in range(5):
    client.put_artifact_type(mlmd.ArtifactType(name=f"T{n}", properties={"a": mlmd.INT}))
"""


def test_first_opens_at_once(server: DatabaseServer, tmp_path: Path) -> None:
    """Two that make tables, or register a type, at once trip over one another: here they take turns."""
    address = server.create()
    command = [sys.executable, "-c", OPENS, str(tmp_path), address.url, str(time.time() + 3)]
    ones = [subprocess.Popen(command, cwd=ROOT) for _ in range(3)]
    assert [one.wait(60) for one in ones] == [0] * 3


def test_who_sets_a_database_up_for_ever_is_told_of(
    mariadb: DatabaseServer, monkeypatch: pytest.MonkeyPatch, refused: Callable[[Address], InfrastructureError]
) -> None:
    """Where MariaDB's lock is another's, nobody goes on as if it were ours."""
    monkeypatch.setenv(PASSWORD_VARIABLE, SECRET)
    monkeypatch.setattr(servers, "_TURN", 1)
    address = mariadb.create()
    with servers.connect(address) as other, other.cursor() as cursor:
        cursor.execute("SELECT GET_LOCK('estimator-pipeline', 0)")
        assert cursor.fetchone() == (1,)
        error = refused(address)
    assert error.headline.startswith("The database of the metadata store is being set up by another run")
    assert error.got == "the server's lock estimator-pipeline was not to be had within 1 s"


def test_the_store_is_remembered_without_the_password(server: DatabaseServer, tmp_path: Path) -> None:
    address = server.create()
    choose(tmp_path, address)
    file = tmp_path / "metadata.toml"
    assert tomllib.loads(file.read_text())["url"] == address.url
    assert TOKEN not in file.read_text()
    assert choose(tmp_path, None) == address
    assert choose(tmp_path, address) == address
    with pytest.raises(SettingsError) as caught:
        choose(tmp_path, server.address("another"))
    assert caught.value.headline == "This workspace keeps its metadata in another store"
    assert (caught.value.got, caught.value.expected) == (server.address("another").url, address.url)


def test_a_store_belongs_to_one_workspace(server: DatabaseServer, tmp_path: Path) -> None:
    address = server.create()
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    choose(tmp_path / "a", address)
    with pytest.raises(SettingsError) as caught:
        choose(tmp_path / "b", address)
    assert caught.value.headline == "This metadata store belongs to another workspace"
    assert caught.value.where == str(tmp_path / "a")
    (tmp_path / "a").rename(tmp_path / "moved")
    assert choose(tmp_path / "moved", None) == address


def test_a_wrong_password(
    server: DatabaseServer, refused: Callable[[Address], InfrastructureError], monkeypatch: pytest.MonkeyPatch
) -> None:
    address = server.create()
    monkeypatch.setenv(PASSWORD_VARIABLE, "not it")
    said = refused(address)
    assert said.headline == "The metadata store does not let pipeline in"
    assert said.hint == f"see that {PASSWORD_VARIABLE} holds the password of pipeline, who exists on that server"
    assert "not it" not in said.render()
    monkeypatch.delenv(PASSWORD_VARIABLE)
    said = refused(address)
    assert said.headline == "The metadata store does not let pipeline in"
    assert said.hint == f"put the password of pipeline into the environment: export {PASSWORD_VARIABLE}=..."


def test_no_such_database(server: DatabaseServer, refused: Callable[[Address], InfrastructureError]) -> None:
    said = refused(server.address("nothing"))
    assert said.headline == "The metadata store has no database nothing"
    assert said.hint in (
        f"create it: createdb -h 127.0.0.1 -p {server.port} -O pipeline -E UTF8 nothing",
        "create it: CREATE DATABASE nothing CHARACTER SET utf8mb4",
    )


def test_nobody_listens(server: DatabaseServer, refused: Callable[[Address], InfrastructureError]) -> None:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port = one.getsockname()[1]
        said = refused(Address(server.kind, "pipeline", "127.0.0.1", port, "m"))
    assert said.headline == "The metadata store cannot be reached"
    assert said.hint is not None
    assert f"at 127.0.0.1, port {port}," in said.hint


def test_no_such_host(server: DatabaseServer, refused: Callable[[Address], InfrastructureError]) -> None:
    assert refused(Address(server.kind, "u", "no-such-host.invalid", 1, "m")).headline == (
        "The metadata store cannot be reached"
    )


def test_a_user_without_rights(
    postgresql: DatabaseServer, refused: Callable[[Address], InfrastructureError], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(PASSWORD_VARIABLE, "guest")
    address = postgresql.create()
    postgresql.execute("CREATE USER guest PASSWORD 'guest'")
    said = refused(postgresql.address(address.database, "guest"))
    assert said.headline == "guest lacks rights in the database of the metadata store", said.render()
    assert said.hint == f"make guest the owner of the database {address.database}"


def test_a_database_in_another_encoding(
    postgresql: DatabaseServer, refused: Callable[[Address], InfrastructureError], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(PASSWORD_VARIABLE, SECRET)
    postgresql.execute("CREATE DATABASE old ENCODING 'LATIN1' TEMPLATE template0 LOCALE 'C'")
    assert refused(postgresql.address("old")).got == "server_encoding LATIN1"


def test_a_workspace_with_sqlite_keeps_it(tmp_path: Path) -> None:
    assert choose(tmp_path, None) is None
    (tmp_path / "metadata.db").touch()
    with pytest.raises(SettingsError) as caught:
        choose(tmp_path, Address("mysql", "u", "h", 1, "d"))
    assert caught.value.expected == "SQLite, in metadata.db"


def test_a_driver_that_is_not_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for kind, module in (("postgresql", "psycopg"), ("mysql", "pymysql")):
        monkeypatch.setitem(sys.modules, module, None)
        with pytest.raises(SettingsError) as caught:
            choose(tmp_path, Address(kind, "u", "h", 1, "d"))
        assert "driver" in caught.value.headline
        assert str(caught.value.hint).startswith(f"uv sync --extra {kind}, or pip install")


def test_a_store_that_cannot_be_read_and_no_driver(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "metadata.toml").write_text('url = "postgresql://ann@127.0.0.1:1/x"\nworkspace = "1"\n')
    with pytest.raises(InfrastructureError) as caught:
        open_store(tmp_path / "metadata.db")
    assert caught.value.headline == "The metadata store cannot be reached"
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(InfrastructureError) as caught:
        open_store(tmp_path / "metadata.db")
    assert caught.value.headline == "The metadata store cannot be opened"
    assert f"{PASSWORD_VARIABLE} holds the password of ann" in str(caught.value.hint)
    assert "uv sync --extra postgresql" in str(caught.value.hint)


def test_a_damaged_note_is_refused(tmp_path: Path) -> None:
    (tmp_path / "metadata.toml").write_text('url = "postgresql://ann@db/x"\n')
    with pytest.raises(InfrastructureError) as caught:
        choose(tmp_path, None)
    assert caught.value.where == str(tmp_path / "metadata.toml")


def test_a_store_that_fails_meanwhile_is_named(tmp_path: Path) -> None:
    text = "InternalError: PostgreSQL metadata source error: server closed the connection"
    assert lost_store(text, tmp_path) is None
    (tmp_path / "metadata.toml").write_text('url = "postgresql://ann@db/x"\nworkspace = "1"\n')
    said: PipelineError | None = lost_store(text, tmp_path)
    assert said is not None
    assert (said.where, said.kind) == ("postgresql://ann@db:5432/x", "transient")
    assert lost_store("ValueError: no", tmp_path) is None


HOLDER = """
import sys, time
from pathlib import Path
from pipeline.metadata.locks import turn
with turn(Path(sys.argv[1]), "x", holder="the first"):
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def holder(tmp_path: Path) -> Iterator["subprocess.Popen[str]"]:
    one = subprocess.Popen([sys.executable, "-c", HOLDER, str(tmp_path)], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert one.stdout is not None
    assert one.stdout.readline() == "held\n"
    yield one
    one.kill()
    one.stdout.close()
    one.wait(10)


def test_turns(tmp_path: Path, holder: "subprocess.Popen[str]") -> None:
    """The second waits, and says for whom; a holder that is killed holds nothing any more."""
    said: list[str] = []

    def waiting(other: str) -> None:
        said.append(other)
        holder.kill()

    with turn(tmp_path, "another", waiting=waiting):
        assert said == []
    with turn(tmp_path, "x", waiting=waiting):
        assert said == ["the first"]
