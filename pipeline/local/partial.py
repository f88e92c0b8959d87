"""Partial runs: which nodes a run has, which of them run anew, and which must be reused.

===============  ==================================================================================================
``--from X``     X and everything after it run anew; everything before X is reused, or the run stops
``--to X``       X and what it needs, as in a whole run; nothing after it
``--only X``     X alone runs, anew, on what the latest run that has all its inputs made of them
===============  ==================================================================================================

TFX has partial runs too (``tfx.orchestration.portable.partial_run_utils``). It takes results of a base run without a
look at whether they still fit; we do so for ``--only``, which asks for it, and use the cache, which looks, elsewhere.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from pipeline.config import Settings
from pipeline.config.nodes import chain, find_node
from pipeline.errors import SettingsError

LOOKED_UP = frozenset({"Resolver", "Tuned", "WarmStart"})
"""Nodes that make nothing, and look up what there is: they run wherever they are needed, and cost nothing."""

Upstream = Mapping[str, Sequence[str]]


@dataclass(frozen=True)
class Part:
    """What was asked for.

    Attributes:
        first: The node of ``--from``.
        last: The node of ``--to``.
        only: The node of ``--only``.
    """

    first: str | None = None
    last: str | None = None
    only: str | None = None

    def __bool__(self) -> bool:
        return any(node is not None for node in (self.first, self.last, self.only))

    def __str__(self) -> str:
        options = {"--from": self.first, "--to": self.last, "--only": self.only}
        return " ".join(f"{option} {node or repr('')}" for option, node in options.items() if node is not None)

    def as_json(self) -> dict[str, Any]:
        """Return what is set."""
        return {name: value for name, value in vars(self).items() if value is not None}


WHOLE = Part()


@dataclass(frozen=True)
class Plan:
    """What a run does with the nodes of its chain.

    Attributes:
        upstream: The nodes that it has, and what each waits for.
        anew: Those that are not reused, whatever there is.
        kept: Those that must be reused.
        taken: Those whose result another run's is taken for.
    """

    upstream: dict[str, tuple[str, ...]]
    anew: frozenset[str] = frozenset()
    kept: frozenset[str] = frozenset()
    taken: frozenset[str] = frozenset()


def check(part: Part, settings: Settings, *, cache: bool) -> Part:
    """Return a part with its nodes' names as they are written, before anything is loaded.

    Raises:
        SettingsError: If there is no such node, or the options contradict one another.
    """
    # An empty name was given too, by a script whose variable is not set: it is no node, and no whole run either.
    found = Part(
        None if part.first is None else find_node(part.first, settings, "--from"),
        None if part.last is None else find_node(part.last, settings, "--to"),
        None if part.only is None else find_node(part.only, settings, "--only"),
    )
    if part.only and (part.first or part.last):
        other = "--from" if part.first else "--to"
        raise SettingsError(
            f"--only and {other} cannot both be given",
            got=str(part),
            expected="--only alone, or --from and --to",
            hint=f"--from {part.only} --to {part.only} reuses what is before it; --only takes the latest there is",
        )
    if not cache and (part.first or part.only):
        option = "--from" if part.first else "--only"
        raise SettingsError(
            f"{option} and --no-cache contradict one another",
            got=f"{part} --no-cache",
            expected=f"{option}, which reuses what is before the node, or --no-cache, which reuses nothing",
            hint="leave --no-cache out: the node itself runs anew in any case",
        )
    upstream = chain(settings)
    if found.first and found.last and found.last not in {found.first, *after(found.first, upstream)}:
        reverse = found.first in after(found.last, upstream)
        raise SettingsError(
            f"{found.last} does not come after {found.first}",
            got=str(found),
            expected=f"--to with one of: {', '.join([found.first, *after(found.first, upstream)])}",
            hint=f"did you mean --from {found.last} --to {found.first}?" if reverse else "name one of those",
        )
    return found


def plan(part: Part, upstream: Upstream) -> Plan:
    """Return what a run does with each node.

    Args:
        part: What was asked for.
        upstream: For each node of the chain the nodes that it waits for, in topological order.
    """
    if part.only:
        needed = before(part.only, upstream)
        looked_up = {node for node in needed if node in LOOKED_UP}
        nodes = {part.only, *needed}
        return Plan(_within(upstream, nodes), frozenset({part.only}), taken=frozenset(nodes - {part.only} - looked_up))
    nodes = {part.last, *before(part.last, upstream)} if part.last else set(upstream)
    if not part.first:
        return Plan(_within(upstream, nodes))
    anew = {part.first, *after(part.first, upstream)} & nodes
    kept = set(before(part.first, upstream)) - LOOKED_UP
    return Plan(_within(upstream, nodes), frozenset(anew), frozenset(kept))


def before(node: str, upstream: Upstream) -> list[str]:
    """Return everything that a node waits for, directly or not, in order."""
    found: set[str] = set()
    queue = [node]
    while queue:
        for one in upstream[queue.pop()]:
            if one not in found:
                found.add(one)
                queue.append(one)
    return [one for one in upstream if one in found]


def after(node: str, upstream: Upstream) -> list[str]:
    """Return everything that waits for a node, directly or not, in order."""
    found = {node}
    for one, needs in upstream.items():
        if found & set(needs):
            found.add(one)
    return [one for one in upstream if one in found - {node}]


def _within(upstream: Upstream, nodes: Iterable[str]) -> dict[str, tuple[str, ...]]:
    wanted = set(nodes)
    return {node: tuple(one for one in needs if one in wanted) for node, needs in upstream.items() if node in wanted}


def read_part(value: Mapping[str, Any]) -> Part:
    """Read what :meth:`Part.as_json` returned."""
    return replace(WHOLE, **{name: value[name] for name in ("first", "last", "only") if value.get(name)})
