"""Writes the states of artifacts into ML Metadata: the one place of housekeeping that writes there."""

from collections.abc import Collection
from pathlib import Path
from typing import Any

from pipeline.errors import InfrastructureError
from pipeline.metadata.client import Client, connection_config, mlmd, mlmd_errors
from pipeline.metadata.disk import too_full
from pipeline.metadata.record import SQLITE, read_record

MARKED = mlmd.Artifact.MARKED_FOR_DELETION
DELETED = mlmd.Artifact.DELETED

_AT_ONCE = 200
_TRIES = 10


class Marks:
    """Marks artifacts as going, and as gone.

    Args:
        client: ML Metadata's ``MetadataStore``, one that may write.
        where: The store, for messages; without a password.
        root: The workspace, if the store is a file in it.
    """

    def __init__(self, client: Any, where: str, root: Path | None = None) -> None:
        self._client = client
        self._where = where
        self._root = root

    def put(self, artifacts: Collection[int], state: int) -> None:
        """Set the state of artifacts, and nothing else of them.

        Those that are not named are not even written as they are: that would be a new time of change, which is in TFX's
        cache key, and nothing that was made of them would be reused again.

        Raises:
            InfrastructureError: If the store cannot be written.
        """
        numbers = list(artifacts)
        try:
            for start in range(0, len(numbers), _AT_ONCE):
                found = self._client.get_artifacts_by_id(numbers[start : start + _AT_ONCE])
                changed = [mlmd.Artifact(id=one.id, type_id=one.type_id, state=state) for one in found]
                self._client.put_artifacts(changed, field_mask_paths=["state"])
        except mlmd_errors.StatusError as error:
            raise _unwritable(error, self._where, self._root) from None


def open_marks(root: Path) -> Marks:
    """Open the metadata of the workspace ``root``, which must be there, to mark artifacts in it.

    Raises:
        InfrastructureError: If it cannot be written.
    """
    record = read_record(root)
    where = record.address.url if record else str(root / SQLITE)
    config = connection_config(root)
    if record is None:
        config.sqlite.connection_mode = mlmd.SqliteMetadataSourceConfig.READWRITE
    config.retry_options.max_num_retries = _TRIES
    try:
        return Marks(Client(config, root), where, None if record else root)
    except (RuntimeError, mlmd_errors.StatusError) as error:
        raise _unwritable(error, where, None if record else root) from None


def _unwritable(error: Exception, where: str, root: Path | None) -> InfrastructureError:
    got = str(error).split(" query:")[0][:300]
    if root is not None and (full := too_full(root, got)):
        return full
    return InfrastructureError(
        "The workspace's metadata cannot be written",
        got=got,
        where=where,
        hint="see that you may write it and its folder; nothing was removed that is not marked as going",
    )
