"""Values that a search found, in the place of the settings': which held in a run."""

from collections.abc import Mapping
from typing import Any

from pipeline.lineage import facts
from pipeline.lineage.runs import Parts
from pipeline.lineage.store import Artifact


def tuned_values(found: Parts) -> dict[str, Any]:
    """Return the values that a run's Trainer took, or, where it trained nothing, those that its search found.

    Empty where the run had neither.
    """
    taken = _values(found.used.get("hyperparameters", ()))
    return taken or _values(found.made.get("best_hyperparameters", ()))


def _values(artifacts: list[Artifact] | tuple[()]) -> dict[str, Any]:
    return next((facts.tuned(one) for one in artifacts if one.type == "HyperParameters"), {})


def held(name: str, tuned: Mapping[str, Any], training: Mapping[str, Any]) -> Any:
    """Return the value that held: the tuned one, or else that of the settings.

    Args:
        name: Its name in ``[training.params]`` or ``[training]``.
        tuned: The tuned values by name.
        training: The settings ``[training]``.
    """
    params = training.get("params") or {}
    return tuned.get(name, params.get(name, training.get(name)))


def replaced(tuned: Mapping[str, Any], training: Mapping[str, Any]) -> dict[str, Any]:
    """Return the tuned values by the dotted names, below ``[training]``, of the settings whose place they took."""
    params = training.get("params") or {}
    return {f"params.{name}" if name in params else name: value for name, value in tuned.items()}
