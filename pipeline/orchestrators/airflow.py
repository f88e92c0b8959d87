"""``--target airflow``: a DAG in one Python file, with the body of :mod:`pipeline.orchestrators.airflow_dag`.

The file is that module with its first constants replaced, so that what is linted and tested is what is written. See
docs/airflow.md, and decision 0017 for why it is not TFX's own runner.
"""

import difflib
import json
import re
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

from pipeline.errors import SettingsError
from pipeline.orchestrators.compiled import PROJECT, Compiled, CompiledNode, here
from pipeline.orchestrators.targets import Options

POOL = "estimator_pipeline_heavy"
"""The pool that heavy nodes take places in."""

PRESETS = ("@hourly", "@daily", "@weekly", "@monthly", "@quarterly", "@yearly")
SECONDS = {True: 12 * 3600, False: 3600}
"""The time that a heavy node, or another one, gets where the settings give it no limit: nothing hangs for ever."""

_MARGIN = 60  # seconds: a node beyond the limit of the settings is ended, and told of, by the pipeline itself
_BODY = Path(__file__).with_name("airflow_dag.py")
_REPLACED = re.compile(r"^# compiled: begin.*?^# compiled: end$", re.DOTALL | re.MULTILINE)
_FIELD = re.compile(r"[0-9A-Za-z*/,#?-]+")
_DAG_ID = re.compile(r"[A-Za-z0-9_.-]{1,200}")
_TYPES = {"SCHEDULE": ": str | None", "SPAN": ": int | None", "SPAN_ZERO": ": str | None"}
_DAYS = ("{YYYY}", "{MM}", "{DD}")


def render(compiled: Compiled, options: Options) -> str:
    """Return the text of the DAG's file.

    Args:
        compiled: The pipeline.
        options: ``schedule`` and ``span_zero`` are used.

    Raises:
        SettingsError: If Airflow could not schedule it so.
    """
    data = compiled.settings["data"]
    if not _DAG_ID.fullmatch(compiled.problem):
        raise SettingsError(
            "Airflow takes no DAG of this name",
            got=compiled.problem,
            expected="letters, digits, dashes, dots and underscores",
            hint="rename the problem's folder",
        )
    constants = {
        "DAG_ID": compiled.problem,
        "PROJECT": here(PROJECT),
        "WORKSPACE": compiled.workspace,
        "ARTIFACTS": compiled.pipeline_root,
        "SCHEDULE": _schedule(options.schedule),
        "DATA": data["path"],
        "SPAN": data.get("span"),
        "SPAN_ZERO": _span_zero(options.span_zero, data["path"]),
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


def _literal(value: str | int | None) -> str:
    # JSON's texts are Python's, but for characters that Python's source may not hold.
    return repr(value) if value is None or isinstance(value, int) else json.dumps(value)


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


def _schedule(given: str | None) -> str | None:
    """Return the schedule, if it is one that a run has a day of.

    Raises:
        SettingsError: If it is not; Airflow would refuse the file, and tell it where nobody looks.
    """
    if given is None or given in PRESETS:
        return given
    fields = given.split()
    if len(fields) == 5 and all(_FIELD.fullmatch(field) for field in fields):
        return given
    close = difflib.get_close_matches(given, PRESETS, n=1)
    raise SettingsError(
        "The schedule is not valid",
        got=given,
        expected='a cron expression of five fields, as "30 4 * * *", or one of: ' + ", ".join(PRESETS),
        where="--schedule",
        hint=f"did you mean {close[0]}?" if close else "without --schedule runs start when somebody triggers them",
    )


def _span_zero(given: str | None, path: str) -> str | None:
    if given is None:
        return None
    try:
        date.fromisoformat(given)
    except ValueError:
        raise SettingsError(
            "The day of span 0 is not a date", got=given, expected="as 2026-11-22", where="--span-zero"
        ) from None
    if "{SPAN" not in path:
        with_days = any(one in path for one in _DAYS)
        raise SettingsError(
            "The data path has no {SPAN} to count from a day",
            got=path,
            where="--span-zero",
            hint="leave it out: the path has the day itself"
            if with_days
            else "put {SPAN} into data.path, or leave it out",
        )
    return given
