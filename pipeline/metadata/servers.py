"""Database servers: reached with their own drivers, to say in words what is wrong, and to set the database up.

ML Metadata makes its tables itself, and two processes that do so at once trip over one another: so here it is done
once, under a lock of the database. On PostgreSQL its indexes of string values refuse a value of more than
2,704 bytes (a schema, the settings); they are made anew on the first 200 characters, under the same names.
"""

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

from pipeline.errors import InfrastructureError, PipelineError, SettingsError
from pipeline.metadata.address import PASSWORD_VARIABLE, Address
from pipeline.metadata.password import blotted, password

_SECONDS = 10  # to reach a server
_TURN = 60  # seconds to wait for others that set a database up, on a server of MySQL's kind
_LOCK = 0x65737470  # of PostgreSQL's advisory locks: ours, by a number that others hardly take
_TABLES = ("artifact", "execution", "context")

_BACKSLASH = """
CREATE OR REPLACE FUNCTION estimator_pipeline_backslash() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  NEW.string_value := replace(NEW.string_value, U&'\\E05C', chr(92));
  RETURN NEW;
END $$
"""


@contextlib.contextmanager
def prepared(address: Address, open_client: Callable[[], Any]) -> Iterator[Any]:
    """Set the database up, if that was not done yet, and give the client on it, alone until the end.

    Args:
        address: The database.
        open_client: Opens ML Metadata's client on it, which makes the tables.

    Raises:
        InfrastructureError: If it cannot be reached or used; in the words of a person.
        SettingsError: If the driver is not installed.
    """
    with connect(address) as connection, connection.cursor() as cursor:
        try:
            if address.kind == "mysql":
                cursor.execute("SELECT GET_LOCK('estimator-pipeline', %s)", (_TURN,))
                if cursor.fetchone()[0] != 1:  # 0: it is another's still; NULL: the server could not say
                    raise InfrastructureError(
                        "The database of the metadata store is being set up by another run, and that does not end",
                        got=f"the server's lock estimator-pipeline was not to be had within {_TURN} s",
                        where=address.url,
                        hint="run again when that run has ended; SELECT IS_USED_LOCK('estimator-pipeline') on the"
                        " server says which connection has it",
                    )
                yield open_client()
                return
            cursor.execute("SHOW server_encoding")
            encoding = cursor.fetchone()[0]
            if encoding != "UTF8":
                raise InfrastructureError(
                    "The database of the metadata store is not in UTF-8",
                    got=f"server_encoding {encoding}",
                    where=address.url,
                    hint=f"make one that is: createdb -E UTF8 -T template0 {address.database}",
                )
            cursor.execute("SELECT pg_advisory_lock(%s)", (_LOCK,))
            client = open_client()
            _adapt(cursor)
            yield client
        except Exception as error:
            if type(error).__module__.split(".")[0] in _OF_A_STORE or isinstance(error, RuntimeError | OSError):
                raise unusable(address, error) from None
            raise


def _adapt(cursor: Any) -> None:
    """Make PostgreSQL's tables fit for what runs write; see the module's head, and that of pipeline.metadata.client."""
    cursor.execute("SELECT indexname FROM pg_indexes WHERE indexdef LIKE '%\"left\"(string_value%'")
    done = {row[0] for row in cursor.fetchall()}
    for table in _TABLES:
        index = f"idx_{table}_property_string"
        if index not in done:
            cursor.execute(f"DROP INDEX IF EXISTS {index}")
            cursor.execute(
                f"CREATE INDEX {index} ON {table}property (name, is_custom_property, left(string_value, 200))"
            )
    cursor.execute("SELECT tgrelid::regclass::text FROM pg_trigger WHERE tgname = 'estimator_pipeline_backslash'")
    done = {row[0] for row in cursor.fetchall()}
    if len(done) < len(_TABLES):
        cursor.execute(_BACKSLASH)
    for table in _TABLES:
        if f"{table}property" not in done:
            cursor.execute(
                f"CREATE TRIGGER estimator_pipeline_backslash BEFORE INSERT OR UPDATE ON {table}property FOR EACH ROW"
                " WHEN (position(U&'\\E05C' in NEW.string_value) > 0) EXECUTE FUNCTION estimator_pipeline_backslash()"
            )


