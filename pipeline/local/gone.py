"""Refuses to go on with a run whose nodes made what is no longer there: what came after them was made of that.

TFX would not see it: to it an execution is complete, and its artifact has a path.
"""

from collections.abc import Mapping
from pathlib import Path

from pipeline.errors import SettingsError
from pipeline.lineage.store import Execution, Store
from pipeline.local.record import Job


def refuse_gone(store: Store, job: Job, done: Mapping[str, Execution]) -> None:
    """Check that all is there that nodes of a run made, or reused.

    Args:
        store: The metadata.
        job: The run.
        done: The executions of nodes that ended well in it.

    Raises:
        SettingsError: If something is not; another attempt would find it so, too.
    """
    nodes = {one.id: node for node, one in done.items()}
    outputs = [event for event in store.events_of_executions(nodes) if event.output]
    artifacts = {one.id: one for one in store.artifacts(event.artifact for event in outputs)}
    for event in outputs:
        one = artifacts[event.artifact]
        if one.gone or not Path(one.uri).exists():
            raise SettingsError(
                f"What {nodes[event.execution]} made in this run is gone",
                got=f"{'freed by gc' if one.gone else 'no such file or folder'}: {one.uri}",
                expected="all that the run has made so far, of which the rest is to be made",
                where=f"run {job.run}, {job.folder}",
                hint="begin another run, which makes it again: the same nodes with another --run; in Airflow trigger"
                " the DAG anew instead of clearing tasks of this run",
            )
