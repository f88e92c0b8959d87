"""Runs stock StatisticsGen and reconciles the rows that it saw."""

from typing import Any

from tfx.components.statistics_gen import executor, stats_artifact_utils
from tfx.types import artifact_utils

from components.batches import read_in_batches
from components.rows import reconcile

read_in_batches()


class Executor(executor.Executor):
    """Stock executor with a check behind it."""

    def Do(self, input_dict: Any, output_dict: Any, exec_properties: Any) -> None:  # noqa: D102, N802
        super().Do(input_dict, output_dict, exec_properties)
        statistics = artifact_utils.get_single_instance(output_dict["statistics"])
        seen = {
            split: int(stats_artifact_utils.load_statistics(statistics, split).proto().datasets[0].num_examples)
            for split in artifact_utils.decode_split_names(statistics.split_names)
        }
        reconcile("StatisticsGen", artifact_utils.get_single_instance(input_dict["examples"]), seen)
