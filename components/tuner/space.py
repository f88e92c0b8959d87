"""A search space, between the settings, Optuna and KerasTuner's form of it."""

import json
from collections.abc import Mapping
from typing import Any

from pipeline.config.model import Training
from pipeline.config.tuning import Dimension, default_of

Space = Mapping[str, Dimension]


def suggest(trial: Any, space: Space) -> dict[str, Any]:
    """Have Optuna suggest a value for each dimension.

    Args:
        trial: ``optuna.Trial``.
        space: The dimensions by name.
    """
    return {name: _suggest(trial, name, one) for name, one in space.items()}


def _suggest(trial: Any, name: str, one: Dimension) -> Any:
    if one.choices is not None:
        by_text = {_choice(value): value for value in one.choices}
        return by_text[trial.suggest_categorical(name, list(by_text))]
    if one.type == "int":
        low, high = one.ends()
        return trial.suggest_int(name, low, high, step=int(one.step or 1), log=one.log)
    return trial.suggest_float(name, one.low, one.high, step=one.step, log=one.log)


def _choice(value: Any) -> Any:
    """Return a choice as Optuna can keep it: a list as text."""
    return value if isinstance(value, (bool, int, float, str)) or value is None else json.dumps(value)


def defaults(space: Space, training: Training) -> dict[str, Any]:
    """Return the value that each dimension has without a search."""
    return {name: default_of(name, training) for name in space}


def encoded(values: Mapping[str, Any], space: Space) -> dict[str, Any]:
    """Return values as Optuna keeps them, for a trial that is to have just these."""
    kinds = {"float": float, "int": int, "categorical": _choice}
    return {name: kinds[space[name].type](value) for name, value in values.items()}  # type: ignore[operator]


def as_keras_tuner(space: Space, values: Mapping[str, Any], training: Training) -> dict[str, Any]:
    """Return what ``keras_tuner.HyperParameters.get_config`` returns: the form of the artifact ``HyperParameters``.

    A choice among lists has no place in KerasTuner's space; its value is among the values all the same.
    """
    begins = defaults(space, training)
    return {
        "space": [_entry(name, one, begins[name]) for name, one in space.items() if _fits(one)],
        "values": {**values},
    }


def _fits(one: Dimension) -> bool:
    kinds = {type(choice) for choice in one.choices or ()}
    return len(kinds) <= 1 and kinds <= {bool, int, float, str}


def _entry(name: str, one: Dimension, default: Any) -> dict[str, Any]:
    shared = {"name": name, "default": default, "conditions": []}
    if one.choices is not None:
        return {"class_name": "Choice", "config": {**shared, "values": list(one.choices), "ordered": False}}
    low, high = one.ends()
    step = one.step if one.step is None or one.type == "float" else int(one.step)
    step = 1 if step is None and one.type == "int" and not one.log else step
    about = {"min_value": low, "max_value": high, "step": step, "sampling": "log" if one.log else "linear"}
    return {"class_name": one.type.capitalize(), "config": {**shared, **about}}
