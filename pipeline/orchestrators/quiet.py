"""Keeps what TensorFlow and TFX print while they are imported from the person who only wanted a file."""

import logging
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def quiet() -> Iterator[None]:
    """Import and compile without a word; see ``_import_everything`` of :mod:`pipeline.local.server`."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("GLOG_minloglevel", "3")
    level = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import components.estimator.compat  # noqa: F401  before TensorFlow

            yield
    finally:
        logging.disable(level)
