"""Which store a workspace has: the one that its first run named, for good."""

import contextlib
import uuid
from pathlib import Path
from typing import Any

from pipeline.errors import SettingsError
from pipeline.metadata.address import Address
from pipeline.metadata.locks import turn
from pipeline.metadata.record import FILE, SQLITE, StoreRecord, read_record, write_record

_TYPE, _NAME = "estimator_pipeline.workspace", "workspace"  # of the context that says whose a database is


def choose(root: Path, wanted: Address | None) -> Address | None:
    """Return where the metadata of a workspace is, set up and tried; None for its own SQLite file.

    Args:
        root: The workspace.
        wanted: What the settings say; None if they say nothing: then a workspace keeps what it has, and a new one gets
            SQLite.

    Raises:
        SettingsError: If the workspace has another store than the settings say, or the store another workspace.
        InfrastructureError: If the store cannot be used.
    """
    with turn(root, "store"):
        record = read_record(root)
        if record is None and wanted is None:
            return None
        if record is None and (root / SQLITE).exists():
            raise _other(root, f"SQLite, in {SQLITE}", wanted)
        if record is not None and wanted is not None and record.address != wanted:
            raise _other(root, record.address.url, wanted)
        chosen = record or StoreRecord(wanted, uuid.uuid4().hex)  # type: ignore[arg-type]  # one of both is there
        _set_up(root, chosen)
        if record is None:
            write_record(root, chosen)
        return chosen.address


def _other(root: Path, has: str, wanted: Address | None) -> SettingsError:
    return SettingsError(
        "This workspace keeps its metadata in another store",
        got=wanted.url if wanted else None,
        expected=has,
        where=f"metadata.url, and {root / FILE}",
        hint="a workspace and its metadata belong together: leave metadata.url out, or take a new folder with"
        " --workspace",
    )


def _set_up(root: Path, record: StoreRecord) -> None:
    from pipeline.metadata.client import Client, server_config
    from pipeline.metadata.password import password
    from pipeline.metadata.servers import prepared

    config = server_config(record.address, password())
    with prepared(record.address, lambda: Client(config, root)) as client:
        owner, path = _owner(client, record.workspace, root)
    if owner != record.workspace:
        raise SettingsError(
            "This metadata store belongs to another workspace",
            got=record.address.url,
            expected=f"a database of its own for {root}",
            where=path,
            hint="name another database in metadata.url, or that workspace with --workspace: its runs may be those of"
            " several people and machines, on a file system that they share",
        )


def _owner(client: Any, workspace: str, root: Path) -> tuple[str, str]:
    """Return the id and the place of the workspace that a store belongs to: this one, if it belonged to none."""
    from pipeline.metadata.client import mlmd, mlmd_errors

    kind = client.put_context_type(
        mlmd.ContextType(name=_TYPE, properties={"id": mlmd.STRING, "path": mlmd.STRING}), can_add_fields=True
    )
    mine = mlmd.Context(type_id=kind, name=_NAME)
    mine.properties["id"].string_value, mine.properties["path"].string_value = workspace, str(root)
    found = client.get_context_by_type_and_name(_TYPE, _NAME)
    if found is None:
        with contextlib.suppress(mlmd_errors.AlreadyExistsError):
            client.put_contexts([mine])
        found = client.get_context_by_type_and_name(_TYPE, _NAME)
    path = found.properties["path"].string_value
    if path == str(root) and not client.get_executions():  # a first run here was killed before it noted the store
        found.properties["id"].string_value = workspace
        client.put_contexts([found])
    return found.properties["id"].string_value, path
