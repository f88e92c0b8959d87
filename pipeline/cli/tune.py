"""The command ``tune``: the chain up to the Tuner, and what the search found."""

import json
import math
import shlex
import shutil
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from components.trainer.values import shown, value_shown
from components.tuner.record import CHART, Search, Trial, read_search
from pipeline.cli.paths import near
from pipeline.cli.problems import find_problem
from pipeline.cli.run import carry_out, options_again, searched_over
from pipeline.cli.summary import as_json as summary_json
from pipeline.cli.summary import number
from pipeline.config import SETTINGS_FILE, read_problem
from pipeline.errors import SettingsError
from pipeline.local.partial import Part
from pipeline.local.record import Job
from pipeline.local.resuming import address
from pipeline.local.run import Outcome, run_problem

_ROWS = 12  # of the table; all trials are in the record
_REASONS = 4  # why trials failed
_NAME = 8  # letters of a name above a column whose values are shorter


def tune_command(
    problem: str,
    data: str | None,
    workspace: Path,
    overrides: Sequence[str],
    *,
    most: int | None,
    as_json: bool,
    verbose: bool,
) -> int:
    """Search, and print what was found; return the exit code."""
    folder = find_problem(problem)
    _check_space(folder, overrides, data)
    settings = read_problem(folder, [*overrides, "tuning.use=search"], data)
    given = options_again(settings, data, [*overrides, "tuning.use=search"])
    part = Part(last="Tuner")
    return carry_out(
        lambda display: run_problem(settings, workspace, display, most=most, part=part, given=given),
        as_json=as_json,
        verbose=verbose,
        tell=lambda outcome: told_search(outcome, as_json=as_json),
    )


def told_search(outcome: Outcome, *, as_json: bool) -> str | None:
    """Return what is to be said of a run whose purpose was a search; None of another, and in words of one that failed.

    Whichever command it was: ``tune``, a ``resume`` of it, or ``run --to Tuner``.
    """
    if "Tuner" not in (outcome.job.part.last, outcome.job.part.only):
        return None
    search = _search(outcome)
    if as_json:
        return json.dumps({**summary_json(outcome), "search": search.as_json() if search else None}, indent=2)
    if search is None or outcome.error is not None:
        return None
    return text_of(search, outcome, [address(outcome.job), *_given_to_train(outcome.job)])


def _given_to_train(job: Job) -> list[str]:
    """Return the options of a search that a run with its values needs, too: not what is of the search, nor varied."""
    options = list(zip(job.given[::2], job.given[1::2], strict=True))
    varied = searched_over(job.problem, [value for option, value in options if option == "--set"])
    return [
        word
        for option, value in options
        if option != "--set" or not (value.startswith("tuning.") or value.partition("=")[0].strip() in varied)
        for word in (option, value)
    ]


def _check_space(folder: Path, overrides: Sequence[str], data: str | None) -> None:
    # Whatever a run takes values from: what is set here is what the search begins with.
    tuning = read_problem(folder, [*overrides, "tuning.use=nothing"], data).settings.tuning
    if not tuning.space:
        raise SettingsError(
            f"{folder.name} has no search space",
            got="no [tuning.space]",
            expected='a line there as: learning_rate = { type = "float", low = 0.001, high = 0.1, log = true }',
            where=str(folder / SETTINGS_FILE),
            hint="name what is to be varied, each with its default in [training.params]; docs/tuning.md",
        )


def _search(outcome: Outcome) -> Search | None:
    results = outcome.outputs("Tuner", "tuner_results")
    return read_search(Path(results[0]["uri"])) if results else None


def text_of(search: Search, outcome: Outcome, given: Sequence[str]) -> str:
    """Return the outcome of a search for a person.

    Args:
        search: The search.
        outcome: The run.
        given: The problem as the person named it, with the options that a run of it needs, too.
    """
    best = search.trial(search.best)
    lines = ["", f"{search.problem}: {_headline(search)} ({outcome.seconds:.0f} s)", ""]
    width = shutil.get_terminal_size((100, 24)).columns
    lines += [*table(search, width), *failures(search, width)]
    lines += ["", f"  best      trial {best.number}: {shown(search.values)}"]
    lines += _margins(search)
    chart = Path(outcome.outputs("Tuner", "tuner_results")[0]["uri"]) / CHART
    if chart.exists():
        lines.append(f"  chart     {near(str(chart))}")
    lines.append(f"  trials    a folder with log and summaries for each: {near(search.study)}/trials")
    place = ["--workspace", near(str(outcome.job.workspace.root))]
    compared = shlex.join(["python", "runner.py", "tensorboard", outcome.job.problem.name, *place, "--trials"])
    lines.append(f"            side by side in TensorBoard: {compared}")
    command = ["python", "runner.py", "run", *given, *place]
    lines += ["", f"  next      {_next(search, shlex.join([*command, '--set', 'tuning.use=latest']))}"]
    return "\n".join(lines)


def search_lines(results: Path, width: int) -> list[str]:
    """Return what a search of an earlier run did, in lines; none if nothing is there of it.

    Args:
        results: The artifact that the search gave out beside its values.
        width: Columns that the lines may have.
    """
    search = read_search(results)
    if search is None:
        return []
    lines = [_headline(search), f"best trial {search.best}: {shown(search.values)}"]
    lines += [" ".join(line.split()) for line in _margins(search)]
    lines += [line[2:] for line in table(search, width + 2)]
    if (results / CHART).exists():
        lines.append(f"chart {near(str(results / CHART))}")
    return lines


