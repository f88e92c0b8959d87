"""The summary at a run's end: what happened, how good is it, where is it, what next."""

import shlex
import sys
from pathlib import Path
from typing import Any

import click

from components.evaluator.verdict import OVERALL, Measurement, Verdict
from pipeline.cli import facts
from pipeline.cli.curves import curve_lines, training_as_json
from pipeline.cli.paths import near
from pipeline.cli.resuming import again_line, resume_line, resume_run_line
from pipeline.errors import (
    CancelledError,
    DataError,
    LimitError,
    NotBlessedError,
    NothingToReuseError,
    SettingsError,
    UserCodeError,
)
from pipeline.lineage.facts import times
from pipeline.local.record import Job
from pipeline.local.resuming import address
from pipeline.local.run import Outcome


def exit_code(outcome: Outcome) -> int:
    """Return 0 if the run did what it was to do, 5 if a gate said no, else the code of what stopped it."""
    if outcome.error is not None:
        return outcome.error.exit_code
    return NotBlessedError.exit_code if refusal(outcome) else 0


def refusal(outcome: Outcome) -> tuple[str, ...]:
    """Return why the model was not blessed; empty if it was."""
    reasons: list[str] = []
    for verdict in (facts.verdict(outcome), facts.infra_verdict(outcome)):
        if verdict is not None and not verdict.blessed:
            reasons += verdict.reasons
    return tuple(reasons)


def as_json(outcome: Outcome) -> dict[str, Any]:
    """Return the summary for machines."""
    verdict, infra = facts.verdict(outcome), facts.infra_verdict(outcome)
    pushed = facts.pushed(outcome)
    model_run = facts.model_run(outcome)
    rows = facts.rows_of(outcome.results["ExampleGen"]) if "ExampleGen" in outcome.results else {}
    return {
        "problem": outcome.job.problem.name,
        "run": outcome.job.run,
        "workspace": str(outcome.job.workspace.root),
        "seconds": round(outcome.seconds, 3),
        "exit_code": exit_code(outcome),
        "resumed": outcome.resumed,
        "part": str(outcome.job.part) or None,
        "rows": rows,
        "sources": facts.sources(outcome),
        "training": training_as_json(model_run) if model_run else None,
        "verdict": verdict.as_json() if verdict else None,
        "infra_verdict": {"blessed": infra.blessed, "reasons": list(infra.reasons)} if infra else None,
        "pushed": {
            "version": int(pushed["pushed_version"]),
            "path": pushed["pushed_destination"],
            "new": not _was_there(outcome, pushed),
            "signatures": str(facts.signatures(pushed) or "") or None,
        }
        if pushed
        else None,
        "nodes": [result.as_json() for result in outcome.results.values()],
        "error": outcome.error.as_json() if outcome.error else None,
    }


def _was_there(outcome: Outcome, pushed: dict[str, Any]) -> bool:
    return bool(pushed.get("reused")) or outcome.results["Pusher"].state == "reused"


def render(outcome: Outcome, colour: bool, *, verbose: bool = False) -> str:
    """Return the summary for a person.

    Args:
        outcome: The run.
        colour: Whether the text goes to a terminal.
        verbose: Whether to add the whole log of the node that failed.
    """
    lines = ["", _headline(outcome, colour), ""]
    rows = facts.rows_of(outcome.results["ExampleGen"]) if "ExampleGen" in outcome.results else {}
    if rows:
        files = facts.sources(outcome)
        name = near(files[0]["path"]) + (f" and {len(files) - 1} more" if len(files) > 1 else "") if files else "data"
        counts = ", ".join(f"{split} {count:,}" for split, count in rows.items())
        lines.append(f"  data      {name}: {sum(rows.values()):,} rows ({counts})")
    training = facts.training(outcome)
    if training is not None:
        first, *more = training.sentences()
        lines += [f"  training  {first}", *(" " * 12 + one for one in more)]
    model_run = facts.model_run(outcome)
    if model_run is not None:
        lines += [" " * 12 + one for one in curve_lines(model_run, indent=12, height=5)]
    verdict = facts.verdict(outcome)
    if verdict is not None:
        lines += _metrics(verdict, colour)
    lines += _verdict(outcome, verdict)
    pushed = facts.pushed(outcome)
    if pushed:
        lines.append(f"  pushed    version {pushed['pushed_version']}: {near(pushed['pushed_destination'])}")
        described = facts.signatures(pushed)
        if described is not None:
            lines.append(f"            how to ask it, with example requests: {near(str(described))}")
    if outcome.error is not None:
        lines += ["", outcome.error.render()]
        failed = [result.node for result in outcome.results.values() if result.error]
        logs = [str(outcome.job.log(node)) for node in failed] or [str(outcome.job.log("prepare"))]
        logs = [log for log in logs if Path(log).exists()]
        lines += [f"  {'log:':<10}{near(log)}" for log in logs]
        if verbose:
            lines += ["", *(Path(log).read_text(errors="replace") for log in logs)]
    lines.append("")
    if outcome.error is None or not (outcome.error.hint or any(part.hint for part in outcome.error.parts)):
        lines.append(f"  next      {_next(outcome, pushed)}")
    if outcome.error is not None and not isinstance(outcome.error, NothingToReuseError):
        lines.append(_again(outcome))
    return "\n".join(lines)


