"""Which of some artifacts a node gave out last; imports no framework."""

from collections.abc import Iterable
from typing import Any


def last_given_out(store: Any, artifacts: Iterable[int]) -> int | None:
    """Return the artifact that an execution gave out last, be it one that reused what an earlier one had made.

    The artifact's own number does not tell: a node that is reused makes no new one. Nodes that only look up what there
    is do not count; their events are of another type.

    Args:
        store: ML Metadata's ``MetadataStore``.
        artifacts: Their numbers.

    Returns:
        The number of one of them; None if there are none.
    """
    last = dict.fromkeys(artifacts, 0)
    for event in store.get_events_by_artifact_ids(list(last)) if last else ():
        if event.type == event.OUTPUT:
            last[event.artifact_id] = max(last[event.artifact_id], event.execution_id)
    return max(last, key=lambda one: (last[one], one), default=None)
