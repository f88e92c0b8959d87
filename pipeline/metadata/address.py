"""The URL of a metadata store on a server: ``postgresql://user@host:port/database``, ``mysql://`` likewise."""

import difflib
import re
from dataclasses import dataclass
from urllib.parse import quote, unquote, urlsplit

PASSWORD_VARIABLE = "ESTIMATOR_PIPELINE_METADATA_PASSWORD"  # noqa: S105  the name of it
EXPECTED = "postgresql://user@host:port/database, or mysql:// for MySQL and MariaDB"

_PORTS = {"postgresql": 5432, "mysql": 3306}
_OTHER_NAMES = {
    **{"postgres": "postgresql", "pgsql": "postgresql", "psql": "postgresql", "postgresql+psycopg2": "postgresql"},
    **{"mariadb": "mysql", "mysql+pymysql": "mysql"},
}
_HOST = re.compile(r"[\w.:-]+$")
_WITH_PASSWORD = re.compile(r"(\w://[^:/?#\s\"']*):.*@|(?i:([?&]\w*(?:password|pwd)=))[^&\s\"']*")


class AddressError(ValueError):
    """A URL names no store.

    Args:
        text: What is wrong, or what would be right.
        hint: What to do.
    """

    def __init__(self, text: str, hint: str | None = None) -> None:
        super().__init__(text)
        self.hint = hint


@dataclass(frozen=True)
class Address:
    """A database on a server.

    Attributes:
        kind: ``postgresql`` or ``mysql``.
        user: Who connects.
        host: A name or an address.
        port: The port.
        database: The database's name.
    """

    kind: str
    user: str
    host: str
    port: int
    database: str

    @property
    def url(self) -> str:
        """The URL, with its port and without a password."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.kind}://{quote(self.user, safe='')}@{host}:{self.port}/{quote(self.database, safe='')}"

    @property
    def server(self) -> str:
        """The product's name."""
        return {"postgresql": "PostgreSQL", "mysql": "MySQL or MariaDB"}[self.kind]


def parse(text: str) -> Address:
    """Take a URL apart.

    Raises:
        AddressError: If it names no store, or holds a password.
    """
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:  # what it says quotes what may be the beginning of a password
        raise AddressError(EXPECTED, "the port is a number; and no password belongs into the URL") from None
    if parts.password is not None:
        raise AddressError(
            "a URL without a password, which would be read by all who may read the settings",
            f"leave it out, and put it into the environment: export {PASSWORD_VARIABLE}=...",
        )
    kind = parts.scheme
    if kind not in _PORTS:
        close = _OTHER_NAMES.get(kind) or next(iter(difflib.get_close_matches(kind, _PORTS, n=1)), None)
        if kind.startswith("sqlite"):
            raise AddressError(EXPECTED, "SQLite is what a workspace has anyway, in metadata.db: leave the setting out")
        raise AddressError(EXPECTED, hidden(f"did you mean {close}://{parts.netloc}{parts.path}?") if close else None)
    database = unquote(parts.path.removeprefix("/"))
    missing = [
        name
        for name, value in {"a user": parts.username, "a host": parts.hostname, "a database": database}.items()
        if not value
    ]
    if parts.hostname and not _HOST.match(parts.hostname):
        raise AddressError(EXPECTED, "the host is a name or an address")
    if missing or "/" in database:
        raise AddressError(EXPECTED, f"{' and '.join(missing)} is missing" if missing else "name one database")
    if parts.query or parts.fragment:
        raise AddressError(
            EXPECTED + ", without options",
            "ML Metadata's client takes none, and has no TLS: where the network is not safe use a tunnel",
        )
    return Address(kind, unquote(parts.username or ""), parts.hostname or "", port or _PORTS[kind], database)


def hidden(text: str) -> str:
    """Return a text with the passwords in its URLs blotted out: for what a person wrote, before it is shown."""
    return _WITH_PASSWORD.sub(lambda found: f"{found[1]}:***@" if found[1] else f"{found[2]}***", text)
