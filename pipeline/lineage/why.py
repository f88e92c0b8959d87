"""Why a node ran, or was reused: property by property, against the last run before that had a result of it.

What a node depends on is what its result is known by: its inputs, the problem's code that it reaches, settings,
libraries and our own code. An input is another one because the node that makes it ran; so the question goes on to that
node, up to the first that something else than an input changed for.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.lineage import facts
from pipeline.lineage.archive import Archive, read_json
from pipeline.lineage.changes import Change, code_changes, plain, source_changes
from pipeline.lineage.details import Node, nodes
from pipeline.lineage.packages import CODE
from pipeline.lineage.pushes import producers
from pipeline.lineage.runs import describe
from pipeline.lineage.schema import differences
from pipeline.lineage.store import Artifact, Execution, Store

Reached = Callable[[Path, str], Iterable[Path]]

ENTRIES = {"Transform": "preprocessing", "Tuner": "model", "Trainer": "model"}
"""The module of a problem that a node imports."""

_LOOKED_UP = {"baseline_model": "Resolver", "base_model": "WarmStart", "hyperparameters": "Tuned"}
_ALWAYS = {
    "Resolver": "it looks up the latest blessed model anew in every run",
    "WarmStart": "it looks up the latest blessed model anew in every run",
    "Tuned": "it looks up the latest search anew in every run",
    "Pusher": "it looks at the serving folder anew in every run, and pushes nothing that is there already",
}
_SETTINGS: dict[str, tuple[str, ...]] = {
    "ExampleGen": ("data", "label", "schema"),
    "ImportSchemaGen": ("schema",),
    "ExampleValidator": ("validation",),
    "Transform": ("label",),
    "Trainer": ("training", "label", "serving.forward_features"),
    "WarmStart": ("training",),
    "Tuner": ("tuning", "training", "label"),
    "Evaluator": ("evaluation", "label"),
    "InfraValidator": ("infra_validation", "label"),
}
_SAID_ELSEWHERE = ("custom_config.code", "custom_config.runtime", "custom_config.settings", "custom_config.libraries")


@dataclass(frozen=True)
class Why:
    """Why a node did what it did.

    Attributes:
        run: The run.
        node: The node.
        state: As in :class:`pipeline.lineage.details.Node`.
        before: The run that it is compared with; None if none before had a result.
        reason: The answer in a sentence.
        changes: What changed for the node itself.
        first: For other nodes, by name, what changed for them and so led to changed inputs here.
        same: What is as it was, by kind.
    """

    run: str
    node: str
    state: str
    before: str | None
    reason: str
    changes: tuple[Change, ...] = ()
    first: tuple[tuple[str, tuple[Change, ...]], ...] = ()
    same: tuple[tuple[str, str], ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Return the answer as ``why --json`` prints it."""
        return {
            "run": self.run,
            "node": self.node,
            "state": self.state,
            "compared_with": self.before,
            "reason": self.reason,
            "changes": [one.as_json() for one in self.changes],
            "first_causes": [{"node": node, "changes": [one.as_json() for one in found]} for node, found in self.first],
            "same": dict(self.same),
        }


def why(archive: Archive, run: str, node: Node, reached: Reached) -> Why:
    """Say why a node of a run ran, or was reused.

    Args:
        archive: The workspace.
        run: The run.
        node: The node, as :func:`pipeline.lineage.details.nodes` has it.
        reached: Lists the files of a problem's folder that a module of it depends on.
    """
    if node.execution is None:
        return Why(run, node.name, node.state, None, _not_started(archive, run, node))
    [execution] = archive.store.executions([node.execution])
    taken = execution.get("__taken_from__")
    if taken:
        reason = f"{archive.record(run).part} takes it as run {taken} left it, whatever has changed since"
        return Why(run, node.name, node.state, str(taken), reason)
    if node.state == "reused":
        made_in = node.made_in or run
        reason = f"run {made_in} made the result, and nothing that {node.name} depends on has changed since"
        return Why(run, node.name, node.state, node.made_in, reason, same=_same(archive, run, node.name, execution))
    before = _before(archive, run, node.name, execution)
    failed = f"; it {node.state}: {(node.error or {}).get('headline', '')}" if node.error else ""
    if before is None:
        return Why(run, node.name, node.state, None, f"no run before has a result of {node.name}{failed}")
    other = _Comparison(archive, run, before[0], reached)
    changes, first = other.of(node.name, execution, before[1])
    words = f"{len(changes)} thing{'s' * (len(changes) != 1)} that it depends on changed since run {before[0]}"
    asked = _asked(archive, run, node.name)
    if node.name in _ALWAYS:
        words = _ALWAYS[node.name] + (f"; and {words}" if changes else "")
    elif asked:
        words = asked + (f"; and {words}" if changes else "")
    elif not changes:
        words = _gone(archive, before[1]) or f"nothing that is recorded changed since run {before[0]}"
    same = _same(archive, run, node.name, execution, but=changes)
    return Why(run, node.name, node.state, before[0], words + failed, tuple(changes), tuple(first.items()), same)


