"""What a worker says that it did with a shard; TensorFlow is imported only to reach the artifact's file system."""

import dataclasses
import json
import uuid
from typing import Any


@dataclasses.dataclass(frozen=True)
class Summary:
    """What a worker did with a shard.

    Attributes:
        index: The shard.
        read: Rows read by file, malformed ones included.
        written: Rows written by split.
        files: File in the scratch folder by split.
        set_aside: Malformed rows (:class:`components.example_gen.diagnosis.BadRow` as dictionaries).
        labels: Up to two different values of the label, as text.
    """

    index: int
    read: dict[str, int]
    written: dict[str, int]
    files: dict[str, str]
    set_aside: list[dict[str, Any]]
    labels: list[str]

    def save(self, scratch: str) -> None:
        """Write the summary, whole or not at all."""
        import tensorflow as tf

        name = f"{scratch}/summary-{self.index:05d}.json"
        part = f"{name}.{uuid.uuid4().hex[:12]}"
        with tf.io.gfile.GFile(part, "w") as file:
            file.write(json.dumps(dataclasses.asdict(self)))
        tf.io.gfile.rename(part, name, overwrite=True)

    @staticmethod
    def load(scratch: str, index: int) -> "Summary | None":
        """Read the summary of a shard, if there is one."""
        import tensorflow as tf

        name = f"{scratch}/summary-{index:05d}.json"
        if not tf.io.gfile.exists(name):
            return None
        with tf.io.gfile.GFile(name) as file:
            return Summary(**json.loads(file.read()))
