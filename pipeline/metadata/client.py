"""ML Metadata's client on the store of a workspace, whatever that is.

All writing to one workspace's store goes in turns (the lock ``metadata``): a call takes milliseconds, and then neither
SQLite is found locked, nor do two processes register the same type at once, which PostgreSQL answers with an error that
ML Metadata does not try again.

ML Metadata 1.16 writes a string with a backslash to PostgreSQL as a syntax error: it cuts off what it takes for the
quotes of ``PQescapeLiteral``, which begins with `` E'`` then. JSON within JSON has backslashes. So they travel as
:data:`STAND_IN`, and a trigger in the database (:mod:`pipeline.metadata.servers`) puts them back: what is stored, and
read by whomever, is right.

A database on a server answers in any order, and a PostgreSQL row that was written again comes last; SQLite goes by the
number. TFX counts on that: of a node with two outputs, taken from the cache, it gave each the other's artifact. So
answers are put in order here.
"""

import os
from pathlib import Path
from typing import Any

# The client's C++ library writes each connection and failure to stderr, parts of a malformed password included. What
# failed is raised, too; and said in our words. It looks at this when it is loaded.
os.environ.setdefault("GLOG_minloglevel", "3")
os.environ.setdefault("PGCONNECT_TIMEOUT", "10")

from ml_metadata import MetadataStore
from ml_metadata import errors as mlmd_errors
from ml_metadata.proto import metadata_store_pb2 as mlmd

from pipeline.errors import TransientError
from pipeline.metadata.address import Address
from pipeline.metadata.locks import turn
from pipeline.metadata.password import blotted, password
from pipeline.metadata.record import SQLITE, read_record

__all__ = [
    "STAND_IN",
    "WRITING",
    "Client",
    "MetadataStore",
    "connection_config",
    "lost_store",
    "mlmd",
    "mlmd_errors",
    "server_config",
]

STAND_IN = "\ue05c"
"""A code point for private use in the place of a backslash."""

_FAILED = ("metadata source error", "mysql_real_connect", "mysql_query", "MySQL", "lost connection")

WRITING = "metadata"
"""The lock that who writes holds."""


class Client(MetadataStore):
    """ML Metadata's ``MetadataStore``, writing in turns with the other processes of the workspace.

    Args:
        config: ML Metadata's ``ConnectionConfig``.
        root: The workspace.
    """

    def __init__(self, config: Any, root: Path) -> None:
        self._root = root
        self._on_server = not config.HasField("sqlite")
        self._stand_in = config.HasField("postgresql")
        super().__init__(config)

    def _call_method(self, method_name: str, request: Any, response: Any) -> None:
        if not method_name.startswith(("Put", "Delete")):
            super()._call_method(method_name, request, response)
            if self._on_server:
                _put_in_order(request, response)
            return
        if self._stand_in:
            _replace(request)
        with turn(self._root, WRITING):
            super()._call_method(method_name, request, response)


def _put_in_order(request: Any, response: Any) -> None:
    """Order an answer as SQLite gives it, unless the request names an order."""
    if "options" in request.DESCRIPTOR.fields_by_name and request.HasField("options"):
        return
    for name in ("artifacts", "executions", "contexts"):
        if name in response.DESCRIPTOR.fields_by_name:
            getattr(response, name).sort(key=lambda one: one.id)
    if "events" in response.DESCRIPTOR.fields_by_name:
        response.events.sort(key=lambda one: one.milliseconds_since_epoch)


def _replace(message: Any) -> None:
    """Replace the backslashes in all values of a request."""
    if isinstance(message, mlmd.Value):
        if "\\" in message.string_value:
            message.string_value = message.string_value.replace("\\", STAND_IN)
        return
    for field, value in message.ListFields():
        if field.message_type is None:
            continue
        if field.message_type.GetOptions().map_entry:
            for one in value.values() if field.message_type.fields_by_name["value"].message_type else ():
                _replace(one)
        elif field.label == field.LABEL_REPEATED:
            for one in value:
                _replace(one)
        else:
            _replace(value)


def connection_config(root: Path, *, with_password: bool = True) -> Any:
    """Return ML Metadata's ``ConnectionConfig`` of a workspace.

    Args:
        root: The workspace.
        with_password: Whether it may hold the password: not, if it is to be written down.

    Raises:
        InfrastructureError: If the workspace's note of where its store is cannot be read.
    """
    record = read_record(root)
    if record is not None:
        return server_config(record.address, password() if with_password else "")
    config = mlmd.ConnectionConfig()
    config.sqlite.filename_uri = str(root / SQLITE)
    config.sqlite.connection_mode = mlmd.SqliteMetadataSourceConfig.READWRITE_OPENCREATE
    return config


def server_config(address: Address, secret: str) -> Any:
    """Return ML Metadata's ``ConnectionConfig`` of a store on a server; the database is there."""
    config = mlmd.ConnectionConfig()
    if address.kind == "postgresql":
        # Put together by the client to one string in which nothing is quoted, see PQconnectdb.
        config.postgresql.host = address.host
        config.postgresql.port = str(address.port)
        config.postgresql.user = _quoted(address.user)
        config.postgresql.dbname = _quoted(address.database)
        if secret:
            config.postgresql.password = _quoted(secret)
        config.postgresql.skip_db_creation = True
    else:
        config.mysql.host = address.host
        config.mysql.port = address.port
        config.mysql.user = address.user
        config.mysql.database = address.database
        config.mysql.password = secret
        config.mysql.skip_db_creation = True
    return config


def lost_store(text: str, root: Path) -> TransientError | None:
    """Tell by what an exception says that a store on a server failed; None if it does not say so."""
    record = read_record(root)
    if record is None or not any(sign in text for sign in _FAILED):
        return None
    return TransientError(
        "The metadata store failed while a node ran",
        got=blotted(text)[:300],
        where=record.address.url,
        hint=f"see that {record.address.server} runs there, and its log; then run again: finished nodes are reused",
    )


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"
