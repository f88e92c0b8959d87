"""An answer as a Mermaid flowchart, which GitHub, GitLab and many wikis draw (https://mermaid.js.org)."""

from pipeline.lineage.things import Answer

_SHAPES = {"file": ("[(", ")]"), "version": ("([", "])"), "serving": ("([", "])"), "verdict": ("{{", "}}")}


def mermaid(answer: Answer) -> str:
    """Return the text of a flowchart, in the direction of the data."""
    names = {one.key: f"n{number}" for number, one in enumerate(answer.things(), start=1)}
    lines = ["flowchart LR"]
    for one in answer.things():
        left, right = _SHAPES.get(one.kind, ("[", "]"))
        label = "<br/>".join(_escape(text) for text in (one.kind, one.title, one.detail) if text)
        lines.append(f'  {names[one.key]}{left}"{label}"{right}')
    lines += [f"  {names[before]} --> {names[after]}" for before, after in answer.edges()]
    return "\n".join(lines)


def _escape(text: str) -> str:
    # Mermaid takes HTML's entities with # for &; the labels are in double quotes.
    for one, entity in (("#", "#35;"), ('"', "#quot;"), ("<", "#lt;"), (">", "#gt;"), ("`", "#96;")):
        text = text.replace(one, entity)
    return text
