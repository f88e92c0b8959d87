"""Validates statistics as stock TFX does, then refuses data that is not as the schema says.

Stock ExampleValidator only records anomalies and the chain goes on. :class:`Gate` fails the node instead, with
every anomaly in the error; :class:`Reporter` records and reports, for ``validation.anomalies = "report"``.
"""

from typing import Any

from tensorflow_metadata.proto.v0 import anomalies_pb2
from tfx.components.example_validator import executor
from tfx.dsl.io import fileio
from tfx.types import artifact_utils

from components.progress import report
from pipeline.errors import DataError


class Reporter(executor.Executor):
    """Records anomalies and reports them; the chain goes on."""

    def Do(self, input_dict: Any, output_dict: Any, exec_properties: Any) -> Any:  # noqa: D102, N802
        result = super().Do(input_dict, output_dict, exec_properties)
        found = anomalies(artifact_utils.get_single_instance(output_dict["anomalies"]))
        if found:
            self.act(found)
        else:
            report(note="no anomalies")
        return result

    def act(self, found: list[DataError]) -> None:
        """Say what was found."""
        report(note=f"{_count(found)} reported: " + "; ".join(one.headline for one in found))


class Gate(Reporter):
    """Records anomalies and stops the run if there are any."""

    def act(self, found: list[DataError]) -> None:
        """Refuse the data.

        Raises:
            DataError: With one part for each anomaly.
        """
        raise DataError(
            f"The data is not as the schema says: {_count(found)}",
            parts=found,
            hint="mend the data, or the problem's schema.pbtxt; or go on with --set validation.anomalies=report",
        )


def _count(found: list[DataError]) -> str:
    return "1 anomaly" if len(found) == 1 else f"{len(found)} anomalies"


def anomalies(artifact: Any) -> list[DataError]:
    """Read an ExampleAnomalies artifact: one error for each feature and kind of anomaly, with the splits it is in."""
    places: dict[tuple[str, str, str], list[str]] = {}
    for split in artifact_utils.decode_split_names(artifact.split_names):
        proto = anomalies_pb2.Anomalies()
        with fileio.open(f"{artifact_utils.get_split_uri([artifact], split)}/SchemaDiff.pb", "rb") as file:
            proto.ParseFromString(file.read())
        infos = [(".".join(info.path.step) or key, info) for key, info in proto.anomaly_info.items()]
        if proto.HasField("dataset_anomaly_info"):
            infos.append(("the dataset", proto.dataset_anomaly_info))
        for feature, info in sorted(infos, key=lambda pair: pair[0]):
            for reason in info.reason or [info]:
                key = (feature, reason.short_description, reason.description)
                places.setdefault(key, []).append(split)
    by_kind: dict[tuple[str, str], tuple[list[str], list[str]]] = {}
    for (feature, kind, description), splits in places.items():
        where, texts = by_kind.setdefault((feature, kind), ([], []))
        where += splits
        texts.append(description)
    return [
        DataError(f"{feature}: {kind}", got=max(texts, key=len), where="split " + ", ".join(dict.fromkeys(where)))
        for (feature, kind), (where, texts) in by_kind.items()
    ]
