"""Resolves the values that a training takes: those of the latest search of the problem in this workspace."""

from typing import Any

from tfx.dsl.components.common import resolver


class LatestHyperParameters(resolver.ResolverStrategy):
    """Takes the channel ``hyperparameters``; the result has the latest one, or none where there was no search yet."""

    def resolve_artifacts(self, store: Any, input_dict: dict[str, list[Any]]) -> dict[str, list[Any]] | None:
        """Return the latest artifact, or an empty list."""
        del store
        return {"hyperparameters": sorted(input_dict["hyperparameters"], key=lambda one: one.id)[-1:]}
