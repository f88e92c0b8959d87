"""Import names that TensorFlow no longer has, answered with the module of tensorflow-estimator that they stood for.

An alias is the same module object, not a second copy: classes imported by either name are equal, and ``isinstance``
holds between code that uses one name and code that uses the other. Whole trees are mapped by prefix, so every module
that tensorflow-estimator has can be reached, also those that nobody thought of listing.
"""

import importlib
import importlib.util
import sys
from collections.abc import Mapping, Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType


class _AliasLoader(Loader):
    """Load ``target`` and put it into ``sys.modules`` in place of the module that is being created."""

    def __init__(self, target: str) -> None:
        self._target = target

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return None

    def exec_module(self, module: ModuleType) -> None:
        # The import system takes what stands in sys.modules after this call, so that the real module keeps its own
        # __name__, __spec__ and __path__.
        importlib.import_module(self._target)
        sys.modules[module.__name__] = sys.modules[self._target]


class AliasFinder(MetaPathFinder):
    """Find modules of one package tree under the name of another.

    Args:
        trees: From an old dotted name to the name of the module that answers for it and for all below it. The longest
            name that fits wins.
    """

    def __init__(self, trees: Mapping[str, str]) -> None:
        self.trees = dict(trees)

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return a spec for a name below one of the trees, or None."""
        real = self.real_name(fullname)
        if real is None:
            return None
        try:
            found = importlib.util.find_spec(real)
        except ModuleNotFoundError:
            found = None
        if found is None and real not in sys.modules:
            return None
        return ModuleSpec(fullname, _AliasLoader(real), origin=f"alias of {real}", is_package=True)

    def real_name(self, fullname: str) -> str | None:
        """Return the name of the module that ``fullname`` stands for, or None."""
        prefix = fullname
        while prefix:
            if prefix in self.trees:
                return self.trees[prefix] + fullname[len(prefix) :]
            prefix = prefix.rpartition(".")[0]
        return None


def install(trees: Mapping[str, str]) -> None:
    """Make the import system know ``trees``; a second call replaces the first."""
    # By name, so that a reloaded copy of this module finds the finder of the first.
    sys.meta_path[:] = [f for f in sys.meta_path if type(f).__qualname__ != AliasFinder.__qualname__]
    # In front: the path finder would otherwise load a second copy of tensorflow.estimator's submodules from the
    # __path__ of the module that the alias answered with.
    sys.meta_path.insert(0, AliasFinder(trees))
