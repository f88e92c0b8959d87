"""The commands and their options. Nothing heavier than click is imported until a command runs."""

import json
import signal
import sys
from pathlib import Path
from typing import Literal

import click

from pipeline import __version__
from pipeline.cli import options
from pipeline.cli.closed import unless_closed
from pipeline.cli.housekeeping import gc
from pipeline.cli.reading import COMMANDS
from pipeline.cli.resuming import resume_line
from pipeline.errors import InfrastructureError, PipelineError
from pipeline.orchestrators.targets import TARGETS


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="estimator-pipeline")
def cli() -> None:
    """Take a TensorFlow Estimator from raw files to a validated, versioned, served model.

    Exit codes: 0 pushed, or nothing new to push; 2 wrong use or settings; 3 data refused; 4 user code failed; 5 model
    not blessed; 129 SIGHUP; 130 Ctrl-C; 143 SIGTERM; 1 anything else.
    """


@cli.command()
@click.argument("problem", default="housing")
@click.option(
    "--data", metavar="PATH", help="File, folder, glob or {SPAN} pattern to read instead of the problem's own data."
)
@options.workspace("Folder for metadata, artifacts, logs and pushed models.")
@click.option("--set", "overrides", multiple=True, metavar="KEY=VALUE", help="Override a setting; may be repeated.")
@click.option("--no-cache", is_flag=True, help="Run every node, even those whose result could be reused.")
@click.option("--from", "first", metavar="NODE", help="Run NODE and all after it anew; reuse all before it.")
@click.option("--to", "last", metavar="NODE", help="Run NODE and what it needs; nothing after it.")
@click.option("--only", metavar="NODE", help="Run NODE alone, anew, on the latest results of what it needs.")
@options.max_nodes
@click.option(
    "--timeout", type=click.IntRange(1), metavar="SECONDS", help="End a node that takes longer: run.node_timeout_secs."
)
@click.option(
    "--retries",
    type=click.IntRange(0, 10),
    metavar="N",
    help="Further attempts at a node that the machine failed: run.retries.",
)
@click.option("--fail-fast", is_flag=True, help="End the whole run as soon as a node failed: run.fail_fast.")
@options.outcome_as_json
@options.verbose
def run(
    *,
    problem: str,
    data: str | None,
    workspace: Path,
    overrides: tuple[str, ...],
    no_cache: bool,
    first: str | None,
    last: str | None,
    only: str | None,
    max_nodes: int | None,
    timeout: int | None,
    retries: int | None,
    fail_fast: bool,
    as_json: bool,
    verbose: bool,
) -> int:
    """Run the chain of PROBLEM (housing, if none is named): from raw files to a pushed model.

    PROBLEM is the name of a folder in pipeline/problems, or the path of a problem's folder elsewhere.
    """
    from pipeline.cli.run import run_command
    from pipeline.local.partial import Part

    part = Part(first, last, only)
    given = {"node_timeout_secs": timeout, "retries": retries, "fail_fast": "true" if fail_fast else None}
    overrides += tuple(f"run.{name}={value}" for name, value in given.items() if value is not None)
    return run_command(
        *(problem, data, workspace, overrides),
        cache=not no_cache,
        most=max_nodes,
        part=part,
        as_json=as_json,
        verbose=verbose,
    )


@cli.command()
@click.argument("problem", default="housing")
@click.option("--trials", type=click.IntRange(1), metavar="N", help="Trials in all: tuning.trials.")
@click.option("--parallel", type=click.IntRange(1), metavar="K", help="Trials at once: tuning.parallel.")
@click.option("--data", metavar="PATH", help="Read this instead of the problem's own data.")
@options.workspace("Folder for metadata, artifacts, logs and the study.")
@click.option("--set", "overrides", multiple=True, metavar="KEY=VALUE", help="Override a setting; may be repeated.")
@options.max_nodes
@options.outcome_as_json
@options.verbose
def tune(
    *,
    problem: str,
    trials: int | None,
    parallel: int | None,
    data: str | None,
    workspace: Path,
    overrides: tuple[str, ...],
    max_nodes: int | None,
    as_json: bool,
    verbose: bool,
) -> int:
    """Search for the values with which PROBLEM trains best: trials in processes of their own, by Optuna.

    The space is in [tuning.space] of its pipeline.toml. A search that was killed goes on when the same command is given
    again; with more --trials, a search that has ended does.
    """
    from pipeline.cli.tune import tune_command

    given = {"trials": trials, "parallel": parallel}
    overrides += tuple(f"tuning.{name}={value}" for name, value in given.items() if value is not None)
    return tune_command(problem, data, workspace, overrides, most=max_nodes, as_json=as_json, verbose=verbose)


