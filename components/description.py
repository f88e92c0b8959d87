"""What lies beside an exported model for those who ask it, and how to read it. Plain Python, no TensorFlow.

``assets.extra`` is the folder of a SavedModel that is handed on with it and that neither TensorFlow nor TensorFlow
Serving looks into (but for warm-up requests). :mod:`components.estimator.describing` writes there:

- ``signatures.json``: each signature with its method, inputs and outputs; which values stand for missing ones.
- ``example_request.<signature>.json``: the body of a request to TensorFlow Serving's REST API.
"""

import json
import os
from pathlib import Path
from typing import Any
from urllib.parse import quote

RAW = "raw"
"""The signature that takes the columns of a row by name."""

FOLDER = "assets.extra"
SIGNATURES = f"{FOLDER}/signatures.json"


def request_file(signature: str) -> str:
    """Return the name of a signature's example request; that of a head's, ``sum/predict`` say, is quoted."""
    return f"example_request.{quote(signature, safe='')}.json"


def read_description(model: str | os.PathLike[str]) -> dict[str, Any]:
    """Read ``signatures.json`` of a SavedModel; empty where it has none, as a model of other making."""
    try:
        value: dict[str, Any] = json.loads((Path(model) / SIGNATURES).read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        return {}
    return value


def forwarded(model: str | os.PathLike[str]) -> list[str]:
    """Return the outputs of a SavedModel that are columns of the request, handed back as they came."""
    return list(read_description(model).get("forward_features", ()))
