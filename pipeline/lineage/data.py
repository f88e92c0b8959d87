"""Downstream of a file or a span: every model that it touched, and what became of each."""

import difflib
import os
import re
from collections import defaultdict
from collections.abc import Collection, Iterable
from pathlib import Path

from pipeline.errors import SettingsError
from pipeline.lineage import building, facts
from pipeline.lineage.archive import Archive
from pipeline.lineage.content import content_hash
from pipeline.lineage.facts import Source
from pipeline.lineage.fates import Fate, fates
from pipeline.lineage.pushes import live, producers, pushes
from pipeline.lineage.store import Artifact
from pipeline.lineage.things import Answer, Thing

STARTED_FROM = "base_model"
_ENDS = {"anomalies", "evaluation", "blessing", "pushed_model", "model_run"}  # nothing is made of these
_PLACEHOLDER = re.compile(r"\{[A-Z]+(:\d+)?\}")  # TFX's {SPAN}, {VERSION}, {YYYY} and so on
_SPAN = re.compile(r"(?:span[-= ]?)?(\d+)$")


def data_lineage(archive: Archive, given: str) -> Answer:
    """Answer ``lineage data PATH_OR_SPAN``.

    Args:
        archive: The workspace.
        given: A file's path, as it was read or as it is seen from here; its last parts; a folder, a glob or a
            pattern of spans, for all files that were read from it; a copy of a file that was read; or a span's number.

    Raises:
        SettingsError: If no run read such a file or span.
    """
    read = [one for one in archive.store.artifacts_of_type("Examples") if one.get("sources") is not None]
    touched, note = _matching(read, given)
    if not touched:
        raise _unknown(archive, read, given)
    pushed = pushes(archive)
    served = {(one.problem, one.push.execution) for one in live(pushed) if one.push}
    models = downstream(archive, {examples.id for examples, _ in touched})
    ends = fates(archive, {one.id: one for group in models.values() for one in group}.values(), pushed)
    made_by = producers(archive, (examples.id for examples, _ in touched))
    runs = archive.store.runs_of(made_by.values())
    roots: dict[str, Thing] = {}
    for examples, source in touched:
        file = building.file_thing(source, int(examples.get("span", 0) or 0))
        root = roots.setdefault(file.key, file)
        data = building.data_thing(examples)
        data.detail += f"; first read by run {runs[made_by[examples.id]]}" if examples.id in made_by else ""
        here = {one.id: building.model_thing(ends[one.id], served) for one in models[examples.id]}
        for number, base in started_from(archive, here).items():
            if base in here:
                here[number].detail = f"started from model {base}; {here[number].detail}"
                here[number].facts["started_from"] = base
        data.links = list(here.values())
        if not data.links:
            data.detail += "; no model was trained on them"
        root.links.append(data)
    notes = (*([note] if note else []), _count(list(ends.values())))
    return Answer(f"lineage data {given}", tuple(roots.values()), upstream=False, notes=notes)


def downstream(archive: Archive, examples: set[int]) -> dict[int, list[Artifact]]:
    """Return the models that were made from Examples artifacts, by these, newest first.

    Artifacts are followed to the executions that took them in and made something new of it; an execution that reused
    a result made nothing. A model is followed to those that started from its weights.
    """
    store = archive.store
    origins: dict[int, set[int]] = defaultdict(set, {one: {one} for one in examples})
    found: dict[int, set[int]] = defaultdict(set)
    level, models = set(examples), set[int]()
    while level:
        takers: dict[int, set[int]] = defaultdict(set)
        for event in store.events_of_artifacts(level):
            if not event.output and (event.key == STARTED_FROM or event.artifact not in models):
                takers[event.execution] |= origins[event.artifact]
        made = [event for event in store.events_of_executions(takers) if event.output and event.key not in _ENDS]
        first = producers(archive, (event.artifact for event in made))
        grown = set()
        for event in made:
            if first.get(event.artifact) == event.execution and not takers[event.execution] <= origins[event.artifact]:
                origins[event.artifact] |= takers[event.execution]
                grown.add(event.artifact)
        named = {event.artifact for event in made if event.key == "model"}  # the Trainer's channel, stock or ours
        models |= {one.id for one in store.artifacts(grown & named) if one.type == "Model"}
        level = grown
    for model in models:
        for origin in origins[model]:
            found[origin].add(model)
    return {one: sorted(store.artifacts(found[one]), key=lambda model: -model.id) for one in examples}


