"""Resolves the latest blessed model other than the candidate.

TFX's LatestBlessedModelStrategy returns the latest blessed model, which in a run that reuses its Trainer is the
candidate itself: the Evaluator would compare a model with itself, and, its input being another one than in the run
before, would never be reused.
"""

from typing import Any

from tfx.dsl.components.common import resolver


class LatestOtherBlessedModelStrategy(resolver.ResolverStrategy):
    """Takes the channels ``candidate``, ``model`` and ``model_blessing``; the result keeps all three keys."""

    def resolve_artifacts(self, store: Any, input_dict: dict[str, list[Any]]) -> dict[str, list[Any]] | None:
        """Return the latest blessed model and its blessing, or empty lists where there is none."""
        del store
        candidates = {artifact.id for artifact in input_dict["candidate"]}
        blessings = {
            blessing.get_int_custom_property("current_model_id"): blessing
            for blessing in sorted(input_dict["model_blessing"], key=lambda one: one.id)
            if blessing.get_int_custom_property("blessed") == 1
        }
        models = [one for one in input_dict["model"] if one.id in blessings and one.id not in candidates]
        latest = max(models, key=lambda one: one.id, default=None)
        return {
            "candidate": input_dict["candidate"],
            "model": [latest] if latest else [],
            "model_blessing": [blessings[latest.id]] if latest else [],
        }
