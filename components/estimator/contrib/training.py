"""``tf.contrib.training``: HParams, a set of hyperparameters with types.

See https://www.tensorflow.org/versions/r1.15/api_docs/python/tf/contrib/training/HParams. An Estimator takes
``params=hparams``.
"""

import json
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from components.estimator.contrib.missing import attribute_error_of

_ASSIGNMENT = re.compile(
    r"\s*(?P<name>[A-Za-z][\w.]*)\s*(?:\[\s*(?P<index>\d+)\s*\])?\s*=\s*"
    r"(?:\[(?P<values>[^\]]*)\]|(?P<value>[^,\[]*))\s*(?:,|$)"
)
_BOOLEANS = {"true": True, "True": True, "1": True, "false": False, "False": False, "0": False}


class HParams:
    """Hyperparameters by name: attributes whose type is the type of their first value.

    Args:
        hparam_def: Not supported: the proto went with tf.contrib.
        model_structure: Kept, and handed back by ``get_model_structure``.
        **kwargs: Names and values: int, float, bool, str, None, or a list of one of these.

    Raises:
        ValueError: A name is reserved, or a list is empty.
    """

    def __init__(self, hparam_def: Any = None, model_structure: Any = None, **kwargs: Any) -> None:
        if hparam_def is not None:
            raise ValueError("hparam_def is not supported here: give names and values, or parse_json")
        self._hparam_types: dict[str, tuple[type, bool]] = {}
        self._model_structure = model_structure
        for name, value in kwargs.items():
            self.add_hparam(name, value)

    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any: ...

    def add_hparam(self, name: str, value: Any) -> None:
        """Add a hyperparameter; its type is that of the value, or of the first value of a list."""
        if getattr(self, name, None) is not None:
            raise ValueError(f"Hyperparameter name is reserved: {name}")
        if isinstance(value, list | tuple):
            if not value:
                raise ValueError(f"Multi-valued hyperparameters cannot be empty: {name}")
            self._hparam_types[name] = type(value[0]), True
        else:
            self._hparam_types[name] = type(value), False
        setattr(self, name, value)

    def set_hparam(self, name: str, value: Any) -> None:
        """Change a hyperparameter.

        Raises:
            KeyError: There is none of this name.
            ValueError: The type does not fit.
        """
        kind, is_list = self._hparam_types[name]
        if isinstance(value, list | tuple):
            if not is_list:
                raise ValueError(f"Must not pass a list for single-valued parameter: {name}")
            setattr(self, name, [_fitting(name, kind, one) for one in value])
        else:
            if is_list:
                raise ValueError(f"Must pass a list for multi-valued parameter: {name}")
            setattr(self, name, _fitting(name, kind, value))

    def del_hparam(self, name: str) -> None:
        """Remove a hyperparameter, if it is there."""
        if name in self._hparam_types:
            delattr(self, name)
            del self._hparam_types[name]

    def parse(self, values: str) -> "HParams":
        """Change values as ``"rate=0.3,units=[8,4],units[1]=2,name=adam"`` says, and return self.

        Raises:
            ValueError: The text cannot be read, names an unknown hyperparameter, or a value has the wrong type.
        """
        position, changes = 0, dict[str, Any]()
        while position < len(values):
            found = _ASSIGNMENT.match(values, position)
            if not found:
                raise ValueError(f"Malformed hyperparameter value: {values[position:]}")
            position = found.end()
            name, index = found["name"], found["index"]
            if name not in self._hparam_types:
                raise ValueError(f"Unknown hyperparameter: {name}; there are: {', '.join(sorted(self._hparam_types))}")
            kind, is_list = self._hparam_types[name]
            if (found["values"] is not None or index is not None) and not is_list:
                raise ValueError(f"Hyperparameter {name} has one value, not a list: {found[0].strip(', ')}")
            if found["values"] is not None:
                parts = [part for part in found["values"].split(",") if part.strip()]
                changes[name] = [_read(name, kind, part) for part in parts]
            elif index is not None:
                so_far = list(changes.get(name, getattr(self, name)))
                if int(index) >= len(so_far):
                    raise ValueError(f"{name} has {len(so_far)} values, so there is no {name}[{index}]")
                so_far[int(index)] = _read(name, kind, found["value"])
                changes[name] = so_far
            else:
                value = _read(name, kind, found["value"])
                changes[name] = [value] if is_list else value
        return self.override_from_dict(changes)

    def override_from_dict(self, values_dict: Mapping[str, Any]) -> "HParams":
        """Change the values of a dict, and return self."""
        for name, value in values_dict.items():
            self.set_hparam(name, value)
        return self

    set_from_map = override_from_dict

    def parse_json(self, values_json: str) -> "HParams":
        """Change the values of a JSON object, and return self."""
        return self.override_from_dict(json.loads(values_json))

    def to_json(
        self, indent: int | None = None, separators: tuple[str, str] | None = None, sort_keys: bool = False
    ) -> str:
        """Return all values as JSON."""
        return json.dumps(self.values(), indent=indent, separators=separators, sort_keys=sort_keys)

    def values(self) -> dict[str, Any]:
        """Return all values by name."""
        return {name: getattr(self, name) for name in self._hparam_types}

    def get(self, key: str, default: Any = None) -> Any:
        """Return a value, or the default, whose type must fit where the hyperparameter exists."""
        if key not in self._hparam_types:
            return default
        kind, is_list = self._hparam_types[key]
        if default is not None:
            if is_list != isinstance(default, list | tuple):
                raise ValueError(f"The default of {key} must {'be' if is_list else 'not be'} a list: {default!r}")
            for one in default if is_list else [default]:
                _fitting(key, kind, one)
        return getattr(self, key)

    def get_model_structure(self) -> Any:
        """Return what ``set_model_structure`` was given."""
        return self._model_structure

    def set_model_structure(self, model_structure: Any) -> None:
        """Keep a structure beside the values."""
        self._model_structure = model_structure

    def __contains__(self, key: str) -> bool:
        return key in self._hparam_types

    def __getitem__(self, key: str) -> Any:
        # An Estimator's model_fn may be handed a dict of params or these; both are read by name here.
        if key not in self._hparam_types:
            raise KeyError(key)
        return getattr(self, key)

    def __str__(self) -> str:
        return str(sorted(self.values().items()))

    def __repr__(self) -> str:
        return f"HParams({self})"


def _fitting(name: str, kind: type, value: Any) -> Any:
    """Return the value as ``kind``, where nothing is lost by it."""
    if kind is type(None) or value is None or type(value) is kind:
        return value
    if kind is bool or isinstance(value, bool) or isinstance(value, str) != issubclass(kind, str):
        raise ValueError(f"Could not cast hyperparameter {name} of type {kind.__name__} from {value!r}")
    if issubclass(kind, int) and not isinstance(value, int) and not float(value).is_integer():
        raise ValueError(f"Could not cast hyperparameter {name} of type int from {value!r}")
    return kind(value)


def _read(name: str, kind: type, text: str) -> Any:
    text = text.strip()
    try:
        if kind is bool:
            return _BOOLEANS[text]
        return text if kind is type(None) else kind(text)
    except (KeyError, ValueError):
        raise ValueError(f"Could not parse hyperparameter {name} of type {kind.__name__}: {text!r}") from None


__all__ = ["HParams"]
__getattr__ = attribute_error_of(__name__)