@cli.command()
@click.argument("run", required=False)
@options.workspace("The workspace of the run.")
@options.max_nodes
@options.outcome_as_json
@options.verbose
def resume(*, run: str | None, workspace: Path, max_nodes: int | None, as_json: bool, verbose: bool) -> int:
    """Go on with RUN, which was killed, failed or was cancelled, with the code and settings that it began with.

    RUN is a run's name or the beginning of it, or last, last-1 and so on; by default the last run that did not end.
    """
    from pipeline.cli.resume import resume_command

    return resume_command(run, workspace, most=max_nodes, as_json=as_json, verbose=verbose)


@cli.command("compile")
@click.argument("problem")
@click.option("--target", required=True, type=click.Choice(TARGETS), help="What to write.")
@click.option("--out", required=True, metavar="FILE", type=click.Path(path_type=Path), help="The file to write.")
@click.option("--schedule", metavar="CRON", help="When runs start: a cron expression, or @daily and so on.")
@click.option("--span-zero", metavar="DATE", help="For airflow: the day whose data is span 0 of a path with {SPAN}.")
@click.option("--image", metavar="IMAGE", help="The image that nodes run in, for kubeflow, vertex and tfjob.")
@click.option("--claim", metavar="NAME", help="The PersistentVolumeClaim that pods mount at the workspace.")
@click.option("--secret", metavar="NAME", help="The Secret with the metadata store's password; for vertex, a file.")
@click.option("--pipeline-root", metavar="URI", help="Where artifacts go.  [default: in the workspace]")
@click.option("--metadata-url", metavar="URL", help="The metadata store, without a password: metadata.url.")
@click.option("--data", metavar="PATH", help="Data to read instead of the problem's own; not looked at.")
@click.option("--serving", metavar="DIR", help="Where the model is pushed to.  [default: in the workspace]")
@click.option("--set", "overrides", multiple=True, metavar="KEY=VALUE", help="Override a setting; may be repeated.")
@options.workspace("The workspace of the runs; need not be there.")
@options.as_json
def compile_(
    *,
    problem: str,
    target: str,
    out: Path,
    schedule: str | None,
    span_zero: str | None,
    image: str | None,
    claim: str | None,
    secret: str | None,
    pipeline_root: str | None,
    metadata_url: str | None,
    data: str | None,
    serving: str | None,
    overrides: tuple[str, ...],
    workspace: Path,
    as_json: bool,
) -> int:
    """Write the chain of PROBLEM for a scheduler elsewhere: ir (for `node`), airflow, kubeflow, vertex or tfjob.

    Reads no data and touches no metadata store.
    """
    from pipeline.cli.compile import compile_command

    if metadata_url is not None:
        overrides += (f"metadata.url={metadata_url}",)
    return compile_command(
        *(problem, target, out, overrides),
        data=data,
        workspace=workspace,
        pipeline_root=pipeline_root,
        serving=serving,
        schedule=schedule,
        image=image,
        span_zero=span_zero,
        claim=claim,
        secret=secret,
        as_json=as_json,
    )


@cli.command()
@click.argument("node")
@click.option("--run", "run_id", required=True, metavar="RUN", help="The run's name, the same for all of its nodes.")
@click.option(
    "--pipeline",
    required=True,
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="What `compile` wrote: FILE.json of --target ir, or FILE.pipeline.json beside another target's file.",
)
@click.option(
    "--set",
    "overrides",
    multiple=True,
    metavar="KEY=VALUE",
    help="A setting of this run's; the same for all its nodes.",
)
@click.option(
    "--workspace",
    metavar="DIR",
    type=click.Path(path_type=Path, file_okay=False),
    help="The workspace, if not the one that the pipeline was compiled for.",
)
@click.option(
    "--wait",
    type=click.IntRange(0),
    default=3600,
    show_default=True,
    metavar="SECONDS",
    help="How long to wait for somebody who runs this very node.",
)
@options.outcome_as_json
@options.verbose
def node(
    *,
    node: str,
    run_id: str,
    pipeline: Path,
    overrides: tuple[str, ...],
    workspace: Path | None,
    wait: int,
    as_json: bool,
    verbose: bool,
) -> int:
    """Run one NODE of a compiled pipeline, as one task of a scheduler: of the run RUN, which the first node begins.

    A node that has ended well in that run is not run again. Exit codes as above; another attempt may help after 1, 137
    and 143 alone.
    """
    from pipeline.cli.node import node_command

    return node_command(
        *(node, run_id, pipeline, overrides), workspace=workspace, wait=wait, as_json=as_json, verbose=verbose
    )


