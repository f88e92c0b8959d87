"""The API name 'estimator' in ``tensorflow.python.util.tf_export``.

tensorflow-estimator marks what is public with ``estimator_export``, which notes the public names on each symbol under
the attribute that ``tf_export`` keeps for its API. TensorFlow kept those of 'tensorflow' and 'keras' only.
"""

from collections.abc import Callable
from typing import Any

API_NAME = "estimator"


def install(tf_export: Any) -> None:
    """Add the API name, its attributes, and its part of the look-ups of v1 and v2 names.

    Args:
        tf_export: The module ``tensorflow.python.util.tf_export``.
    """
    if API_NAME in tf_export.API_ATTRS:
        return
    kind = type(tf_export.API_ATTRS["tensorflow"])  # a named tuple (names, constants)
    tf_export.ESTIMATOR_API_NAME = API_NAME
    v2 = tf_export.API_ATTRS[API_NAME] = kind("_estimator_api_names", "_estimator_api_constants")
    v1 = tf_export.API_ATTRS_V1[API_NAME] = kind("_estimator_api_names_v1", "_estimator_api_constants_v1")

    tf_export.get_v2_names = _and_names(tf_export.get_v2_names, v2.names)
    tf_export.get_v1_names = _and_names(tf_export.get_v1_names, v1.names)
    tf_export.get_v2_constants = _and_constants(tf_export.get_v2_constants, v2.constants)
    tf_export.get_v1_constants = _and_constants(tf_export.get_v1_constants, v1.constants)


def _and_names(known: Callable[[Any], list[str]], attribute: str) -> Callable[[Any], list[str]]:
    def names(symbol: Any) -> list[str]:
        """Return the public names of a symbol, those of the Estimator API among them."""
        # Only what stands on the symbol itself: a subclass is not public because its base is.
        own = getattr(symbol, "__dict__", {})
        return [*known(symbol), *own.get(attribute, ())]

    return names


def _and_constants(known: Callable[[Any], list[Any]], attribute: str) -> Callable[[Any], list[Any]]:
    def constants(module: Any) -> list[Any]:
        """Return the public constants of a module, those of the Estimator API among them."""
        return [*known(module), *getattr(module, attribute, ())]

    return constants
