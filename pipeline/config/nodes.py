"""Which nodes the chain of a problem has, and what each waits for: known from its settings, before anything is loaded.

:mod:`pipeline.chain` makes the chain; that both say the same is tested.
"""

import difflib

from pipeline.config.model import Settings
from pipeline.errors import SettingsError


def chain(settings: Settings) -> dict[str, tuple[str, ...]]:
    """Return for each node the nodes that it waits for, in topological order."""
    schema = "ImportSchemaGen" if settings.schema_.file else "SchemaGen"
    curated = settings.schema_.file is not None
    warm = ("WarmStart",) if settings.training.warm_start else ()
    tuned = {"nothing": (), "latest": ("Tuned",), "search": ("Tuner",)}[settings.tuning.use]
    importer = {schema: ()} if curated else {}
    inferred = {} if curated else {schema: ("StatisticsGen",)}
    found: dict[str, tuple[str, ...]] = {
        "ExampleGen": (),
        **importer,
        "StatisticsGen": ("ExampleGen", schema) if curated else ("ExampleGen",),
        **inferred,
        "ExampleValidator": ("StatisticsGen", schema),
        "Transform": ("ExampleGen", schema),
    }
    if warm:
        found["WarmStart"] = ("Transform",)
    if tuned:
        found[tuned[0]] = () if tuned == ("Tuned",) else ("ExampleValidator", "Transform", schema)
    return {
        **found,
        "Trainer": ("ExampleValidator", "Transform", schema, *warm, *tuned),
        "Resolver": ("Trainer",),
        "Evaluator": ("ExampleGen", "Resolver", "Trainer", "Transform", schema),
        "InfraValidator": ("ExampleGen", "Trainer"),
        "Pusher": ("Evaluator", "InfraValidator", "Trainer"),
    }


def find_node(given: str, settings: Settings, option: str) -> str:
    """Return a node's name as it is written; any case will do.

    Raises:
        SettingsError: If the chain has no such node.
    """
    names = list(chain(settings))
    for name in names:
        if name.lower() == given.lower():
            return name
    lower = {name.lower(): name for name in names}
    close = difflib.get_close_matches(given.lower(), list(lower), n=1)
    raise SettingsError(
        f"The chain has no node {given!r}",
        expected="one of: " + ", ".join(names),
        where=option,
        hint=f"did you mean {lower[close[0]]}?" if close else "name one of those",
    )
