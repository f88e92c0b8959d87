"""Files that are there whole or not at all."""

import uuid
from contextlib import suppress
from pathlib import Path


def write_whole(file: Path, content: str | bytes) -> None:
    """Write a file as a new one, beside the old one and then in its place.

    Who reads it meanwhile sees the old one; so does an artifact of an earlier execution that it is linked into.

    Args:
        file: The file.
        content: All that is to be in it; text is written as UTF-8.

    Raises:
        OSError: If it cannot be written; then nothing of it is left.
    """
    # Processes of several machines may write the same at once, and in containers all have the same number.
    beside = file.with_name(f".{file.name}.{uuid.uuid4().hex[:12]}")
    try:
        beside.write_bytes(content.encode() if isinstance(content, str) else content)
        beside.replace(file)
    except OSError:
        with suppress(OSError):
            beside.unlink(missing_ok=True)
        raise
