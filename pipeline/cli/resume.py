"""The command ``resume``: which run is meant, and what to say of one that needs no resuming."""

import json
from pathlib import Path

import click

from pipeline.cli.paths import expanded
from pipeline.cli.run import carry_out
from pipeline.cli.tune import told_search
from pipeline.errors import SettingsError
from pipeline.lineage.archive import Archive, Record
from pipeline.lineage.liveness import is_alive
from pipeline.lineage.runs import is_waiting
from pipeline.lineage.store import Store
from pipeline.local.run import resume_run
from pipeline.local.workspace import open_workspace
from pipeline.metadata.origin import refuse_elsewhere


def resume_command(run: str | None, workspace: Path, *, most: int | None, as_json: bool, verbose: bool) -> int:
    """Resume a run and print the summary; return the exit code."""
    root = expanded(workspace).resolve()
    refuse_elsewhere(root)
    # Records only: this process is going to open the database by SQLite's own way, which ML Metadata's would not see.
    archive = Archive(root, Store(None))
    if not archive.runs:
        raise SettingsError(
            "There is no run to resume",
            got="a workspace without runs" if (root / "runs").is_dir() else "no workspace",
            where=str(root),
            hint="name a workspace with --workspace; `python runner.py run` begins a run",
        )
    name, notes = (archive.find(run), []) if run is not None else last_unfinished(archive)
    if ended_well(archive.record(name)):
        if as_json:
            click.echo(json.dumps({"run": name, "state": "done", "resumed": False, "notes": notes}, indent=2))
        else:
            click.echo("\n".join([f"{name} ended well: there is nothing to resume", *notes]))
        return 0
    return carry_out(
        lambda display: resume_run(open_workspace(root), name, display, most=most),
        as_json=as_json,
        verbose=verbose,
        tell=lambda outcome: told_search(outcome, as_json=as_json),
    )


def last_unfinished(archive: Archive) -> tuple[str, list[str]]:
    """Return the last run that did not end well, if no later run of its problem did; else the last run.

    An older one may be resumed by its name; unasked it would push an older model over a newer one.

    Returns:
        The run, and what else is to be said if it is one that ended well.
    """
    done: set[str] = set()
    busy: str | None = None
    notes = []
    for name in reversed(archive.runs):
        record = archive.record(name)
        problem = record.problem or name
        if ended_well(record):
            done.add(problem)
        elif problem in done:
            notes.append(
                f"{name} did not end, and a later run of {problem} did; "
                f"to go on with it all the same: python runner.py resume {name} --workspace {archive.root}"
            )
        elif is_alive(record.folder):
            busy = busy or name
        elif is_waiting(archive, name):
            notes.append(
                f"{name} waits for the scheduler that starts its nodes; "
                f"to go on with it here: python runner.py resume {name} --workspace {archive.root}"
            )
        else:
            return name, []
    return busy or archive.runs[-1], notes[:1]


def ended_well(record: Record) -> bool:
    """Say whether a run came to its end, be it that its model was not blessed."""
    return record.outcome is not None and not record.outcome.get("error")
