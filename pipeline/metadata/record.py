"""What a workspace knows of its metadata store, so that who only knows the workspace finds it.

``metadata.toml`` holds the URL, without the password, and an id of the workspace that the database holds too. Without
that file the metadata is in ``metadata.db``, a SQLite file.
"""

import os
import tomllib
from dataclasses import dataclass
from pathlib import Path

from pipeline.errors import InfrastructureError
from pipeline.metadata.address import PASSWORD_VARIABLE, Address, AddressError, parse

FILE = "metadata.toml"
SQLITE = "metadata.db"


@dataclass(frozen=True)
class StoreRecord:
    """A store on a server.

    Attributes:
        address: Where it is.
        workspace: The id of the workspace that it belongs to.
    """

    address: Address
    workspace: str


def read_record(root: Path) -> StoreRecord | None:
    """Return what the workspace ``root`` says; None if its metadata is in SQLite, or it has none yet.

    Raises:
        InfrastructureError: If the file is damaged.
    """
    file = root / FILE
    try:
        value = tomllib.loads(file.read_text(encoding="utf-8"))
        return StoreRecord(parse(str(value["url"])), str(value["workspace"]))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError) as error:
        raise InfrastructureError(
            "The workspace's note of where its metadata is cannot be read",
            got=f"{type(error).__name__}: {error}" + (f"; {error.hint}" if isinstance(error, AddressError) else ""),
            expected='url = "postgresql://user@host:port/database" and workspace = "its id"',
            where=str(file),
            hint="mend it; no run of this workspace is found without it",
        ) from None


def write_record(root: Path, record: StoreRecord) -> None:
    """Write it whole or not at all."""
    beside = root / f".{FILE}.{os.getpid()}"
    beside.write_text(
        "# Where the metadata of this workspace is, as its first run was told. The password is taken from\n"
        f"# {PASSWORD_VARIABLE}, in the environment.\n"
        f'url = "{record.address.url}"\nworkspace = "{record.workspace}"\n',
        encoding="utf-8",
    )
    beside.replace(root / FILE)
