from typing import Any

import tensorflow as tf
import tensorflow_transform as tft


def preprocessing_fn(inputs: dict[str, Any]) -> dict[str, Any]:
    return {
        "area": tft.scale_to_z_score(inputs["area"]),
        "rooms": tf.cast(inputs["rooms"], tf.float32),
        "central": tf.cast(tf.equal(inputs["district"], "Old Town"), tf.float32),
        "rent": inputs["rent"],
    }