def _not_started(archive: Archive, run: str, node: Node) -> str:
    """Say why a node has no execution."""
    if node.error:
        return str(node.error.get("headline", "it failed before it started"))
    state = describe(archive, run).state
    if state == "waiting":
        return "its scheduler has not started it yet"
    if state == "running":
        return "the run is under way, and has not come to it yet"
    broken = [one.name for one in nodes(archive, run) if one.state == "failed" and one.name != node.name]
    if broken:
        return f"it was not started, since {', '.join(broken)} failed"
    return "the run was stopped before it came to it" if state == "stopped" else "the run ended before it started"


def _asked(archive: Archive, run: str, node: str) -> str:
    """Say that a run was told to run a node anew; empty if it was not."""
    record = archive.record(run)
    part = record.job.get("part") or {}
    if record.job.get("cache") is False:
        return "--no-cache: the run was to reuse nothing"
    first = part.get("only") or part.get("first")
    if not first:
        return ""
    upstream = read_json(record.folder / "nodes.json") or {}
    after = {first}
    for one, needs in upstream.items():
        if after & set(needs) and not part.get("only"):
            after.add(one)
    return f"{record.part}: it was to run anew" if node in after else ""


def _gone(archive: Archive, before: Execution) -> str:
    events = archive.store.events_of_executions([before.id])
    made = archive.store.artifacts(event.artifact for event in events if event.output)
    gone = [one.uri for one in made if one.gone or not Path(one.uri).exists()]
    return f"its earlier result is gone: {gone[0]}" if gone else ""


def _before(archive: Archive, run: str, node: str, execution: Execution) -> tuple[str, Execution] | None:
    """Return the last run before that has a result of the node, and the execution."""
    names = archive.runs
    problem = archive.store.places_of([execution.id]).get(execution.id, ("", ""))[0]
    for name in reversed(names[: names.index(run)] if run in names else names):
        told = archive.record(name).job.get("problem", {}).get("name")
        if told and told != problem:
            continue
        for one in _executions(archive, name).get((problem, node), ()):
            if one.id < execution.id and one.state in ("ran", "reused"):
                return name, one
    return None


def _executions(archive: Archive, run: str) -> dict[tuple[str, str], list[Execution]]:
    """Return the executions of a run by problem and node, the last one first."""
    found: dict[tuple[str, str], list[Execution]] = {}
    executions = archive.store.executions_of_run(run)
    places = archive.store.places_of(one.id for one in executions)
    for one in reversed(executions):
        found.setdefault(places.get(one.id, ("", "")), []).append(one)
    return found


