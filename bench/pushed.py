"""What a run left in its workspace: the newest version that was pushed, and what its nodes made."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Pushed:
    """A pushed version.

    Attributes:
        model: Folder of the SavedModel.
        nodes: What ``outcome.json`` says of each node of the newest run, by the node's name.
    """

    model: Path
    nodes: Mapping[str, Any]

    def made(self, node: str, output: str) -> Path:
        """Folder of an artifact, as ``made("ExampleGen", "examples")``."""
        return Path(self.nodes[node]["outputs"][output][0]["uri"])


def newest(workspace: Path, problem: str) -> Pushed:
    """Find the newest version of a problem's model in a workspace, and its newest run."""
    versions = [one for one in (workspace / "serving" / problem).iterdir() if one.name.isdigit()]
    outcome = max((workspace / "runs").glob(f"{problem}-*/outcome.json"))
    nodes = {node["node"]: node for node in json.loads(outcome.read_text())["nodes"]}
    return Pushed(max(versions, key=lambda one: int(one.name)), nodes)


def records(split: Path) -> list[bytes]:
    """Read the serialised examples of a split's folder, in order."""
    import tensorflow as tf

    files = sorted(str(file) for file in split.glob("*.gz"))
    return [record.numpy() for record in tf.data.TFRecordDataset(files, compression_type="GZIP")]