def _headline(outcome: Outcome, colour: bool) -> str:
    pushed = facts.pushed(outcome)
    if isinstance(outcome.error, CancelledError):
        words, shade = "cancelled; nothing was pushed", "yellow"
    elif outcome.error is not None:
        words, shade = "failed; nothing was pushed", "red"
    elif refusal(outcome):
        words, shade = "the model was not blessed; nothing was pushed", "yellow"
    elif pushed and _was_there(outcome, pushed):
        words, shade = f"nothing new to push: this very model is version {pushed['pushed_version']} already", "green"
    elif pushed:
        words, shade = f"blessed, and pushed as version {pushed['pushed_version']}", "green"
    elif "Pusher" not in outcome.results:
        words, shade = f"done as far as asked ({outcome.job.part}); nothing was to be pushed", "green"
    else:
        words, shade = "complete, with nothing to push", "yellow"
    reused = sum(result.state == "reused" for result in outcome.results.values())
    shown = click.style(words, fg=shade, bold=True) if colour else words
    counts = f"{outcome.seconds:.0f} s, {reused} of {len(outcome.results)} nodes reused"
    if outcome.resumed:
        counts += f", resumed {times(outcome.resumed)}"
    return f"{outcome.job.problem.name}: {shown} ({counts})"


def _metrics(verdict: Verdict, colour: bool) -> list[str]:
    lines: list[str] = []
    for measured in verdict.overall():
        if measured.metric == "example_count":
            continue
        label = "  metrics   " if not lines else " " * 12
        lines.append(label + _metric(measured, colour))
    worst = [one for one in verdict.measurements if one.slice != OVERALL and one.passed is False]
    lines += [" " * 12 + f"{one.slice}: {_metric(one, colour)}" for one in worst]
    return lines


def _metric(measured: Measurement, colour: bool) -> str:
    parts = [f"{measured.metric} {number(measured.value)}"]
    bounds = measured.bounds
    if bounds and bounds.upper_bound is not None:
        parts.append(f"at most {number(bounds.upper_bound)}")
    if bounds and bounds.lower_bound is not None:
        parts.append(f"at least {number(bounds.lower_bound)}")
    if measured.baseline is not None:
        parts.append(f"blessed model {number(measured.baseline)}")
    if bounds and bounds.change_relative is not None:
        parts.append(f"at most {bounds.change_relative:.0%} worse than it")
    if bounds and bounds.change_absolute is not None:
        parts.append(f"at most {number(bounds.change_absolute)} worse than it")
    text = "; ".join(parts)
    if measured.passed is None:
        return text
    mark = "ok" if measured.passed else "NOT OK"
    shade = "green" if measured.passed else "red"
    return f"{text}  {click.style(mark, fg=shade) if colour else mark}"


def _verdict(outcome: Outcome, verdict: Verdict | None) -> list[str]:
    if verdict is None:
        return []
    refused = refusal(outcome)
    reasons = refused or verdict.reasons
    lines = [f"  verdict   {'not blessed' if refused else 'blessed'}: {reasons[0] if reasons else ''}"]
    infra = facts.infra_verdict(outcome)
    lines += [" " * 12 + reason for reason in [*reasons[1:], *verdict.notes, *(infra.notes if infra else ())]]
    return lines


def number(value: float | None) -> str:
    """Return a metric's value as a person reads it."""
    if value is None:
        return "missing"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"


def _again(outcome: Outcome) -> str:
    """Return the line that says how to go on: a run that is resumed would meet the same code and settings again."""
    job = outcome.job
    if not isinstance(outcome.error, (DataError, SettingsError, UserCodeError, LimitError)):
        return resume_run_line(job.run, str(job.workspace.root))
    errors = [one.error for one in outcome.results.values() if one.error]
    if not outcome.resumed:
        return resume_line(errors)
    options = [*str(job.part).split(), *(() if job.cache else ("--no-cache",))]
    return again_line(_run(job, *options), errors, cache=job.cache)


def _run(job: Job, *options: str) -> list[str]:
    """Return the words of the command that runs the problem of a run in its workspace, as it can be given here."""
    return [sys.argv[0], "run", address(job), *job.given, *options, "--workspace", near(str(job.workspace.root))]


def _next(outcome: Outcome, pushed: dict[str, Any] | None) -> str:
    name = outcome.job.problem.name
    if outcome.error is not None:
        return outcome.error.hint or "mend what the error names and run again; finished nodes are reused"
    if refusal(outcome):
        return f"improve the model or change the bounds in {near(str(outcome.job.problem.folder / 'pipeline.toml'))}"
    if pushed:
        serving = outcome.job.serving
        return f"serve it: tensorflow_model_server --model_name={name} --model_base_path={shlex.quote(str(serving))}"
    return shlex.join(["python", *_run(outcome.job)])
