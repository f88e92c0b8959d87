"""The functions that a problem's modules define: the one list of their names and arguments. Imports no TensorFlow."""

import inspect
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.errors import UserCodeError


@dataclass(frozen=True)
class Function:
    """A function that a problem defines and the pipeline calls, each argument by its name.

    Attributes:
        name: Its name.
        arguments: What it is given, in the order in which it is shown.
        needed: Those that it cannot do without.
        also: What else it may ask for.
    """

    name: str
    arguments: tuple[str, ...]
    needed: tuple[str, ...] = ()
    also: tuple[str, ...] = ()

    @property
    def signature(self) -> str:
        """How it is written."""
        return f"{self.name}({', '.join(self.arguments)})"


MODELS = (
    Function("model_fn", ("features", "labels", "mode", "params"), ("features", "labels"), ("config",)),
    Function("build_estimator", ("config", "params", "feature_spec"), ("config",)),
    Function("build_keras_model", ("params", "feature_spec")),
)
"""The three ways to bring a model; ``model.py`` defines exactly one."""

METRIC_FN = Function("metric_fn", ("features", "labels", "predictions", "config"))
"""What ``model.py`` may define beside them; the arguments are those that ``tf.estimator.add_metrics`` gives."""

ENTRIES: Mapping[str, tuple[Function, ...]] = {
    "preprocessing": (Function("preprocessing_fn", ("inputs",), ("inputs",)),),
    "model": MODELS,
}
"""The modules of a problem, and the functions of which each must define one."""


def one_of(module: str) -> str:
    """Return the names of which a module must define one, as a sentence holds them."""
    return " or ".join(function.name for function in ENTRIES[module])


def none_defined(problem: str, module: str, found: Iterable[str], file: str | Path) -> UserCodeError:
    """Return the error of a module that defines none of its functions.

    Args:
        problem: The problem's name.
        module: The module, without ``.py``.
        found: The names that it does define.
        file: The file as a person knows it.
    """
    return UserCodeError(
        f"{module}.py of {problem} defines no {one_of(module)}",
        got=", ".join(sorted(found)) or "nothing is defined there",
        expected=" or ".join(f"def {function.signature}" for function in ENTRIES[module]),
        where=str(file),
        hint="the name is the contract; docs/problems.md shows one of each",
    )


def bound(module: Any) -> list[str]:
    """Return the names that a module that was imported binds."""
    return [name for name in vars(module) if not name.startswith("__")]


def accepted(contract: Function, function: Any, file: str, hint: str | None = None) -> list[str]:
    """Return the arguments of the contract that a function takes by name.

    Raises:
        UserCodeError: If it wants others, or lacks one that it cannot do without.
    """
    parameters = inspect.signature(function).parameters.values()
    taken = [one.name for one in parameters if one.kind in (one.POSITIONAL_OR_KEYWORD, one.KEYWORD_ONLY)]
    known = (*contract.arguments, *contract.also)
    # One that is not ours has to have a default, and none may be of a kind that is not passed by its name.
    strange = [one for one in parameters if one.name not in known and one.default is one.empty]
    strange = [one for one in strange if one.kind not in (one.VAR_POSITIONAL, one.VAR_KEYWORD)]
    unnamed = [one for one in parameters if one.kind is one.POSITIONAL_ONLY]
    if any(one.kind is one.VAR_KEYWORD for one in parameters):
        taken = list(dict.fromkeys([*taken, *known]))
    missing = [one for one in contract.needed if one not in taken]
    if strange or missing or unnamed:
        raise UserCodeError(
            f"{contract.name} takes the wrong arguments",
            got=f"{contract.name}({', '.join(one.name for one in parameters)})",
            expected=f"{contract.signature}, each under this very name",
            where=file,
            hint=hint,
        )
    return [one for one in taken if one in known]
