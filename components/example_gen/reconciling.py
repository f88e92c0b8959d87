"""Adding up what the workers say, before anything is shown: no row may get lost, and each split must be of use."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from components.example_gen import diagnosis
from components.example_gen.diagnosis import BadRow
from components.example_gen.options import IngestOptions
from components.example_gen.summaries import Summary
from pipeline.errors import DataError, InfrastructureError


def reconcile(summaries: Sequence[Summary | None], splits: Sequence[str], options: IngestOptions) -> dict[str, int]:
    """Check that every shard reported and that rows add up; return the rows of each split.

    Args:
        summaries: What each shard's worker left, in order; ``None`` where nothing is.
        splits: Names of the splits.
        options: Thresholds and the label.

    Raises:
        InfrastructureError: Rows were lost on the way: a fault of the runner, not of the data.
        DataError: There are no rows, too many malformed ones, too few in a split, or a label that never varies.
    """
    silent = [index for index, summary in enumerate(summaries) if summary is None]
    if silent:
        raise InfrastructureError(
            "Beam dropped a part of the data without an error.",
            got=f"no result for {len(silent)} of {len(summaries)} shards, the first {silent[0]}",
            expected="a result for each shard",
            hint="Run with --direct_running_mode=in_memory, or look at the runner's own log.",
        )
    done = [summary for summary in summaries if summary is not None]
    read = sum(sum(summary.read.values()) for summary in done)
    written = {split: sum(summary.written.get(split, 0) for summary in done) for split in splits}
    bad = [BadRow(**record) for summary in done for record in summary.set_aside]
    if read != sum(written.values()) + len(bad):
        raise InfrastructureError(
            "Rows were lost between the files and the splits.",
            got=f"{sum(written.values())} written and {len(bad)} set aside",
            expected=f"{read}, as many as were read",
            hint="This is a fault of the program or of the Beam runner; please report it.",
        )
    if len(bad) > options.bad_rows:
        raise diagnosis.refused(bad, options.bad_rows, at_least=False)
    if not read:
        raise DataError(
            "The data has a header and no rows.",
            got="0 rows",
            expected="rows below the header",
            where=options.path,
            hint="Check the export that wrote it.",
        )
    _check_sizes(written, options, read)
    _check_label({text for summary in done for text in summary.labels}, options, read)
    return written


def rows_by_file(summaries: Sequence[Summary]) -> dict[str, int]:
    """Return the rows read from each file."""
    rows: dict[str, int] = {}
    for summary in summaries:
        for path, count in summary.read.items():
            rows[path] = rows.get(path, 0) + count
    return rows


def set_aside_lines(summaries: Sequence[Summary]) -> str:
    """Return the content of ``set_aside.jsonl``: one malformed row a line, by file and line."""
    bad = [BadRow(**record) for summary in summaries for record in summary.set_aside]
    ordered: list[dict[str, Any]] = [row.as_record() for row in sorted(bad, key=lambda row: (row.file, row.line))]
    return "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in ordered)


def _check_sizes(written: Mapping[str, int], options: IngestOptions, read: int) -> None:
    small = {split: rows for split, rows in written.items() if rows < options.minimum_rows}
    if small:
        name, rows = next(iter(small.items()))
        shares = ", ".join(f"{split} {count}" for split, count in written.items())
        raise DataError(
            f"There are too few rows for the split {name}." if rows else f"There is no row for the split {name}.",
            got=f"{read} rows, of which {shares}",
            expected=f"at least {options.minimum_rows} in each split",
            where=options.path,
            hint="Give more data, another share to the split, or a lower minimum_rows.",
        )


def _check_label(labels: set[str], options: IngestOptions, read: int) -> None:
    if options.label is None or len(labels) > 1:
        return
    if not labels:
        raise DataError(
            f"The label {options.label} is missing in every row.",
            got=f"{read} rows without a label",
            expected="a label to learn from",
            where=f"{options.path}: column {options.label}",
            hint="Check the export that wrote it.",
        )
    raise DataError(
        f"The label {options.label} is constant: there is nothing to learn.",
        got=f"{labels.pop()} in each of {read} rows",
        expected="at least two different values",
        where=f"{options.path}: column {options.label}",
        hint="Check that the right column is the label, and that the data was not filtered by it.",
    )