def _same(
    archive: Archive, run: str, node: str, execution: Execution, but: Iterable[Change] = ()
) -> tuple[tuple[str, str], ...]:
    """Say what a node depends on that is as it was, ``but`` for what changed."""
    job, changed = archive.record(run).job, {(one.kind, one.name) for one in but}
    left_out = {kind for kind, _ in changed} - {"input", "setting"}
    inputs = {key: made for key, made in _inputs(archive, execution).items() if ("input", key) not in changed}
    numbers = [f"{key} {', '.join(str(one.id) for one in made)}" for key, made in sorted(inputs.items())]
    found = [("input", ", ".join(numbers))]
    if node in ENTRIES and facts.code_hash(execution):
        digest = facts.short(facts.code_hash(execution))
        found.append(("code", f"{ENTRIES[node]}.py and what it imports: hash {digest}"))
    settings = [name for name in _settings(job, node) if name not in ("data.path",)]
    if settings:
        groups = dict.fromkeys(name.partition(".")[0] for name in settings)
        touched = {name.partition(".")[0] for kind, name in changed if kind == "setting"}
        words = [one for one in groups if one not in touched]
        words += [f"all else in {one}" for one in groups if one in touched and ("setting", one) not in changed]
        found.append(("setting", ", ".join(words)))
    if job.get("libraries"):
        found.append(("library", ", ".join(f"{name} {version}" for name, version in job["libraries"].items())))
    if job.get("components"):
        found.append(("component", "the project's own code for it"))
    return tuple((kind, words) for kind, words in found if words and kind not in left_out)


def _settings(job: Mapping[str, Any], node: str) -> dict[str, Any]:
    flat = facts.flat(job.get("problem", {}).get("settings", {}))
    wanted = _SETTINGS.get(node, ())
    return {
        name: value for name, value in flat.items() if any(name == one or name.startswith(f"{one}.") for one in wanted)
    }


def _inputs(archive: Archive, execution: Execution) -> dict[str, list[Artifact]]:
    events = [event for event in archive.store.events_of_executions([execution.id]) if not event.output]
    known = {one.id: one for one in archive.store.artifacts(event.artifact for event in events)}
    found: dict[str, list[Artifact]] = {}
    for event in events:
        if event.artifact in known:
            found.setdefault(event.key, []).append(known[event.artifact])
    return found


