"""What shapes ExampleGen's output: one value that is part of the node's properties, and so of TFX's cache key."""

import dataclasses
import json
from typing import Literal

FileFormat = Literal["auto", "csv", "parquet"]


@dataclasses.dataclass(frozen=True)
class IngestOptions:
    """The settings of the node that are not TFX's own.

    Attributes:
        path: File, folder, glob or ``{SPAN}`` pattern, as the user gave it.
        file_format: ``auto`` goes by the files' names, then by their first bytes.
        columns: Column names of CSV files that have no header line; empty where they have one.
        label: What is predicted. As a column it must vary and hold no NaN; it has to be one, unless ``derived_label``.
        derived_label: Whether the label may be made by preprocessing_fn from other columns: a label that is no column,
            and that no curated schema names, is then left to Transform.
        label_guess: What the problem's code writes that is nearest to a label that it does not write.
        schema_path: Curated ``schema.pbtxt``; its types are the columns' types. Its content enters the fingerprint.
        missing: Cell texts that stand for a missing value.
        minimum_rows: Fewest rows that each split must get.
        bad_rows: Most malformed rows that may be set aside before the data is refused.
        block_bytes: Size of one Beam element in bytes of uncompressed CSV.
    """

    path: str
    file_format: FileFormat = "auto"
    columns: tuple[str, ...] = ()
    label: str | None = None
    derived_label: bool = False
    label_guess: str | None = None
    schema_path: str | None = None
    missing: tuple[str, ...] = ("",)
    minimum_rows: int = 1
    bad_rows: int = 0
    block_bytes: int = 16 << 20

    def to_json(self) -> str:
        """Return the canonical text that goes into the node's properties."""
        return json.dumps(dataclasses.asdict(self), sort_keys=True)

    @staticmethod
    def from_json(text: str) -> "IngestOptions":
        """Rebuild the options from :meth:`to_json`."""
        values = json.loads(text)
        values["columns"], values["missing"] = tuple(values["columns"]), tuple(values["missing"])
        return IngestOptions(**values)
