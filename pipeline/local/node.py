"""What runs in a node's process: one node of the compiled chain, through TFX's launcher, and its result."""

import contextlib
import logging
import os
import random
import sys
import time
import traceback
from collections.abc import Iterator
from typing import Any

import absl.logging
from ml_metadata.metadata_store import metadata_store
from tfx.dsl.compiler import compiler, constants
from tfx.orchestration import metadata
from tfx.orchestration.local import runner_utils
from tfx.orchestration.portable import launcher, runtime_parameter_utils
from tfx.proto.orchestration import pipeline_pb2

from components import progress
from components.trainer.run import forget_done
from components.user_code import place
from components.whole import write_whole
from pipeline.chain import create_pipeline
from pipeline.errors import PipelineError, find
from pipeline.lineage.liveness import NODES, is_held
from pipeline.local import closing, history, launching, partial
from pipeline.local.causes import passing
from pipeline.local.liveness import node_is_alive
from pipeline.local.record import Job, NodeResult, artifacts_of, compiled_by, write_json
from pipeline.local.resuming import as_recorded
from pipeline.local.server import PREPARE
from pipeline.local.taking import take
from pipeline.local.workspace import Workspace, trouble
from pipeline.metadata.client import WRITING, Client, connection_config, lost_store
from pipeline.metadata.locks import turn
from pipeline.metadata.password import blotted


def _start_logging() -> None:
    absl.logging.use_absl_handler()
    absl.logging.set_verbosity(absl.logging.INFO)
    absl.logging.set_stderrthreshold("info")
    logging.getLogger().setLevel(logging.INFO)
    logging.getLogger("apache_beam").setLevel(logging.WARNING)
    # ML Metadata logs how it connects, with the password, where a problem's code asks for debugging.
    absl.logging.get_absl_handler().addFilter(lambda record: not str(record.msg).startswith("ConnectionConfig"))


class _Soon:
    """Takes the place of ``random`` in ML Metadata's client, which waits two seconds on average for a locked database.

    That suits a server far away. This one is a file that the node beside holds for some milliseconds.
    """

    @staticmethod
    def expovariate(rate: float) -> float:
        """Return how many seconds to wait: 25 times fewer."""
        return random.expovariate(25 * rate)


class Connection(metadata.Metadata):
    """TFX's access to ML Metadata, by our client; what the database refuses for a moment is tried again.

    Args:
        workspace: The workspace whose metadata it is.
    """

    def __init__(self, workspace: Workspace) -> None:
        self._root = workspace.root
        config = connection_config(workspace.root)
        config.retry_options.max_num_retries = 200
        super().__init__(config)

    def __enter__(self) -> "Connection":
        metadata_store.random = _Soon
        with turn(self._root, WRITING):
            self._store = Client(self._connection_config, self._root)
        self._users += 1
        return self


def prepare(job: Job, *, among_others: bool = False) -> int:
    """Compile the chain to ``pipeline.pb``, and mark executions that a killed run left behind as failed.

    Args:
        job: The run.
        among_others: Whether other processes may run nodes of this run at the same time, and know what is done.

    Returns:
        0 if that went well, else 1; what went wrong is in the result.
    """
    _start_logging()
    try:
        chain = create_pipeline(
            as_recorded(job),
            code=job.code,
            pipeline_root=job.artifacts,
            serving_dir=job.serving,
            # Written into pipeline.pb, where no password belongs, and used by nobody.
            metadata=connection_config(job.workspace.root, with_password=False),
            enable_cache=job.cache,
        )
        ir = compiler.Compiler().compile(chain)
        runtime_parameter_utils.substitute_runtime_parameter(ir, {constants.PIPELINE_RUN_ID_PARAMETER_NAME: job.run})
        plan = _plan(job, ir)
        for node in ir.nodes:
            if node.pipeline_node.node_info.id in plan.anew:
                node.pipeline_node.execution_options.caching_options.enable_cache = False
        write_whole(job.chain, ir.SerializeToString(deterministic=True))
        with Connection(job.workspace) as handle:
            history.fail_abandoned(
                handle.store,
                lambda run, problem: artifacts_of(job.workspace, run, problem),
                lambda run, node: _is_other(job, run, node),
            )
            if plan.taken:
                take(handle.store, job, plan.taken)
            if not among_others:
                launching.write_done(handle.store, job)
    except Exception as error:  # noqa: BLE001  every failure becomes a result
        return _failed(job, PREPARE, error)
    write_json(job.compiled_by, compiled_by())
    write_json(job.folder / "nodes.json", plan.upstream)
    write_json(job.result(PREPARE), NodeResult(PREPARE, "ran").as_json())
    return 0


def _plan(job: Job, ir: Any) -> partial.Plan:
    nodes = [one.pipeline_node for one in ir.nodes]
    return partial.plan(job.part, {one.node_info.id: list(one.upstream_nodes) for one in nodes})


def close(job: Job, ends: dict[str, closing.End]) -> int:
    """Write down how the nodes of this run ended that could not do so themselves; see :mod:`pipeline.local.closing`."""
    _start_logging()
    with Connection(job.workspace) as handle:
        closing.close(handle.store, job.artifacts, job.run, ends)
    return 0


