"""The command ``node``: one node of a compiled pipeline, as a task of a scheduler runs it."""

import difflib
import json
import re
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
from pydantic import ValidationError

from pipeline.cli.closed import unless_closed
from pipeline.cli.display import Display
from pipeline.cli.paths import absolute
from pipeline.cli.run import heed_signals
from pipeline.config import SETTINGS_FILE, Problem, Settings, read_problem, with_overrides
from pipeline.config.nodes import chain
from pipeline.errors import PipelineError, SettingsError
from pipeline.lineage.archive import LAST
from pipeline.local.scheduled import Call
from pipeline.local.single import Done, run_node
from pipeline.local.stopping import StoppedAtOnce
from pipeline.orchestrators.compiled import RUN_ID, Compiled, here, here_in, not_folders, read, tell

_TAIL = 30  # lines of a failed node's log


def node_command(
    node: str,
    run: str,
    pipeline: Path,
    overrides: Sequence[str],
    *,
    workspace: Path | None,
    wait: float,
    as_json: bool,
    verbose: bool,
) -> int:
    """Run the node, and print how it ended; return the exit code."""
    file = absolute(pipeline)
    compiled = read(file)
    call = call_of(compiled, file, node, run, overrides=overrides, workspace=workspace, wait=wait)
    display = Display()
    if not (call.workspace / "runs" / run).exists() and (changed := changed_since(compiled, file)):
        display.note(changed)
    heed_signals()
    try:
        done = run_node(call, display)
    except KeyboardInterrupt as stopped:
        raise StoppedAtOnce(getattr(stopped, "number", signal.SIGINT)) from None
    finally:
        display.close()
    if as_json:
        with unless_closed(sys.stdout):
            click.echo(json.dumps(_as_json(done), indent=2))
    else:
        with unless_closed(sys.stderr):
            click.echo("\n".join(lines(done, verbose=verbose)), err=True)
    return done.error.exit_code if done.error else 0


def call_of(
    compiled: Compiled,
    file: Path,
    node: str,
    run: str,
    *,
    overrides: Sequence[str] = (),
    workspace: Path | None = None,
    wait: float = 3600.0,
) -> Call:
    """Put together what is asked for; on this machine.

    Raises:
        SettingsError: If it makes no sense.
    """
    if not re.fullmatch(RUN_ID, run):
        raise SettingsError(
            "This cannot be the name of a run",
            got=run[:200],
            expected="letters, digits and _ . ~ : + = -, at most 200, a letter or digit first",
            where="--run",
            hint="name it as the scheduler names its run, as housing.scheduled__2026-01-31T00:00:00+00:00",
        )
    if LAST.fullmatch(run):
        raise SettingsError(
            "A run cannot have this name: `show`, `diff` and `resume` take it for one of the latest runs",
            got=run,
            expected="any name but last, last-1 and so on",
            where="--run",
            hint=f"name it as its problem, too: {compiled.problem}.{run}",
        )
    names = [one.id for one in compiled.nodes]
    found = next((one for one in names if one.lower() == node.lower()), None)
    if found is None:
        close = difflib.get_close_matches(node, names, n=1)
        raise SettingsError(
            f"The compiled pipeline has no node {node!r}",
            expected="one of: " + ", ".join(names),
            where=str(file),
            hint=f"did you mean {close[0]}?" if close else "name one of those",
        )
    root = Path(here(compiled.workspace))
    serving, artifacts = here(compiled.serving), here(compiled.pipeline_root)
    tell(not_folders(compiled), "no node could run this")
    overridden = [one for one in overrides if one.partition("=")[0].strip() != "data.path"]
    problem = with_overrides(_problem(compiled, file), overrides, file)
    if chain(problem.settings) != compiled.upstream:
        raise SettingsError(
            "These settings make another chain than the compiled one",
            got=" ".join(f"--set {one}" for one in overrides) or "what the file says",
            expected=", ".join(names),
            where=str(file),
            hint="compile the pipeline with these settings",
        )
    given = [here(word) for word in compiled.given]
    if len(overridden) < len(overrides):
        if "--data" in given:
            del given[given.index("--data") : given.index("--data") + 2]
        given = ["--data", problem.settings.data.path, *given]
    return Call(
        problem=problem,
        upstream=compiled.upstream,
        node=found,
        run=run,
        workspace=absolute(workspace) if workspace else root,
        pipeline=file,
        overrides=tuple(overrides),
        given=(*given, *(word for one in overridden for word in ("--set", one))),
        pushed_to=None if serving == str(root / "serving" / compiled.problem) else serving,
        kept_in=None if artifacts == str(root / "artifacts" / compiled.problem) else artifacts,
        wait=wait,
    )


def _problem(compiled: Compiled, file: Path) -> Problem:
    folder = Path(here(compiled.folder))
    if not folder.is_dir():
        raise SettingsError(
            "The folder of the problem is not on this machine",
            got=f"no folder {folder}",
            where=str(file),
            hint="put it there, as it was where the pipeline was compiled; or compile it here",
        )
    try:
        settings = Settings.model_validate(here_in(dict(compiled.settings)))
    except ValidationError as error:
        raise SettingsError(
            "The compiled pipeline was made by another version of this project",
            got=f"{error.error_count()} settings that this version does not take",
            where=str(file),
            hint="compile it again",
        ) from None
    return Problem(name=compiled.problem, folder=folder, settings=settings)


def changed_since(compiled: Compiled, file: Path) -> str | None:
    """Say in a sentence which settings of the problem's folder changed since it was compiled; None if none did."""
    words = [here(one) for one in compiled.given]
    options = list(zip(words[::2], words[1::2], strict=False))
    data = next((value for option, value in options if option == "--data"), None)
    problem = _problem(compiled, file)
    try:
        now = read_problem(problem.folder, [value for option, value in options if option == "--set"], data)
    except PipelineError as error:
        return f"the settings in {problem.folder} are no longer valid ({error.headline}); this run goes by {file}"
    one, other = (each.settings.model_dump(mode="json", by_alias=True) for each in (problem, now))
    names = ", ".join(name for name in one if one[name] != other[name])
    where = problem.folder / SETTINGS_FILE
    return (
        f"{names} in {where} changed since {file} was compiled, by which this run goes; compile it again"
        if names
        else None
    )


def lines(done: Done, *, verbose: bool) -> list[str]:
    """Return how a node ended, as lines for a task's log."""
    node, log = done.result.node, done.job.log(done.result.node)
    found: list[str] = []
    if done.before:
        found.append(f"{node} ended well in this run before ({done.result.state}): nothing to do")
    if done.error is not None and not done.before and log.is_file():
        text = log.read_text(encoding="utf-8", errors="replace").splitlines()
        found += [f"  | {line}" for line in (text if verbose else text[-_TAIL:])]
    for key, made in (done.result.outputs or {}).items():
        found += [f"  {key}: {one['uri']}" for one in made]
    if log.is_file():
        found.append(f"  log: {log}")
    if done.error is not None:
        found += ["", done.error.render()]
    return found


def _as_json(done: Done) -> dict[str, Any]:
    return {
        "problem": done.job.problem.name,
        "run": done.job.run,
        "workspace": str(done.job.workspace.root),
        **done.result.as_json(),
        "before": done.before,
        "log": str(done.job.log(done.result.node)),
        "error": done.error.as_json() if done.error else None,
        "exit_code": done.error.exit_code if done.error else 0,
    }
