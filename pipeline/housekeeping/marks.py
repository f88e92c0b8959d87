"""Writes the states of artifacts into ML Metadata: the one place of housekeeping that writes there."""

from collections.abc import Collection
from pathlib import Path

from ml_metadata import MetadataStore
from ml_metadata import errors as mlmd_errors
from ml_metadata.proto import metadata_store_pb2 as mlmd

from pipeline.errors import InfrastructureError

MARKED = mlmd.Artifact.MARKED_FOR_DELETION
DELETED = mlmd.Artifact.DELETED

_AT_ONCE = 200
_TRIES = 10


class Marks:
    """Marks artifacts as going, and as gone.

    Args:
        config: ML Metadata's ``ConnectionConfig``, one that may write.
        where: The store, for messages; without a password.
    """

    def __init__(self, config: mlmd.ConnectionConfig, where: str) -> None:
        self._where = where
        config.retry_options.max_num_retries = _TRIES
        try:
            self._store = MetadataStore(config)
        except (RuntimeError, mlmd_errors.StatusError) as error:
            raise self._unwritable(error) from None

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
                found = self._store.get_artifacts_by_id(numbers[start : start + _AT_ONCE])
                for one in found:
                    one.state = state
                self._store.put_artifacts(found, field_mask_paths=["state"])
        except mlmd_errors.StatusError as error:
            raise self._unwritable(error) from None

    def _unwritable(self, error: Exception) -> InfrastructureError:
        return InfrastructureError(
            "The workspace's metadata cannot be written",
            got=str(error).split(" query:")[0][:300],
            where=self._where,
            hint="see that you may write it and its folder; nothing was removed that is not marked as going",
        )


def open_marks(database: Path) -> Marks:
    """Open a workspace's SQLite database, which must be there, to mark artifacts in it.

    Raises:
        InfrastructureError: If it cannot be written.
    """
    config = mlmd.ConnectionConfig()
    config.sqlite.filename_uri = str(database)
    config.sqlite.connection_mode = mlmd.SqliteMetadataSourceConfig.READWRITE
    return Marks(config, str(database))
