"""``distribute = "mirrored"``: one process trains on all GPUs of its machine."""

from typing import Any

import components.estimator.compat  # noqa: F401  before TensorFlow

import tensorflow as tf


def mirrored() -> dict[str, Any]:
    """Return what ``RunConfig`` is told; nothing, where there is nothing to mirror."""
    found = devices()
    return {"train_distribute": tf.distribute.MirroredStrategy(found)} if len(found) > 1 else {}


def in_words() -> str:
    """Return what becomes of the setting on this machine, in a sentence."""
    found = len(devices())
    if found > 1:
        return f'distribute = "mirrored": on {found} devices, each with batches of its own'
    there, device = ("one GPU", "it") if found else ("no GPU", "the CPU, as one device")
    return f'distribute = "mirrored": there is {there} here, so it trains on {device}'


def devices() -> list[str]:
    """Return the GPUs, as a strategy takes them."""
    return [f"/gpu:{number}" for number, _ in enumerate(tf.config.list_physical_devices("GPU"))]


def replicas(config: Any) -> int:
    """Return how many batches a step takes, by its ``RunConfig``."""
    return config.train_distribute.num_replicas_in_sync if config.train_distribute is not None else 1
