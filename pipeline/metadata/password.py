"""The password of the metadata store: from the environment, or a file that it names, and never written down.

A run's fork server takes it out of its environment (:func:`take`), so that the code of a problem, and what that starts,
does not find it there; the processes that it forks still know it.
"""

import os
from pathlib import Path

from pipeline.errors import InfrastructureError
from pipeline.metadata.address import PASSWORD_VARIABLE

FILE_VARIABLE = f"{PASSWORD_VARIABLE}_FILE"
"""Names a file with the password, where a platform hands out secrets as files."""

_taken: list[str] = []


def password() -> str:
    """Return the password; empty if there is none."""
    return _taken[-1] if _taken else _given() or ""


def _given() -> str | None:
    """Return what the environment says; None if it says nothing."""
    given, file = os.environ.get(PASSWORD_VARIABLE), os.environ.get(FILE_VARIABLE)
    return _read(Path(file)) if file and given is None else given


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        raise InfrastructureError(
            "The file with the metadata store's password cannot be read",
            got=str(error),
            where=f"{FILE_VARIABLE}={file}",
            hint=f"name a file that this user may read, or set {PASSWORD_VARIABLE}",
        ) from None


def take() -> None:
    """Take the password out of the environment of this process, and of all that it starts."""
    found = _given()
    for name in (PASSWORD_VARIABLE, FILE_VARIABLE):
        os.environ.pop(name, None)
    if found is not None:
        _taken.append(found)


def blotted(text: str) -> str:
    """Return a text without the password, if it holds it."""
    secret = password()
    return text.replace(secret, "***") if len(secret) > 3 else text
