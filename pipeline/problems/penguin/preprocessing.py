"""From the measures in the file to the features of the model, for training and serving alike."""

from typing import Any

import tensorflow_transform as tft

from . import features as f


def preprocessing_fn(inputs: dict[str, Any]) -> dict[str, Any]:
    """Make the features: each measure with mean 0 and variance 1, float32 ``[batch, 1]``; the label as it is, int64."""
    scaled = {name: tft.scale_to_z_score(inputs[name]) for name in f.MEASURES}
    return {**scaled, f.LABEL: inputs[f.LABEL]}