@cli.command()
@click.argument("name")
@click.option("--data", required=True, metavar="PATH", help="CSV file, folder of them, or glob.")
@click.option("--label", required=True, metavar="COLUMN", help="The column to predict.")
@click.option("--columns", metavar="A,B,C", help="Names of the columns, where the file has no header.")
@click.option(
    "--missing",
    multiple=True,
    metavar="TEXT",
    help="A cell that stands for a missing value, as an empty one does; may be repeated.  [default: found]",
)
@click.option(
    "--task", type=click.Choice(["regression", "classification"]), help="What to learn.  [default: by the label]"
)
@click.option(
    "--out",
    metavar="DIR",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder to write the problem's folder NAME into.  [default: pipeline/problems]",
)
@options.as_json
def init(
    *,
    name: str,
    data: str,
    label: str,
    columns: str | None,
    missing: tuple[str, ...],
    task: Literal["regression", "classification"] | None,
    out: Path | None,
    as_json: bool,
) -> int:
    """Write a new problem NAME from a CSV file, ready to run: schema, preprocessing_fn, model_fn and bounds."""
    from pipeline.cli.init import init_command

    return init_command(name, data, label, columns=columns, missing=missing, task=task, out=out, as_json=as_json)


@cli.command()
@options.as_json
def problems(as_json: bool) -> int:
    """List the problems that there are to run."""
    from pipeline.cli.problems import problems_command

    return problems_command(as_json=as_json)


@cli.command()
@options.workspace("Folder whose disk is looked at.")
@options.as_json
def doctor(workspace: Path, as_json: bool) -> int:
    """Say whether a run can work on this machine."""
    from pipeline.cli.doctor import doctor_command

    return doctor_command(workspace, as_json=as_json)


for _command in (*COMMANDS, gc):
    cli.add_command(_command)


def main(arguments: list[str] | None = None) -> int:
    """Run a command; return its exit code. Errors are printed without a stack trace."""
    given = sys.argv[1:] if arguments is None else arguments
    try:
        code = cli.main(given, standalone_mode=False)
    except PipelineError as error:
        return _report(error, given)
    except click.exceptions.Exit as done:
        return int(done.exit_code)
    except click.ClickException as error:
        error.show()
        return int(error.exit_code)
    except (click.Abort, KeyboardInterrupt) as stopped:
        cause = stopped.__cause__ or stopped  # click makes an Abort of it
        with unless_closed(sys.stderr):
            click.echo("\nStopped; nothing was pushed by the node that was under way.", err=True)
            if given[:1] in (["run"], ["resume"]):
                click.echo(getattr(cause, "way_on", None) or resume_line(), err=True)
        return 128 + getattr(cause, "number", signal.SIGINT)
    except Exception as error:  # noqa: BLE001  a fault of ours is an error for a person too
        if not isinstance(error, OSError):
            return _report(_fault(), given)
        if "No space left" in str(error):
            hint = (
                "free some space, as with `python runner.py gc`, or name a workspace on another disk with --workspace;"
            )
            hint += " then run again"
            return _report(InfrastructureError("The disk is full", got=str(error), hint=hint), given)
        hint = "see that it is there and that you may read and write it, then run again"
        return _report(InfrastructureError("A file cannot be read or written", got=str(error), hint=hint), given)
    return code if isinstance(code, int) else 0


def _fault() -> PipelineError:
    """Put the trace of an unexpected exception into a file, and say where it is."""
    import tempfile
    import traceback

    with tempfile.NamedTemporaryFile("w", prefix="estimator-pipeline-", suffix=".log", delete=False) as file:
        traceback.print_exc(file=file)
    last = traceback.format_exc().strip().splitlines()[-1]
    return PipelineError(
        "This is a fault of the pipeline itself", got=last, where=file.name, hint="please report it with that file"
    )


def _report(error: PipelineError, arguments: list[str]) -> int:
    if "--json" in arguments:
        with unless_closed(sys.stdout):
            click.echo(json.dumps({"error": error.as_json()}, indent=2))
    else:
        with unless_closed(sys.stderr):
            click.echo(click.style(error.render(), fg="red") if sys.stderr.isatty() else error.render(), err=True)
    return error.exit_code
