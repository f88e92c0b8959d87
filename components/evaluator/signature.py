"""What an export promises, read from its ``saved_model.pb`` without loading it."""

import difflib
from pathlib import Path

from tensorflow.core.protobuf import saved_model_pb2

from components.description import forwarded
from components.evaluator.configuration import SIGNATURE
from pipeline.errors import InfrastructureError, PipelineError, SettingsError, UserCodeError


def outputs_of(model_path: str) -> list[str] | None:
    """Return the names of the outputs of ``serving_default``; None where there is no such signature.

    Raises:
        PipelineError: if there is no SavedModel, or one that cannot be read.
    """
    path = Path(model_path) / "saved_model.pb"
    saved_model = saved_model_pb2.SavedModel()
    try:
        saved_model.ParseFromString(path.read_bytes())
    except FileNotFoundError as error:
        raise PipelineError("the model holds no SavedModel", where=str(path), expected="saved_model.pb") from error
    except OSError as error:
        raise InfrastructureError("the model cannot be read", where=str(path), got=str(error)) from error
    except Exception as error:
        raise PipelineError("the model's saved_model.pb is damaged", where=str(path), got=str(error)) from error
    for graph in saved_model.meta_graphs:
        if "serve" in graph.meta_info_def.tags and SIGNATURE in graph.signature_def:
            return sorted(graph.signature_def[SIGNATURE].outputs)
    return None


def check_outputs(model_path: str, prediction_key: str) -> str:
    """Return the output that is compared with the label.

    Args:
        model_path: Folder of the SavedModel.
        prediction_key: The output's name; empty where the settings name none.

    Returns:
        The output's name: the only prediction beside which columns of the request come back; as it was given otherwise
        (TFMA wants none where there is but one output).

    Raises:
        SettingsError: if the settings name no output where there are several, or one that is not there.
        UserCodeError: if the export has no signature ``serving_default``.
    """
    outputs = outputs_of(model_path)
    if outputs is None:
        raise UserCodeError(f"the exported model has no signature {SIGNATURE!r}", where=model_path)
    predictions = [one for one in outputs if one not in forwarded(model_path)]
    prediction_key = prediction_key or only_prediction(model_path)
    shown = ", ".join(predictions)
    if not prediction_key and len(outputs) > 1:
        raise SettingsError(
            "the model answers with several outputs, and no setting says which one is compared with the label",
            where="evaluation.prediction_key",
            got="not set",
            expected=f"one of {shown}",
        )
    if prediction_key and len(outputs) > 1 and prediction_key not in predictions:
        near = difflib.get_close_matches(prediction_key, predictions, n=1)
        raise SettingsError(
            "the model has no output of that name",
            where="evaluation.prediction_key",
            got=prediction_key,
            expected=f"one of {shown}",
            hint=f"did you mean {near[0]}?" if near else None,
        )
    return prediction_key


def only_prediction(model_path: str) -> str:
    """Return the only prediction beside which columns of the request come back; empty where there is no such thing."""
    columns = forwarded(model_path)
    predictions = [one for one in outputs_of(model_path) or () if one not in columns]
    return predictions[0] if columns and len(predictions) == 1 else ""
