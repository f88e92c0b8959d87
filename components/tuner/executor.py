"""Carries out a search as a node: finds its study, lets it run to its end, and writes down the best values."""

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

from tfx.dsl.components.base import base_executor
from tfx.types import artifact_utils

from components.progress import report
from components.tuner.drawing import draw
from components.tuner.record import Search as Record
from components.tuner.space import as_keras_tuner, defaults
from components.tuner.splitting import Rows, split
from components.user_code import place
from pipeline.config.model import Training
from pipeline.config.tuning import Tuning
from pipeline.errors import UserCodeError

BEST_FILE = "best_hyperparameters.txt"
"""The name that TFX's own Tuner gives it."""
STUDIES = ".studies"
_NOT_OF_THE_STUDY = ("use", "trials", "parallel", "compare")


class Executor(base_executor.BaseExecutor):
    """Searches. The study lies in the node's own folder of the pipeline root (``Tuner/.studies/<key>``).

    Like a training's checkpoints it is keyed by what is searched: another attempt, another run or more trials go on
    with it; other rows, settings or code begin another one.
    """

    def Do(  # noqa: N802  TFX's name
        self, input_dict: dict[str, list[Any]], output_dict: dict[str, list[Any]], exec_properties: dict[str, Any]
    ) -> None:
        """Search, and write the outputs.

        Args:
            input_dict: ``examples`` (transformed), ``transform_graph``.
            output_dict: ``best_hyperparameters``, ``tuner_results``.
            exec_properties: ``custom_config`` as :func:`components.tuner.component.create_tuner` made it.
        """
        config = json.loads(exec_properties["custom_config"])
        best_artifact = artifact_utils.get_single_instance(output_dict["best_hyperparameters"])
        results = artifact_utils.get_single_instance(output_dict["tuner_results"])
        examples = artifact_utils.get_single_instance(input_dict["examples"])
        graph = artifact_utils.get_single_uri(input_dict["transform_graph"])
        files = {name: _files(artifact_utils.get_split_uri([examples], name)) for name in ("train", "eval")}
        values = Path(best_artifact.uri)  # .../Tuner/best_hyperparameters/<execution>
        record, space = search(config, files, graph, values.parents[1] / STUDIES, execution=values.name)
        training = Training.model_validate_json(config["training"])
        for artifact in (best_artifact, results):
            Path(artifact.uri).mkdir(parents=True, exist_ok=True)
        text = json.dumps(as_keras_tuner(space, record.values, training), indent=1)
        (Path(best_artifact.uri) / BEST_FILE).write_text(text, encoding="utf-8")
        record.write(Path(results.uri))
        draw(record, space, Path(results.uri))
        best_artifact.set_string_custom_property("values", json.dumps(record.values))
        best_artifact.set_string_custom_property("metric", record.metric)
        best_artifact.set_float_custom_property("value", record.trial(record.best).value or 0.0)
        best_artifact.set_int_custom_property("trials", record.counted)
        best_artifact.set_string_custom_property("study", record.study)


def search(
    config: dict[str, Any], files: dict[str, list[str]], graph: str, studies: Path, execution: str = ""
) -> tuple[Record, Any]:
    """Search to the end.

    Args:
        config: The node's ``custom_config``.
        files: The files of the splits ``train`` and ``eval``.
        graph: The transform.
        studies: The folder of all studies of the problem.
        execution: The node's number in ML Metadata, which each trial notes: by it TensorBoard is told its run.

    Returns:
        What was found, and the space.

    Raises:
        UserCodeError: If no trial came to its end, or the problem's code fails.
    """
    from components.tuner.comparing import compare
    from components.tuner.search import Search
    from components.tuner.study import FILE as STORAGE
    from components.tuner.study import Study

    training = Training.model_validate_json(config["training"])
    tuning = Tuning.model_validate_json(config["tuning"])
    key = study_key(config, files, graph)
    folder = studies / key
    begins = defaults(tuning.space, training)
    if not (folder / STORAGE).exists():  # somebody removed it: what is left of its trials is nobody's
        shutil.rmtree(folder, ignore_errors=True)
    study = Study(folder, key, tuning, begins, training.seed)
    copy = place.folder(config["problem"])
    shared = {
        **{"problem": config["problem"], "label": config["label"], "transform_graph": graph},
        **{"copy": str(copy), "origin": str(place.original(copy)), "execution": execution},
    }

    def request(settings: Training, rows: Rows | None = None) -> dict[str, Any]:
        told = settings.model_dump(mode="json", exclude_unset=True)
        if rows is None:
            return {
                **shared,
                "settings": told,
                "train_files": files["train"],
                "eval_files": files["eval"],
                "metric": None,
            }
        parts = {"train_files": rows.fit, "eval_files": rows.held_out, "metric": tuning.metric}
        return {**shared, "settings": told, **parts}

    rows = split(files["train"], tuning.held_out, training.seed, folder / "rows")
    Search(study, tuning, training, rows, folder=folder / "trials", request=lambda one: request(one, rows)).run()
    best = study.best()
    if best is None:
        raise UserCodeError(
            "No trial of the search came to its end",
            got="; ".join(sorted({one.reason or one.state for one in study.trials()}))[:300],
            where=str(folder / "trials"),
            hint="the folder above has a log for each trial; narrow the space to values that can be trained with",
        )
    compared = None
    if tuning.compare:
        compared = compare(training, begins, best.values, folder / "compared", request, metric=tuning.metric)
    shutil.rmtree(folder / "rows", ignore_errors=True)  # a copy, made again where trials are added
    trials = study.trials()
    record = Record(
        problem=config["problem"],
        metric=tuning.metric,
        lower_is_better=tuning.lower_is_better,
        trials=trials,
        best=best.number,
        values=best.values,
        defaults=begins,
        fit_rows=rows.fit_rows,
        held_out_rows=rows.held_out_rows,
        study=str(folder),
        compared=compared,
        seconds=round(sum(one.seconds or 0.0 for one in trials), 3),
    )
    which = "lower" if tuning.lower_is_better else "higher"
    report(note=f"{record.counted} trials, best {tuning.metric} {best.value:,.6g} ({which} is better)")
    return record, tuning.space


def study_key(config: dict[str, Any], files: dict[str, list[str]], graph: str) -> str:
    """Return the name of a study: of rows, settings, code and libraries, but not of how many trials it has."""
    tuning = {k: v for k, v in json.loads(config["tuning"]).items() if k not in _NOT_OF_THE_STUDY}
    told = [files, graph, {**config, "tuning": tuning}]
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:24]


def _files(folder: str) -> list[str]:
    return sorted(str(one) for one in Path(folder).iterdir() if one.is_file() and not one.name.startswith("."))
