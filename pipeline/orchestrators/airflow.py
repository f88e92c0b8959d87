"""``--target airflow``: a DAG in one Python file, with the body of :mod:`pipeline.orchestrators.airflow_dag`.

The file is that module with its first constants replaced, so that what is linted and tested is what is written. See
docs/airflow.md, and decision 0017 for why it is not TFX's own runner.
"""

import difflib
import json
import re
from collections.abc import Iterator, Mapping
from datetime import date, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

from croniter import CroniterError, croniter

from pipeline.errors import SettingsError
from pipeline.orchestrators.compiled import PROJECT, Compiled, CompiledNode, here, not_folders, tell
from pipeline.orchestrators.targets import Options

POOL = "estimator_pipeline_heavy"
"""The pool that heavy nodes take places in."""

PRESETS = ("@hourly", "@daily", "@weekly", "@monthly", "@quarterly", "@yearly")
SECONDS = {True: 12 * 3600, False: 3600}
"""The time that a heavy node, or another one, gets where the settings give it no limit: nothing hangs for ever."""

_MARGIN = 60  # seconds: a node beyond the limit of the settings is ended, and told of, by the pipeline itself
_BODY = Path(__file__).with_name("airflow_dag.py")
_REPLACED = re.compile(r"^# compiled: begin.*?^# compiled: end$", re.DOTALL | re.MULTILINE)
_AT_RANDOM = re.compile(r"(?<![A-Za-z])[RrHh](?![A-Za-z])")
_DAG_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}")
_TYPES = {"SCHEDULE": ": str | None", "SPAN": ": int | None", "SPAN_ZERO": ": str | None"}
_DAYS = ("{YYYY}", "{MM}", "{DD}")


def refuse(compiled: Compiled, options: Options) -> None:
    """Refuse what Airflow could not schedule or a node not run; every mistake at once.

    Raises:
        SettingsError: With one part for each mistake.
    """
    mistakes = [
        *_of_name(options.out),
        *_of_schedule(options.schedule),
        *_of_span_zero(options.span_zero, compiled.settings["data"]["path"]),
        *not_folders(compiled),
    ]
    tell(mistakes, "Airflow could not run this")


def notes(compiled: Compiled, options: Options) -> list[str]:
    """Return what to know of runs that work, but perhaps not as one thinks."""
    path, span = compiled.settings["data"]["path"], compiled.settings["data"].get("span")
    schedule = options.schedule
    dated = any(one in path for one in _DAYS) or (options.span_zero is not None and "{SPAN" in path)
    if schedule is None or not dated or span is not None or _is_daily(schedule):
        return []
    return [f"each run reads one day of data, the one before it starts; with {schedule} that is not every day once"]


def render(compiled: Compiled, options: Options) -> str:
    """Return the text of the DAG's file.

    Args:
        compiled: The pipeline.
        options: ``out``, whose name is the DAG's, ``schedule`` and ``span_zero`` are used.

    Raises:
        SettingsError: If Airflow could not schedule it so.
    """
    refuse(compiled, options)
    data = compiled.settings["data"]
    constants = {
        "DAG_ID": options.out.stem,
        "PROBLEM": compiled.problem,
        "PROJECT": here(PROJECT),
        "WORKSPACE": compiled.workspace,
        "ARTIFACTS": compiled.pipeline_root,
        "SCHEDULE": options.schedule,
        "DATA": data["path"],
        "SPAN": data.get("span"),
        "SPAN_ZERO": options.span_zero,
        "RETRIES": compiled.settings["run"]["retries"],
        "POOL": POOL,
    }
    lines = [f"{name}{_TYPES.get(name, '')} = {_literal(value)}" for name, value in constants.items()]
    lines += [
        "NODES: list[dict[str, Any]] = [",
        *(_node(node, compiled.settings["run"]) for node in compiled.nodes),
        "]",
    ]
    body = _BODY.read_text(encoding="utf-8")
    text, count = _REPLACED.subn(lambda _: "\n".join(lines), body)
    if count != 1:
        raise RuntimeError(f"{_BODY} has lost its marks")
    return text


def _of_name(out: Path) -> Iterator[SettingsError]:
    """The DAG's name is that of its file, so that two files in a folder are two DAGs."""
    if out.suffix == ".py" and _DAG_ID.fullmatch(out.stem):
        return
    yield SettingsError(
        "Airflow loads no DAG from a file of this name",
        got=out.name,
        expected="a name of letters, digits, dashes and underscores that ends with .py; it is the DAG's name, too",
        where="--out",
        hint="name it after the problem, as dags/housing.py",
    )


def _literal(value: str | int | None) -> str:
    # JSON's texts are Python's, but that JSON writes what lies beyond 16 bits as two characters.
    beyond = isinstance(value, str) and any(ord(one) > 0xFFFF for one in value)
    return json.dumps(value) if isinstance(value, str) and not beyond else ascii(value)


def _node(node: CompiledNode, run: Mapping[str, Any]) -> str:
    limit = run["timeout_secs"].get(node.id, run["node_timeout_secs"])
    fields = {
        "id": json.dumps(node.id),
        "upstream": json.dumps(list(node.upstream)),
        "heavy": repr(node.heavy),
        "seconds": repr(SECONDS[node.heavy] if limit is None else limit + _MARGIN),
        "doc": json.dumps(node.doc),
    }
    return "\n".join(["    {", *(f'        "{name}": {text},' for name, text in fields.items()), "    },"])


def _of_schedule(given: str | None) -> Iterator[SettingsError]:
    """Find what is no schedule with days; Airflow would refuse the file, and tell it where nobody looks."""
    if given is None or given in PRESETS or (len(given.split()) == 5 and _comes(given)):
        return
    close = difflib.get_close_matches(given, PRESETS, n=1)
    yield SettingsError(
        "The schedule is not valid",
        got=given,
        expected='a cron expression of five fields that a moment fits, as "30 4 * * *", or one of: '
        + ", ".join(PRESETS),
        where="--schedule",
        hint=f"did you mean {close[0]}?" if close else "without --schedule runs start when somebody triggers them",
    )


def _comes(expression: str) -> bool:
    """Whether a cron expression is one, and there is a moment that fits it; read by what Airflow reads it with."""
    if _AT_RANDOM.search(expression):  # its own additions: R is a random moment, H one of a hash
        return False
    try:
        croniter(expression).get_next()
    except CroniterError:
        return False
    return True


def _is_daily(schedule: str) -> bool:
    """Whether it comes once on every day; looks at two months of them."""
    if schedule in PRESETS:
        return schedule == "@daily"
    moments = croniter(schedule, datetime(2026, 1, 1), ret_type=datetime)
    days = [moments.get_next().date().toordinal() for _ in range(60)]
    return all(after - before == 1 for before, after in pairwise(days))


def _of_span_zero(given: str | None, path: str) -> Iterator[SettingsError]:
    if given is None:
        return
    try:
        date.fromisoformat(given)
    except ValueError:
        yield SettingsError("The day of span 0 is not a date", got=given, expected="as 2026-11-22", where="--span-zero")
        return
    if "{SPAN" not in path:
        with_days = any(one in path for one in _DAYS)
        yield SettingsError(
            "The data path has no {SPAN} to count from a day",
            got=path,
            where="--span-zero",
            hint="leave it out: the path has the day itself"
            if with_days
            else "put {SPAN} into data.path, or leave it out",
        )
