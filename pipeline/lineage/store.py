"""ML Metadata, read in bulk: executions, artifacts and the events between them.

The database is opened read-only through ML Metadata's own client, and never by another way: two copies of SQLite in one
process do not see one another's locks. What was read is kept, and asked for in as few queries as there are steps.
"""

import os
import shutil
import tempfile
import weakref
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

from pipeline.errors import InfrastructureError
from pipeline.metadata.address import Address
from pipeline.metadata.client import Client, MetadataStore, mlmd, mlmd_errors, server_config
from pipeline.metadata.disk import too_full
from pipeline.metadata.password import password
from pipeline.metadata.record import read_record
from pipeline.metadata.servers import diagnose

_STATES = {
    mlmd.Execution.COMPLETE: "ran",
    mlmd.Execution.CACHED: "reused",
    mlmd.Execution.FAILED: "failed",
    mlmd.Execution.CANCELED: "cancelled",
    mlmd.Execution.RUNNING: "running",
    mlmd.Execution.NEW: "running",
}
_OUTPUTS = (mlmd.Event.OUTPUT, mlmd.Event.INTERNAL_OUTPUT, mlmd.Event.DECLARED_OUTPUT, mlmd.Event.PENDING_OUTPUT)
_INPUTS = (mlmd.Event.INPUT, mlmd.Event.INTERNAL_INPUT, mlmd.Event.DECLARED_INPUT)
_FEW = 60
_TRIES = 5


class Artifact:
    """Something that a node made.

    Attributes:
        id: Its number in ML Metadata.
        type: ``Examples``, ``Schema``, ``TransformGraph``, ``Model``, ``ModelEvaluation`` and so on.
        uri: Where it is.
        gone: Whether it was deleted, or marked to be.
        deleted: Whether it was deleted: its files are gone too.
    """

    def __init__(self, proto: Any) -> None:
        self.id: int = proto.id
        self.type: str = proto.type
        self.uri: str = proto.uri
        self.gone: bool = proto.state in (mlmd.Artifact.DELETED, mlmd.Artifact.MARKED_FOR_DELETION)
        self.deleted: bool = proto.state == mlmd.Artifact.DELETED
        self.made_at: float = proto.create_time_since_epoch / 1000
        self._proto = proto

    def get(self, name: str, default: Any = None) -> Any:
        """Return a property, TFX's own or a custom one."""
        return _get(self._proto, name, default)


class Execution:
    """One attempt of a node.

    Attributes:
        id: Its number in ML Metadata.
        type: Its type's name, a dotted path.
        state: ``ran``, ``reused``, ``failed``, ``cancelled`` or ``running``.
        started: Seconds since the epoch.
        ended: Likewise; of one that runs, its last sign of life.
    """

    def __init__(self, proto: Any) -> None:
        self.id: int = proto.id
        self.type: str = proto.type
        self.state: str = _STATES.get(proto.last_known_state, "unknown")
        self.started: float = proto.create_time_since_epoch / 1000
        self.ended: float = proto.last_update_time_since_epoch / 1000
        self._proto = proto

    def get(self, name: str, default: Any = None) -> Any:
        """Return a property."""
        return _get(self._proto, name, default)


class Event(NamedTuple):
    """An execution took an artifact in, or gave it out.

    Attributes:
        artifact: The artifact's number.
        execution: The execution's number.
        key: The name of the channel.
        output: Whether it was given out.
    """

    artifact: int
    execution: int
    key: str
    output: bool


