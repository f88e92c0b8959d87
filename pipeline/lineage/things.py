"""What an answer is made of: things, and what each came from or went into."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Thing:
    """A file, an artifact, a run, a piece of code, a version.

    Attributes:
        key: Tells it from all others; the same thing in two places of an answer has one key.
        kind: What it is, in a word or two.
        title: Its name.
        detail: What a person wants to know of it, in a line.
        facts: What a program wants to know of it, as JSON values.
        links: The things that it came from, or that it went into.
    """

    key: str
    kind: str
    title: str
    detail: str = ""
    facts: dict[str, Any] = field(default_factory=dict)
    links: "list[Thing]" = field(default_factory=list)


@dataclass(frozen=True)
class Answer:
    """An answer to a question about lineage.

    Attributes:
        question: The question, as ``lineage model 3``.
        roots: What was asked for.
        upstream: Whether links lead to what things came from; else to what they went into.
        notes: What else is to be known.
    """

    question: str
    roots: tuple[Thing, ...]
    upstream: bool
    notes: tuple[str, ...] = ()

    def things(self) -> list[Thing]:
        """Return every thing once, the roots first."""
        found: dict[str, Thing] = {}
        queue = list(self.roots)
        while queue:
            one = queue.pop(0)
            if one.key not in found:
                found[one.key] = one
                queue += one.links
        return list(found.values())

    def edges(self) -> list[tuple[str, str]]:
        """Return pairs of keys in the direction of the data: from what was used to what was made of it."""
        pairs = [(one.key, other.key) for one in self.things() for other in one.links]
        if self.upstream:
            pairs = [(after, before) for before, after in pairs]
        return list(dict.fromkeys(pairs))

    def as_json(self) -> dict[str, Any]:
        """Return the answer as a graph: nodes with their facts, and edges in the direction of the data."""
        return {
            "question": self.question,
            "roots": [one.key for one in self.roots],
            "nodes": [
                {"key": one.key, "kind": one.kind, "title": one.title, "detail": one.detail, **one.facts}
                for one in self.things()
            ],
            "edges": [{"from": before, "to": after} for before, after in self.edges()],
            "notes": list(self.notes),
        }


def tree(answer: Answer) -> str:
    """Draw an answer as a tree; what was drawn before is named again, but not drawn again."""
    drawn: set[str] = set()
    lines: list[str] = []
    for root in answer.roots:
        lines += [*([""] if lines else []), *_branch(root, "", "", drawn, width=0)]
    return "\n".join([*lines, *([""] if answer.notes else []), *answer.notes])


def _branch(thing: Thing, first: str, rest: str, drawn: set[str], *, width: int) -> Iterator[str]:
    again = thing.key in drawn and bool(thing.links)
    words = f"{thing.kind:<{width}}  {thing.title}" if width else thing.title
    detail = "as above" if again else thing.detail
    yield f"{first}{words}" + (f": {detail}" if detail else "")
    drawn.add(thing.key)
    links = [] if again else thing.links
    wide = max((len(one.kind) for one in links), default=0)
    for number, one in enumerate(links, start=1):
        last = number == len(links)
        yield from _branch(one, rest + ("└─ " if last else "├─ "), rest + ("   " if last else "│  "), drawn, width=wide)