def run(job: Job, node: str, failed: str = "") -> int:
    """Run one node and write its result.

    Args:
        job: The run.
        node: The node.
        failed: Why the attempt before failed, if there was one.

    Returns:
        0 if it ran or was reused, else 1; what went wrong is in the result.
    """
    _start_logging()
    os.environ[progress.VARIABLE] = str(job.events(node))
    try:
        if failed:
            close(job, {node: ("failed", failed)})
        place.use_copy(job.copies, job.problem.name, job.problem.folder)
        ir = pipeline_pb2.Pipeline()
        ir.ParseFromString(job.chain.read_bytes())
        plan = _plan(job, ir)
        trained = _has_trained(job)
        with _alone(job, node):
            history.sweep_working_folders(job.artifacts / node)
            if node == "Trainer" and node in plan.anew and not trained:
                forget_done(job.artifacts / node)
            execution = _launch(job, node, ir, launching.ReuseOnly if node in plan.kept else launching.Attempt)
        with Connection(job.workspace) as handle:
            cache = job.cache and node not in plan.anew
            result = history.describe(handle.store, node, execution, cache=cache)
    except Exception as error:  # noqa: BLE001  every failure becomes a result
        return _failed(job, node, error)
    write_json(job.result(node), result.as_json())
    return 0 if result.state != "failed" else 1


def _is_other(job: Job, run: str, node: str) -> bool:
    """Whether a node of another run is under way, or one of this run that another process than this run's own runs."""
    folder = job.workspace.run(run)
    return is_held(folder / NODES / node) if run == job.run else node_is_alive(folder, node)


def _has_trained(job: Job) -> bool:
    """Whether an earlier attempt of this very run came to train: what it did is to be gone on with."""
    try:
        return '"step":' in job.events("Trainer").read_text(encoding="utf-8")
    except OSError:
        return False


@contextlib.contextmanager
def _alone(job: Job, node: str) -> Iterator[None]:
    """Be the only one in the workspace who runs a node of a problem.

    A run that makes the same thing at the same time waits here, and then finds it made. The folder of a training with
    its checkpoints and the serving folder are such things, too. What it waits is told to the runner, whose limits do
    not count it.
    """
    waits: list[tuple[float, str]] = []

    def begin(other: str) -> None:
        waits.append((time.monotonic(), other or "another run"))
        progress.report(note=f"waiting for {waits[0][1]} to finish {node}", waits=True)

    with turn(job.workspace.root, f"{job.problem.name}.{node}", holder=job.run, waiting=begin):
        for since, other in waits:
            progress.report(note=f"waited {time.monotonic() - since:.0f} s for {other}", waits=False)
        yield


class _NoWatcher:
    """Takes the place of TFX's ExecutionWatcher.

    The launcher starts that gRPC server, with its threads, for every node; only executors in containers ever talk to
    it. A process with threads cannot fork safely, and the gates try models in forked processes.
    """

    address = ""

    def __init__(self, **kwargs: Any) -> None:
        del kwargs

    def start(self) -> None:
        """Start nothing."""

    def stop(self) -> None:
        """Stop nothing."""


def _launch(job: Job, node: str, ir: Any, attempt: Any) -> int:
    launcher.execution_watcher.ExecutionWatcher = _NoWatcher
    deployment = runner_utils.extract_local_deployment_config(ir)
    [pipeline_node] = [one.pipeline_node for one in ir.nodes if one.pipeline_node.node_info.id == node]
    info = attempt(
        pipeline_node=pipeline_node,
        mlmd_connection=Connection(job.workspace),
        pipeline_info=ir.pipeline_info,
        pipeline_runtime_spec=ir.runtime_spec,
        executor_spec=runner_utils.extract_executor_spec(deployment, node),
        custom_driver_spec=runner_utils.extract_custom_driver_spec(deployment, node),
    ).launch()
    if info is None or not info.execution_id:
        raise PipelineError(f"{node} had nothing to run on", hint="this is a fault of the pipeline; please report it")
    return int(info.execution_id)


def _failed(job: Job, node: str, error: Exception) -> int:
    with contextlib.suppress(OSError):  # the log's disk may be what is full
        sys.stderr.write(blotted(traceback.format_exc()))
    write_json(job.result(node), NodeResult(node, "failed", error=explain(error, node, job)).as_json())
    return 1


def explain(error: BaseException, node: str, job: Job) -> PipelineError:
    """Turn whatever a node raised into an error for a person."""
    known = find(error)
    if known is not None:
        return known
    text = f"{type(error).__name__}: {error}"
    disk = trouble(text, job.workspace.root)
    if disk is not None:
        return disk
    lost = lost_store(text, job.workspace.root)
    if lost is not None:
        return lost
    may_pass = passing(error, node)
    if may_pass is not None:
        return may_pass
    return PipelineError(
        f"{node} failed", got=_short(text), where=str(job.log(node)), hint="the log above has the whole story"
    )


def _short(text: str) -> str:
    lines = [line for line in text.splitlines() if line.strip()]
    return "\n".join(blotted(line)[:300] for line in [*lines[:1], *lines[-2:]][: len(lines)])
