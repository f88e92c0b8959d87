"""Makes ``tensorflow.contrib`` importable: each of its modules is the module of this package, by another name."""

import importlib
import re
import sys
from collections.abc import Mapping, Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType

from components.estimator.contrib import missing
from components.estimator.revived.module_aliases import AliasFinder

_ROOTS = ("tensorflow", "tensorflow.compat.v1", "tensorflow._api.v2.compat.v1")


class ContribFinder(MetaPathFinder):
    """Answers for every name below ``tensorflow.contrib``: with a module of ours, or with an error that helps.

    Args:
        package: The package that holds the modules.
    """

    def __init__(self, package: str) -> None:
        self.package = package
        self.aliases = AliasFinder({f"{root}.contrib": package for root in _ROOTS})

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return a spec for an alias, None for names that are none of ours.

        Raises:
            MissingModuleError: The name is below ``tf.contrib`` and not here.
        """
        real = self.aliases.real_name(fullname)
        if real is not None:
            found = self.aliases.find_spec(fullname, path, target)
            if found is not None:
                return found
        elif fullname.startswith(f"{self.package}."):
            # `from tensorflow.contrib import slim` comes here too, under our own name: the alias is the same module.
            real = fullname
            if real in sys.modules or PathFinder.find_spec(fullname, path) is not None:
                return None
        if real is None:
            return None
        parent = real.rpartition(".")[0]
        below = real.removeprefix(f"{self.package}.")
        raise missing.MissingModuleError(missing.explain(below, missing.public_names(parent)), name=fullname)


def install(package: str, namespaces: Mapping[str, ModuleType]) -> None:
    """Set ``contrib`` on TensorFlow's modules, and let the import system find what is below it.

    Args:
        package: The package that stands for ``tensorflow.contrib``.
        namespaces: Its modules by name.
    """
    for module in namespaces.values():
        # With a __path__ a module counts as a package: a miss below it then comes to the finder, which can explain.
        if not hasattr(module, "__path__"):
            module.__path__ = []
    sys.meta_path[:] = [one for one in sys.meta_path if type(one).__qualname__ != ContribFinder.__qualname__]
    sys.meta_path.insert(0, ContribFinder(package))
    importlib.import_module("tensorflow.compat.v1")
    for name, module in list(sys.modules.items()):
        if re.fullmatch(r"tensorflow(\._api\.v2)?(\.compat\.v[12])*", name):
            module.contrib = sys.modules[package]  # type: ignore[attr-defined]
    for root in _ROOTS:
        sys.modules[f"{root}.contrib"] = sys.modules[package]
        for name, module in namespaces.items():
            sys.modules[f"{root}.contrib.{name}"] = module