def _next(search: Search, command: str) -> str:
    """Say what to do with the values; nothing, where they gain nothing on rows that did not choose them."""
    margins = search.margins()
    gained = margins.get("eval_margin", margins.get("held_out_margin", 1.0))
    if gained > 0:
        return f"train with these values: {command}"
    more = 2 * search.counted
    return f"keep the default values, at least as good there; or search on with --trials {more}, or in a wider space"


def _headline(search: Search) -> str:
    which = "lower" if search.lower_is_better else "higher"
    counts = [f"{search.metric} ({which} is better) in {search.counted} trial{'s' if search.counted > 1 else ''}"]
    for state, words in (("pruned", "pruned"), ("failed", "failed"), ("killed", "more interrupted and repeated")):
        count = sum(one.state == state for one in search.trials)
        if count:
            counts.append(f"{count} {words}")
    return ", ".join(counts)


def _margins(search: Search) -> list[str]:
    lines = []
    best, default = search.trial(search.best).value, search.default_trial
    tried = next((one for one in search.trials if one.default and one.state == "failed"), None)
    if best is not None and default is None and tried is not None:
        lines.append(
            f"  held out  {search.metric} {number(best)}, default failed: {tried.reason};"
            f" {search.held_out_rows:,} rows of train chose it"
        )
    if best is not None and default is not None and default.value is not None:
        lines.append(
            f"  held out  {search.metric} {number(best)}, default {number(default.value)}:"
            f" {margin(search.margin(best, default.value))}; {search.held_out_rows:,} rows of train chose it"
        )
    gained = search.margins().get("eval_margin")
    if search.compared is not None and gained is not None:
        ours, theirs = (one.get(search.metric) for one in (search.compared.best, search.compared.default))
        lines.append(
            f"  eval      {search.metric} {_measured(ours)}, default {_measured(theirs)}:"
            f" {margin(gained)}; on rows that the search never saw"
        )
    return lines


def _measured(value: float | None) -> str:
    return "NaN" if value is None else number(value)


def margin(share: float) -> str:
    """Return a margin in words."""
    if not share:
        return "the same"
    if math.isinf(share):
        return "better" if share > 0 else "worse"
    return f"{abs(share):.1%} {'better' if share > 0 else 'worse'}"


def table(search: Search, width: int) -> list[str]:
    """Return the best trials as a table, and how many others there were.

    Args:
        search: The search.
        width: Columns of the terminal. Columns of the table that it has no room for are left out whole, and named.
    """
    order = sorted(search.trials, key=lambda one: _rank(one, search))
    rows = [["trial", "", "value", "step", "s", *search.values]]
    for one in order[:_ROWS]:
        step = one.evaluations[-1][0] if one.evaluations else None
        marks = [name for name, is_so in (("best", one.number == search.best), ("default", one.default)) if is_so]
        rows.append(
            [
                str(one.number),
                ", ".join([*([] if one.state == "complete" else [one.state]), *marks]),
                number(one.value) if one.value is not None else "-",
                "-" if step is None else f"{step:,}",
                "-" if one.seconds is None else f"{one.seconds:.0f}",
                *(value_shown(one.values.get(name)) for name in search.values),
            ]
        )
    sizes = [max(len(text) for text in column) for column in zip(*rows[1:], strict=True)]
    sizes = [max(size, min(len(name), _NAME)) for size, name in zip(sizes, rows[0], strict=True)]
    kept = _kept(sizes, width)
    lines = []
    for row in rows:
        lines.append(("  " + "  ".join(_cell(row[at], sizes[at], left=at == 1) for at in kept)).rstrip())
    left_out = ["seconds" if name == "s" else name for at, name in enumerate(rows[0]) if at not in kept]
    if left_out:
        words = f"no room for {', '.join(left_out)}: --json has them"
        lines += textwrap.wrap(words, width, initial_indent="  ", subsequent_indent="  ", break_on_hyphens=False)
    if len(order) > _ROWS:
        lines.append(f"  and {len(order) - _ROWS} more, the worst ones: --json has all")
    return lines


def _kept(sizes: Sequence[int], width: int) -> list[int]:
    """Return the columns that there is room for: of those after the value, the seconds go first, and then the last."""
    kept = list(range(len(sizes)))
    for at in (4, 3, *range(len(sizes) - 1, 4, -1)):
        if sum(2 + sizes[one] for one in kept) <= width:
            break
        kept.remove(at)
    return kept


def failures(search: Search, width: int) -> list[str]:
    """Say why trials failed, those with one reason together."""
    reasons: dict[str, list[str]] = {}
    for one in search.trials:
        if one.state == "failed":
            reasons.setdefault(one.reason or "for no known reason", []).append(str(one.number))
    told = list(reasons.items())[:_REASONS]
    lines = [
        line
        for reason, numbers in told
        for line in _wrapped(f"trial{'s' if len(numbers) > 1 else ''} {', '.join(numbers)} failed: {reason}", width)
    ]
    if len(reasons) > _REASONS:
        lines.append(f"  and {len(reasons) - _REASONS} more reasons: --json has all")
    return lines


def _wrapped(text: str, width: int) -> list[str]:
    return textwrap.wrap(text, max(width, 20), initial_indent="  ", subsequent_indent="    ")


def _cell(text: str, size: int, *, left: bool) -> str:
    text = text if len(text) <= size else text[: size - 1] + "…"
    return text.ljust(size) if left else text.rjust(size)


def _rank(one: Trial, search: Search) -> tuple[Any, ...]:
    states = {"complete": 0, "pruned": 1, "running": 2, "failed": 3, "killed": 4}
    value = one.value if one.value is not None else 0.0
    return states[one.state], value if search.lower_is_better else -value, one.number
