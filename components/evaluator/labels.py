"""The label that a model is judged by, where preprocessing_fn makes it: in the place of TFMA's own extractor.

See docs/decisions/0006-derived-labels.md.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import apache_beam as beam
import tensorflow_model_analysis as tfma
from tensorflow_model_analysis.extractors.labels_extractor import LABELS_EXTRACTOR_STAGE_NAME

from components.transform.label import LabelOf, label_function


@dataclass(frozen=True)
class DerivedLabel:
    """A label that is computed by the transform.

    Attributes:
        transform_graph: Folder of the TransformGraph artifact.
        label: The label's name among the transformed features.
        columns: The raw columns that it is computed from.
    """

    transform_graph: str
    label: str
    columns: tuple[str, ...]


def with_label(extractors: Sequence[Any], derived: DerivedLabel, models: Sequence[str]) -> list[Any]:
    """Return TFMA's extractors with the one for labels replaced by the transform's label.

    Args:
        extractors: ``tfma.default_extractors(...)``.
        derived: Which label.
        models: The names of the models in the config, all of which are judged by it.
    """
    ours = tfma.extractors.Extractor(
        stage_name=LABELS_EXTRACTOR_STAGE_NAME, ptransform=beam.ParDo(_Label(derived, list(models)))
    )
    return [ours if one.stage_name == LABELS_EXTRACTOR_STAGE_NAME else one for one in extractors]


class _Label(beam.DoFn):
    _of: LabelOf  # not made before setup, for it cannot be sent to a worker

    def __init__(self, derived: DerivedLabel, models: list[str]) -> None:
        self._derived, self._models = derived, models

    def setup(self) -> None:
        self._of = label_function(self._derived.transform_graph, self._derived.label)

    def process(self, extracts: dict[str, Any]) -> Iterator[dict[str, Any]]:
        labels = self._of(extracts[tfma.INPUT_KEY])
        of_models = labels if len(self._models) == 1 else dict.fromkeys(self._models, labels)
        yield {**extracts, tfma.LABELS_KEY: of_models}
