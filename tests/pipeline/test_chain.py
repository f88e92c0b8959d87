"""The cache key of each node holds the code that the node runs."""

import ast
import re
from pathlib import Path
from typing import get_args

import pytest

from pipeline import chain
from pipeline.config.model import Node
from pipeline.lineage.packages import CODE

pytestmark = pytest.mark.slow

COMPONENTS = Path(__file__).parents[2] / "components"
RUNS = {"ImportSchemaGen": "schema"}  # other nodes run the package of their own name


def _imported(package: str) -> set[str]:
    """The packages of ``components`` that a package imports from anywhere in its modules."""
    found = set()
    for file in (COMPONENTS / package).rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            found |= {name.split(".")[1] for name in names if name.startswith("components.")}
    return {name for name in found if (COMPONENTS / name).is_dir()}


@pytest.mark.parametrize("node", [name for name, packages in CODE.items() if packages])
def test_the_cache_key_holds_every_package_that_the_node_reaches(node: str) -> None:
    own = RUNS.get(node) or "".join(f"_{one.lower()}" if one.isupper() else one for one in node).lstrip("_")
    reached, queue = set(), [own]
    while queue:
        package = queue.pop()
        if package not in reached:
            reached.add(package)
            queue += _imported(package)
    assert reached <= set(CODE[node])


def test_limits_can_be_set_for_exactly_the_nodes_that_a_chain_may_have() -> None:
    named = set(re.findall(r'\.with_id\("(\w+)"\)', Path(chain.__file__).read_text()))
    assert named >= {"WarmStart", "Resolver", "SchemaGen"}
    assert set(get_args(Node)) == set(CODE) | named