def started_from(archive: Archive, models: Iterable[int]) -> dict[int, int]:
    """Return the model whose weights each model started from, where it did from one."""
    made_by = producers(archive, models)
    events = archive.store.events_of_executions(made_by.values())
    bases = {event.execution: event.artifact for event in events if not event.output and event.key == STARTED_FROM}
    return {model: bases[execution] for model, execution in made_by.items() if execution in bases}


def _matching(read: list[Artifact], given: str) -> tuple[list[tuple[Artifact, Source]], str]:
    """Return what was read of a file, of all that a path means, or of a span, newest first; and what is to be said."""
    pairs = [(examples, source) for examples in read for source in facts.sources(examples)]
    pairs.sort(key=lambda pair: -pair[0].id)
    here = Path(os.path.expanduser(given))  # noqa: PTH111  which leaves ~name of nobody as it is
    wanted = {given, str(here.absolute()), str(here.resolve())}
    exact = [pair for pair in pairs if pair[1].path in wanted]
    if exact:
        return exact, ""
    span = _SPAN.match(given)
    if span:
        return [pair for pair in pairs if int(pair[0].get("span", 0) or 0) == int(span.group(1))], ""
    meant = [pair for pair in pairs if _is_meant(Path(pair[1].path), wanted)]
    if meant:
        return meant, ""
    content = _content(here, {source.bytes for _, source in pairs})
    same = [pair for pair in pairs if content and pair[1].hash == content]
    if same:
        paths = ", ".join(dict.fromkeys(source.path for _, source in same))
        return same, f"no run read {given} itself; its content was read as {paths}"
    ending = "/" + given.removeprefix("./")
    return [pair for pair in pairs if pair[1].path.endswith(ending)], ""


def _is_meant(path: Path, wanted: Iterable[str]) -> bool:
    """Say whether one of some folders, globs or patterns of spans has a path in it, as a data path has."""
    patterns = [_PLACEHOLDER.sub("*", one) for one in wanted]
    for folder in (path, *path.parents):
        if str(folder) in wanted or any(set("*?[") & set(one) and folder.match(one) for one in patterns):
            return True
    return False


def _content(file: Path, sizes: Collection[int]) -> str:
    """Return the hash that a file is known by; empty if there is none, or if none of this size was read."""
    try:
        if not file.is_file() or file.stat().st_size not in sizes:
            return ""
        with file.open("rb") as stream:
            return content_hash(stream)
    except OSError:
        return ""


def _unknown(archive: Archive, read: list[Artifact], given: str) -> SettingsError:
    paths = sorted({source.path for examples in read for source in facts.sources(examples)})
    if _SPAN.match(given) and not Path(given).exists():
        spans = sorted({int(one.get("span", 0) or 0) for one in read})
        return SettingsError(
            f"No run read the span {_SPAN.match(given).group(1)}",  # type: ignore[union-attr]
            expected="one of: " + ", ".join(map(str, spans[-10:])) if spans else None,
            where=str(archive.root),
            hint="`python runner.py runs` says what each run read",
        )
    names = {Path(one).name: one for one in paths}
    close = difflib.get_close_matches(given, paths, n=1) or [
        names[one] for one in difflib.get_close_matches(Path(given).name, names, n=1)
    ]
    return SettingsError(
        f"No run read a file in {given!r}" if Path(given).is_dir() else f"No run read the file {given!r}",
        expected="a file that a run read, such as " + paths[-1] if paths else None,
        where=str(archive.root),
        hint=f"did you mean {close[0]}?" if close else "`python runner.py runs` says what each run read",
    )


def _count(ends: list[Fate]) -> str:
    blessed = sum(one.blessed is True for one in ends)
    pushed = sum(bool(one.pushes) for one in ends)
    models = "1 model" if len(ends) == 1 else f"{len(ends)} models"
    return f"touched {models}: {blessed} blessed, {pushed} pushed"
