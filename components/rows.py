"""Row counts, reconciled from the files to each node's output on every run.

ExampleGen writes on its artifact how many rows each split has (``split_rows``). Whatever reads all rows of a split
compares: Beam has been seen to drop rows silently, and a model trained on part of the data looks like any other.
"""

import json
from typing import Any

from pipeline.errors import PipelineError

PROPERTY = "split_rows"


def split_rows(examples: Any) -> dict[str, int]:
    """Return the rows of each split of an Examples artifact; empty where no node of ours wrote them."""
    if not examples.has_custom_property(PROPERTY):
        return {}
    return dict(json.loads(examples.get_string_custom_property(PROPERTY)))


def reconcile(node: str, examples: Any, seen: dict[str, int]) -> None:
    """Compare the rows that a node saw with those that ExampleGen wrote.

    Args:
        node: Whose rows they are, for the message.
        examples: The Examples artifact that it read.
        seen: Rows in each split.

    Raises:
        PipelineError: If they differ.
    """
    for split, rows in split_rows(examples).items():
        if split in seen and seen[split] != rows:
            raise PipelineError(
                f"{node} lost rows of the split {split}",
                got=f"{seen[split]} rows",
                expected=f"{rows} rows, as ExampleGen wrote",
                hint="this is a fault of the pipeline or of Beam, not of the data; please report it",
            )
