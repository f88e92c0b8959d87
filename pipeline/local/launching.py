"""A node of a run that is tried again: what TFX's launcher makes of that, and what is done already.

TFX takes the run and the node for the key of an execution: the second attempt of a run would be written over the first,
and a node that has ended would not be looked at again. Here each attempt is an execution of its own, and what has ended
well in a run is not launched again.
"""

import shlex
import shutil
from pathlib import Path
from typing import Any

from ml_metadata.proto import metadata_store_pb2 as mlmd
from tfx.orchestration.portable import data_types, launcher

from pipeline.errors import InfrastructureError, NothingToReuseError
from pipeline.local import history
from pipeline.local.record import Job, NodeResult, read_result, write_json
from pipeline.local.resuming import again

_ENDED_WELL = (mlmd.Execution.COMPLETE, mlmd.Execution.CACHED)
_FREED = (mlmd.Artifact.MARKED_FOR_DELETION, mlmd.Artifact.DELETED)


class Attempt(launcher.Launcher):
    """TFX's launcher, but each attempt is an execution of its own, and what has ended well is not launched again."""

    def launch(self) -> Any:
        """Launch the node; see ``tfx.orchestration.portable.launcher``."""
        run = self._pipeline_runtime_spec.pipeline_run_id.field_value.string_value
        with self._mlmd_connection as handle:
            done = ended_well(handle.store, run, self._pipeline_info.id).get(self._pipeline_node.node_info.id)
        if done is not None:  # its process was killed when all was done but to say so
            return data_types.ExecutionInfo(execution_id=done.id)
        return super().launch()

    def _register_or_reuse_execution(
        self,
        metadata_handle: Any,
        contexts: Any,
        input_artifacts: Any = None,
        exec_properties: Any = None,
    ) -> Any:
        return launcher._register_execution(
            metadata_handle=metadata_handle,
            execution_type=self._pipeline_node.node_info.type,
            contexts=contexts,
            input_artifacts=input_artifacts,
            exec_properties=exec_properties,
        )

    def _clean_up_stateless_execution_info(self, execution_info: Any) -> None:
        # The folder that is meant to outlive a failure is of no use where each attempt is an execution of its own.
        super()._clean_up_stateless_execution_info(execution_info)
        shutil.rmtree(execution_info.stateful_working_dir, ignore_errors=True)

    def _clean_up_stateful_execution_info(self, execution_info: Any) -> None:
        del execution_info  # it is gone already


class ReuseOnly(Attempt):
    """An attempt at a node that must be reused, and fails where it cannot be."""

    def _run_executor(self, execution_info: Any) -> Any:
        node = self._pipeline_node.node_info.id
        with self._mlmd_connection as handle:
            why = history.why_not_reused(handle.store, node, execution_info.execution_id)
        raise NothingToReuseError(
            f"{node} has no result to reuse",
            got=why,
            expected=f"what {node} made of this very data, code and settings",
            where=f"--from, which reuses what is before the node: {node} is",
            hint=f"make it: the same command with --to {node} instead of --from; or use --from {node}, or no --from",
        )


def ended_well(store: Any, run: str, problem: str) -> dict[str, Any]:
    """Return the execution of each node of a problem that has ended well in a run, by the node's name."""
    context = store.get_context_by_type_and_name("pipeline_run", run)
    if context is None:
        return {}
    found = {}
    for execution in sorted(store.get_executions_by_context(context.id), key=lambda one: one.id):
        if execution.last_known_state in _ENDED_WELL:
            for place in store.get_contexts_by_execution(execution.id):
                if place.type == "node" and place.name.rpartition(".")[0] == problem:
                    found[place.name.rpartition(".")[2]] = execution
    return found


def write_done(store: Any, job: Job) -> None:
    """Write the results of the nodes that have ended well in this run before; remove all others.

    Raises:
        InfrastructureError: If what one of them made is gone: what came after it was made of that.
    """
    done = ended_well(store, job.run, job.problem.name)
    for file in job.result("x").parent.glob("*.json"):
        if file.stem not in done:
            file.unlink()
    for node, execution in done.items():
        result = _result(store, job, node, execution)
        outputs = list((result.outputs or {}).values())
        artifacts = store.get_artifacts_by_id([one["id"] for made in outputs for one in made])
        freed = {one.id for one in artifacts if one.state in _FREED}
        for made in outputs:
            for one in made:
                if not Path(one["uri"]).exists() or one["id"] in freed:
                    raise InfrastructureError(
                        f"What {node} made in this run is gone",
                        got=f"no such file or folder, or freed by gc: {one['uri']}",
                        where=str(job.folder),
                        hint="begin another run, which makes it again: "
                        + shlex.join(["python", "runner.py", "run", *again(job)]),
                    )
        write_json(job.result(node), result.as_json())


def _result(store: Any, job: Job, node: str, execution: Any) -> NodeResult:
    seconds = (execution.last_update_time_since_epoch - execution.create_time_since_epoch) / 1000
    file = job.result(node)
    if file.exists():
        known = read_result(file, seconds)
        if known.execution == execution.id and known.state in ("ran", "reused"):
            return known
    found = history.describe(store, node, execution.id, cache=job.cache)
    return NodeResult(node, found.state, seconds, found.why, outputs=found.outputs, execution=found.execution)
