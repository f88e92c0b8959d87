"""Resolves the values that a training takes: those of the latest search of the problem in this workspace.

The latest is the one that a ``tune``, or a run with a search of its own, ended with last: also one that had been made
before, and so was reused.
"""

from typing import Any

from tfx.dsl.components.common import resolver

from components.baseline.given_out import last_given_out


class LatestHyperParameters(resolver.ResolverStrategy):
    """Takes the channel ``hyperparameters``; the result has the latest one, or none where there was no search yet."""

    def resolve_artifacts(self, store: Any, input_dict: dict[str, list[Any]]) -> dict[str, list[Any]] | None:
        """Return the latest artifact, or an empty list."""
        found = {one.id: one for one in input_dict["hyperparameters"]}
        latest = last_given_out(store, found)
        return {"hyperparameters": [] if latest is None else [found[latest]]}