class Store:
    """A metadata store that is only read.

    Args:
        client: ML Metadata's ``MetadataStore``; None for one that holds nothing.
    """

    def __init__(self, client: Any | None) -> None:
        self._client = client
        self._artifacts: dict[int, Artifact] = {}
        self._executions: dict[int, Execution] = {}
        self._by_execution: dict[int, list[Event]] = {}
        self._by_artifact: dict[int, list[Event]] = {}
        self._run_of: dict[int, str] = {}
        self._runs: dict[str, int] | None = None
        self._members: dict[str, list[int]] = {}
        self._places: dict[int, tuple[str, str]] = {}

    def runs(self) -> list[str]:
        """Return the names of all runs, oldest first."""
        return list(self._run_ids())

    def executions_of_run(self, run: str) -> list[Execution]:
        """Return the executions of a run, oldest first; none if it is unknown."""
        number = self._run_ids().get(run)
        if number is None or self._client is None:
            return []
        if run not in self._members:
            found = [self._keep(one) for one in self._client.get_executions_by_context(number)]
            self._members[run] = sorted(one.id for one in found)
            self._run_of.update(dict.fromkeys(self._members[run], run))
        return [self._executions[one] for one in self._members[run]]

    def runs_of(self, executions: Iterable[int]) -> dict[int, str]:
        """Return the run of each execution."""
        wanted = set(executions)
        unknown = wanted - self._run_of.keys()
        if len(unknown) <= _FEW:
            self._ask_contexts(unknown)
        else:
            for run in self.runs():
                self.executions_of_run(run)
        return {one: self._run_of[one] for one in wanted if one in self._run_of}

    def places_of(self, executions: Iterable[int]) -> dict[int, tuple[str, str]]:
        """Return the problem and the node that each execution belongs to."""
        wanted = set(executions)
        unknown = wanted - self._places.keys()
        if len(unknown) <= _FEW:
            self._ask_contexts(unknown)
        elif self._client is not None:
            for context in self._client.get_contexts_by_type("node"):
                for one in self._client.get_executions_by_context(context.id):
                    self._places[self._keep(one).id] = _place(context.name)
        return {one: self._places[one] for one in wanted if one in self._places}

    def _ask_contexts(self, executions: Iterable[int]) -> None:
        if self._client is None:
            return
        for number in executions:
            for context in self._client.get_contexts_by_execution(number):
                if context.type == "pipeline_run":
                    self._run_of[number] = context.name
                elif context.type == "node":
                    self._places[number] = _place(context.name)

    def executions(self, ids: Iterable[int]) -> list[Execution]:
        """Return executions by their numbers, in the order of these."""
        wanted = sorted(set(ids))
        missing = [one for one in wanted if one not in self._executions]
        if missing and self._client is not None:
            for proto in self._client.get_executions_by_id(missing):
                self._keep(proto)
        return [self._executions[one] for one in wanted if one in self._executions]

    def artifacts(self, ids: Iterable[int]) -> list[Artifact]:
        """Return artifacts by their numbers, in the order of these."""
        wanted = sorted(set(ids))
        missing = [one for one in wanted if one not in self._artifacts]
        if missing and self._client is not None:
            self._keep_artifacts(self._client.get_artifacts_by_id(missing))
        return [self._artifacts[one] for one in wanted if one in self._artifacts]

    def all_artifacts(self) -> list[Artifact]:
        """Return every artifact, oldest first."""
        if self._client is None:
            return []
        return self._keep_artifacts(sorted(self._client.get_artifacts(), key=lambda one: one.id))

    def all_executions(self) -> list[Execution]:
        """Return every execution, oldest first."""
        if self._client is None:
            return []
        return [self._keep(one) for one in sorted(self._client.get_executions(), key=lambda one: one.id)]

    def artifacts_of_type(self, name: str) -> list[Artifact]:
        """Return all artifacts of a type, oldest first."""
        if self._client is None:
            return []
        return self._keep_artifacts(sorted(self._client.get_artifacts_by_type(name), key=lambda one: one.id))

    def events_of_executions(self, ids: Iterable[int]) -> list[Event]:
        """Return the events of executions, inputs and outputs."""
        return self._events(ids, self._by_execution, "get_events_by_execution_ids", lambda event: event.execution)

    def events_of_artifacts(self, ids: Iterable[int]) -> list[Event]:
        """Return the events of artifacts, those that made them and those that used them."""
        return self._events(ids, self._by_artifact, "get_events_by_artifact_ids", lambda event: event.artifact)

    def _events(
        self, ids: Iterable[int], known: dict[int, list[Event]], call: str, key: Callable[[Event], int]
    ) -> list[Event]:
        wanted = sorted(set(ids))
        missing = [one for one in wanted if one not in known]
        if missing and self._client is not None:
            found: dict[int, list[Event]] = defaultdict(list)
            for proto in getattr(self._client, call)(missing):
                if proto.type in _OUTPUTS or proto.type in _INPUTS:
                    event = _event(proto)
                    found[key(event)].append(event)
            known.update({one: found[one] for one in missing})
        return [event for one in wanted for event in known.get(one, ())]

    def _run_ids(self) -> dict[str, int]:
        if self._runs is None:
            contexts = self._client.get_contexts_by_type("pipeline_run") if self._client else []
            self._runs = {one.name: one.id for one in sorted(contexts, key=lambda one: one.id)}
        return self._runs

    def _keep(self, proto: Any) -> Execution:
        if proto.id not in self._executions:
            self._executions[proto.id] = Execution(proto)
        return self._executions[proto.id]

    def _keep_artifacts(self, protos: Sequence[Any]) -> list[Artifact]:
        for proto in protos:
            if proto.id not in self._artifacts:
                self._artifacts[proto.id] = Artifact(proto)
        return [self._artifacts[proto.id] for proto in protos]


