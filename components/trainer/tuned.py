"""Tuned values in the place of the settings': what the artifact ``HyperParameters`` does to a training.

The file is what ``keras_tuner.HyperParameters.get_config`` returns, as TFX's own Tuner writes it and TFX's Trainer
reads it: values by name under ``values``. A name is one of ``[training.params]``, or else a key of ``[training]``.
"""

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from pipeline.config.model import Training
from pipeline.errors import SettingsError


def values_of(hyperparameters: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return the values of a ``HyperParameters`` artifact's content; empty where there is none."""
    if not hyperparameters:
        return {}
    return dict(hyperparameters.get("values", hyperparameters))


def with_values(settings: Training, values: Mapping[str, Any]) -> Training:
    """Return the settings with tuned values in them.

    Raises:
        SettingsError: If a value has no place there, or is none that the place can have.
    """
    given = settings.model_dump(exclude_unset=True)
    fields = {name: value for name, value in values.items() if name not in settings.params}
    params = {name: value for name, value in values.items() if name in settings.params}
    unknown = sorted(name for name in fields if name not in Training.model_fields)
    if unknown:
        raise SettingsError(
            "Tuned values have names that the settings do not have",
            got=", ".join(unknown),
            expected="names of [training.params] or [training]",
            where="the search that tuning.use takes values from",
            hint="search again with `python runner.py tune`, or run with --set tuning.use=nothing",
        )
    try:
        return Training.model_validate({**given, **fields, "params": {**settings.params, **params}})
    except ValidationError as error:
        first = error.errors()[0]
        raise SettingsError(
            "Tuned values are none that the training can have",
            got=f"{first['loc'][0] if first['loc'] else 'training'}: {first['msg'].removeprefix('Value error, ')}",
            where="the search that tuning.use takes values from",
            hint="search again with `python runner.py tune`, or run with --set tuning.use=nothing",
        ) from None