class _Comparison:
    """What changed for the nodes of one run, against another."""

    def __init__(self, archive: Archive, run: str, before: str, reached: Reached) -> None:
        self._archive, self._reached = archive, reached
        self._now, self._then = archive.record(run), archive.record(before)
        self._run = run
        self._executions = _executions(archive, run), _executions(archive, before)

    def of(self, node: str, now: Execution, then: Execution) -> tuple[list[Change], dict[str, tuple[Change, ...]]]:
        """Return what changed for a node, and for those that made its inputs, up to the first."""
        first: dict[str, tuple[Change, ...]] = {}
        inputs, makers = self._inputs(now, then)
        seen = {node}
        queue = [one for one in makers if one not in seen]
        while queue:
            maker = queue.pop(0)
            if maker in seen:
                continue
            seen.add(maker)
            pair = self._pair(maker, now)
            if pair is None:
                continue
            _, more = self._inputs(*pair)
            queue += more
            own = self._own(maker, *pair)
            asked = _asked(self._archive, self._run, maker)
            if asked:
                own.append(Change("request", maker, text=asked))
            elif not own and not more:
                gone = _gone(self._archive, pair[1])
                own += [Change("result", maker, text=gone)] if gone else []
            if own:
                first[maker] = tuple(own)
        return [*inputs, *self._own(node, now, then)], first

    def _pair(self, node: str, like: Execution) -> tuple[Execution, Execution] | None:
        problem = self._archive.store.places_of([like.id]).get(like.id, ("", ""))[0]
        now, then = (found.get((problem, node), [None])[0] for found in self._executions)
        return (now, then) if now is not None and then is not None else None

    def _inputs(self, now: Execution, then: Execution) -> tuple[list[Change], list[str]]:
        """Return the inputs that are others, and the nodes that made them."""
        new, old = _inputs(self._archive, now), _inputs(self._archive, then)
        found, makers = [], []
        for key in sorted({*new, *old}):
            pair = [[one.id for one in side.get(key, ())] for side in (old, new)]
            if sorted(pair[0]) == sorted(pair[1]):
                continue
            words = [self._made_by(numbers) for numbers in pair]
            maker = _LOOKED_UP.get(key) or words[1][1]
            text = f"found by {maker}" if key in _LOOKED_UP else ""
            found.append(Change("input", key, words[0][0], words[1][0], text))
            if maker:
                makers.append(maker)
        return found, makers

    def _made_by(self, artifacts: list[int]) -> tuple[str, str]:
        """Return which artifacts these are, made by which node in which run; and the node."""
        if not artifacts:
            return "none", ""
        store = self._archive.store
        made = producers(self._archive, artifacts)
        places, runs = store.places_of(made.values()), store.runs_of(made.values())
        words = []
        for one in artifacts:
            maker = made.get(one, 0)
            node, run = places.get(maker, ("", ""))[1], runs.get(maker, "")
            values = "".join(f", {name} {plain(value)}" for name, value in _tuned(store, one).items())
            words.append(f"{one}" + (f" of {node}" if node else "") + (f", run {run}" if run else "") + values)
        return "; ".join(words), places.get(made.get(artifacts[0], 0), ("", ""))[1]

    def _own(self, node: str, now: Execution, then: Execution) -> list[Change]:
        """Return what changed for a node, its inputs left out."""
        changes: list[Change] = []
        made = [self._examples(one) for one in (then, now)]
        if node == "ExampleGen" and made[0] is not None and made[1] is not None:
            changes += source_changes(made[0], made[1])
        texts = [str(one.get("schema_text") or "") for one in (then, now)]
        if texts[0] != texts[1]:
            changes += [Change("schema", "schema", text=one) for one in differences(*texts)] or [
                Change("schema", "schema", text="its text changed")
            ]
        if node in ENTRIES and facts.code_hash(now) != facts.code_hash(then):
            changes += code_changes(self._then.code, self._now.code, self._files(ENTRIES[node])) or [
                Change("code", f"{ENTRIES[node]}.py and what it imports", _hash(then), _hash(now))
            ]
        settings = _pairs(*(_settings(one.job, node) for one in (self._then, self._now)))
        if not self._then.job or not self._now.job:  # of an orchestrator: what the node itself recorded
            settings = _pairs(_recorded(then), _recorded(now))
        changes += [Change("setting", name, plain(was), plain(is_)) for name, (was, is_) in settings.items()]
        libraries = _pairs(*(one.job.get("libraries") or {} for one in (self._then, self._now)))
        if self._then.job and self._now.job:
            changes += [Change("library", name, plain(was), plain(is_)) for name, (was, is_) in libraries.items()]
        return [*changes, *self._components(node)]

    def _files(self, entry: str) -> set[str]:
        """Return the paths of all files that an entry reaches, in either copy."""
        copies = [one.code for one in (self._then, self._now) if one.job and one.code.is_dir()]
        return {file.relative_to(copy).as_posix() for copy in copies for file in self._reached(copy, entry)}

    def _components(self, node: str) -> list[Change]:
        then, now = (one.job.get("components") for one in (self._then, self._now))
        if not then or not now or node not in CODE:
            return []
        mine = {
            name: pair
            for name, pair in _pairs(then, now).items()
            if "/" not in name or name.split("/")[0] in CODE[node]
        }
        return [Change("component", f"components/{name}", plain(was), plain(is_)) for name, (was, is_) in mine.items()]

    def _examples(self, execution: Execution) -> Artifact | None:
        events = self._archive.store.events_of_executions([execution.id])
        numbers = [event.artifact for event in events if event.output and event.key == "examples"]
        return next(iter(self._archive.store.artifacts(numbers)), None)


def _tuned(store: Store, artifact: int) -> dict[str, Any]:
    """Return the values that an artifact holds, if it is of a search."""
    return next((facts.tuned(one) for one in store.artifacts([artifact]) if one.type == "HyperParameters"), {})


def _recorded(execution: Execution) -> dict[str, Any]:
    """Return what a node recorded of its settings."""
    config = facts.json_of(execution.get("custom_config"))
    flat = facts.flat({"custom_config": config}) if isinstance(config, dict) else {}
    flat.pop("custom_config.training", None)
    flat = {name: value for name, value in flat.items() if not name.startswith(_SAID_ELSEWHERE)}
    return {**flat, **{f"training.{name}": value for name, value in facts.flat(facts.training(execution)).items()}}


def _hash(execution: Execution) -> str:
    return f"hash {facts.short(facts.code_hash(execution))}"


def _pairs(then: Mapping[str, Any], now: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    names = list(dict.fromkeys([*then, *now]))
    return {name: (then.get(name), now.get(name)) for name in names if then.get(name) != now.get(name)}