def open_store(database: Path) -> Store:
    """Open a workspace's database to read it; one that is not there, or that no run has used yet, holds nothing.

    Args:
        database: The SQLite file. Where the workspace, the folder that it would be in, has its metadata on a server,
            that is opened.

    Raises:
        InfrastructureError: If it cannot be read.
    """
    record = read_record(database.parent)
    if record is not None:
        return _open_server(record.address, database.parent)
    if not database.is_file():
        return Store(None)
    try:
        return _open_file(str(database))
    except (RuntimeError, mlmd_errors.StatusError) as error:  # RuntimeError: the file is none of the client's own
        if not _has_no_table(error) and not _is_locked_away(database):
            raise _unreadable(database, error) from None
    try:
        return _open_aside(database)
    except (OSError, RuntimeError, mlmd_errors.StatusError) as error:
        if _has_no_table(error):
            return Store(None)
        raise _unreadable(database, error) from None


def _open_file(name: str) -> Store:
    """Open a database by its path, or by its URI (https://www.sqlite.org/uri.html)."""
    config = mlmd.ConnectionConfig()
    config.sqlite.filename_uri = name
    config.sqlite.connection_mode = mlmd.SqliteMetadataSourceConfig.READONLY
    return Store(MetadataStore(config))


def _has_no_table(error: Exception) -> bool:
    """Say whether a client found nothing in a database, and so tried to make its tables.

    It does the same where SQLite cannot read, for want of a log: it is sure of one that :func:`_open_aside` opened.
    """
    return "CREATE TABLE" in str(error) and "readonly" in str(error)


def _is_locked_away(database: Path) -> bool:
    """Say whether SQLite may not make or write the log and its index, which it needs even to read."""
    beside = [one for one in (_log(database), database.with_name(f"{database.name}-shm")) if one.exists()]
    return not all(os.access(one, os.W_OK) for one in (database.parent, *beside))


def _open_aside(database: Path) -> Store:
    """Open a database where nothing can be written: as it is, or with its log in a copy of both.

    Without a log all is in the file, and nobody writes it just now: SQLite may read it as one that does not change.
    """
    if _size(_log(database)) == 0:
        return _open_file(f"file:{quote(str(database.absolute()))}?immutable=1")
    folder = Path(tempfile.mkdtemp(prefix="metadata-"))
    try:
        store = _open_file(str(_copy(database, folder)))
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    weakref.finalize(store, shutil.rmtree, folder, ignore_errors=True)
    return store


def _copy(database: Path, folder: Path) -> Path:
    """Copy a database and its log, both as they are between two changes."""
    for _ in range(_TRIES):
        before = [(one.stat().st_mtime_ns, _size(one)) for one in (database, _log(database)) if one.exists()]
        for one in (database, _log(database)):
            if one.exists():
                shutil.copyfile(one, folder / one.name)
        if before == [(one.stat().st_mtime_ns, _size(one)) for one in (database, _log(database)) if one.exists()]:
            return folder / database.name
    raise OSError("it changed each time that it was copied")


def _log(database: Path) -> Path:
    return database.with_name(f"{database.name}-wal")


def _size(file: Path) -> int:
    return file.stat().st_size if file.exists() else 0


def _open_server(address: Address, root: Path) -> Store:
    try:
        return Store(Client(server_config(address, password()), root))
    except (RuntimeError, mlmd_errors.StatusError) as error:
        raise diagnose(address, error) from None


def _unreadable(database: Path, error: Exception) -> InfrastructureError:
    got = str(error).removeprefix("Error when executing query: ").split(" query:")[0][:300]
    if "not a database" not in got and (full := too_full(database.parent, got)):
        return full
    return InfrastructureError(
        "The workspace's metadata cannot be read",
        got=got,
        where=str(database),
        hint="see that you may read the file and its log, metadata.db-wal, if there is one, and that it is whole",
    )


def _place(context: str) -> tuple[str, str]:
    problem, _, node = context.rpartition(".")
    return problem, node


def _event(proto: Any) -> Event:
    steps = proto.path.steps  # the channel's name, and the place in it
    key = steps[0].key if steps else ""
    return Event(proto.artifact_id, proto.execution_id, key, proto.type in _OUTPUTS)


def _get(proto: Any, name: str, default: Any) -> Any:
    for values in (proto.custom_properties, proto.properties):
        if name in values:
            value = values[name]
            kind = value.WhichOneof("value")
            if kind in ("int_value", "double_value", "string_value"):
                return getattr(value, kind)
            if kind == "struct_value":  # how TFX stores JSON: an object as it is, anything else under one key
                from google.protobuf import json_format

                content = json_format.MessageToDict(value.struct_value)
                return content.get("__value__", content)
    return default