@contextlib.contextmanager
def connect(address: Address) -> Iterator[Any]:
    """Connect with the server's own driver; each statement is a transaction.

    Raises:
        InfrastructureError: If that fails, in the words of a person.
        SettingsError: If the driver is not installed.
    """
    try:
        connection = _postgresql(address) if address.kind == "postgresql" else _mysql(address)
    except ImportError as error:
        raise SettingsError(
            f"The driver for {address.server} is not installed",
            got=f"no module {error.name}",
            where=address.url,
            hint=f"uv sync --extra {address.kind}, or pip install "
            + {"postgresql": "'psycopg[binary]'", "mysql": "pymysql"}[address.kind],
        ) from None
    except Exception as error:  # noqa: BLE001  whatever a driver raises is a state of the server
        raise unusable(address, error) from None
    with contextlib.closing(connection):
        yield connection


def _postgresql(address: Address) -> Any:
    import psycopg

    return psycopg.connect(
        host=address.host,
        port=address.port,
        user=address.user,
        password=password() or None,
        dbname=address.database,
        connect_timeout=_SECONDS,
        autocommit=True,
        client_encoding="utf8",
    )


def _mysql(address: Address) -> Any:
    import pymysql

    return pymysql.connect(
        host=address.host,
        port=address.port,
        user=address.user,
        password=password(),
        database=address.database,
        connect_timeout=_SECONDS,
        autocommit=True,
        charset="utf8mb4",
    )


def diagnose(address: Address, error: Exception) -> PipelineError:
    """Say why ML Metadata's client cannot open a store: it does not say so itself, its driver does."""
    try:
        with connect(address):
            return unusable(address, error)
    except InfrastructureError as found:
        return found
    except SettingsError as no_driver:
        return InfrastructureError(
            "The metadata store cannot be opened",
            got=blotted(str(error)).strip()[:300],
            where=address.url,
            hint=f"see that {address.server} runs at {address.host}, port {address.port}, and that {PASSWORD_VARIABLE}"
            f" holds the password of {address.user}; the reason is told where the driver is installed:"
            f" {no_driver.hint}",
        )


_OF_A_STORE = ("psycopg", "pymysql", "ml_metadata")  # what their exceptions are defined in
_SAID: tuple[tuple[tuple[str, ...], str, str], ...] = (
    (
        ("password authentication failed", "no password supplied", "(1045,", "authentication failed", "does not exist"),
        "The metadata store does not let {user} in",
        "put the password of {user} into the environment: export {variable}=...",
    ),
    (
        ("permission denied", "(1044,", "(1142,", "must be owner"),
        "{user} lacks rights in the database of the metadata store",
        "make {user} the owner of the database {database}",
    ),
    (
        (
            "Connection refused",
            "timeout",
            "timed out",
            "No route to host",
            "unreachable",
            "resolve",
            "(2003,",
            "translate",
        ),
        "The metadata store cannot be reached",
        "see that {server} runs at {host}, port {port}, and that this machine may connect to it",
    ),
)
_NO_DATABASE = ("The metadata store has no database {database}", "create it: {create}")


def unusable(address: Address, error: Exception) -> InfrastructureError:
    """Describe a store that cannot be used, by what a driver said."""
    text = blotted(f"{type(error).__name__}: {error}")
    found = next(
        ((headline, hint) for signs, headline, hint in _SAID if any(sign in text for sign in signs)),
        ("The metadata store cannot be used", "see that {server} runs at {host}, port {port}, and see its log"),
    )
    if ("database" in text and "does not exist" in text) or "(1049," in text:
        found = _NO_DATABASE
    create = {
        "postgresql": f"createdb -h {address.host} -p {address.port} -O {address.user} -E UTF8 {address.database}",
        "mysql": f"CREATE DATABASE {address.database} CHARACTER SET utf8mb4",
    }[address.kind]
    facts = {
        **{"user": address.user, "host": address.host, "port": address.port, "database": address.database},
        **{"server": address.server, "variable": PASSWORD_VARIABLE, "create": create},
    }
    headline, hint = (one.format(**facts) for one in found)
    if PASSWORD_VARIABLE in hint and password():
        hint = f"see that {PASSWORD_VARIABLE} holds the password of {address.user}, who exists on that server"
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return InfrastructureError(headline, got="\n".join(lines[:2])[:400], where=address.url, hint=hint)
