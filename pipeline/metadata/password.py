"""The password of the metadata store: from the environment alone, and never written down.

A run's fork server takes it out of its environment (:func:`take`), so that the code of a problem, and what that starts,
does not find it there; the processes that it forks still know it.
"""

import os

from pipeline.metadata.address import PASSWORD_VARIABLE

_taken: list[str] = []


def password() -> str:
    """Return the password; empty if there is none."""
    return _taken[-1] if _taken else os.environ.get(PASSWORD_VARIABLE, "")


def take() -> None:
    """Take the password out of the environment of this process, and of all that it starts."""
    found = os.environ.pop(PASSWORD_VARIABLE, None)
    if found is not None:
        _taken.append(found)


def blotted(text: str) -> str:
    """Return a text without the password, if it holds it."""
    secret = password()
    return text.replace(secret, "***") if len(secret) > 3 else text
