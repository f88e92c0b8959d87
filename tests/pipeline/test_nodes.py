"""The nodes that are known from the settings are those of the compiled chain, with what each waits for."""

from pathlib import Path
from typing import Any

import pytest
from tfx.dsl.compiler import compiler
from tfx.orchestration import metadata

from pipeline.chain import create_pipeline
from pipeline.config import Problem, Settings
from pipeline.config.nodes import chain

pytestmark = pytest.mark.slow

FLATS = Path(__file__).parents[1] / "e2e" / "problem" / "flats"


@pytest.mark.parametrize("schema", ["schema.pbtxt", None])
@pytest.mark.parametrize(("warm_start", "use"), [(False, "nothing"), (True, "latest"), (False, "search")])
def test_both_say_the_same(tmp_path: Path, schema: str | None, warm_start: bool, use: str) -> None:
    settings = Settings.model_validate(
        {
            **{"label": "rent", "data": {"path": "/rows.csv"}, "schema": {"file": schema} if schema else {}},
            "training": {"train_steps": 20, "warm_start": warm_start},
            "tuning": {"use": use, "space": {"batch_size": {"type": "int", "low": 8, "high": 512}}},
            "evaluation": {"metrics": [{"name": "mean_absolute_error", "upper_bound": 1.0}]},
        }
    )
    made = create_pipeline(
        Problem(name="flats", folder=FLATS, settings=settings),
        code=FLATS,
        pipeline_root=tmp_path,
        serving_dir=tmp_path,
        metadata=metadata.sqlite_metadata_connection_config(str(tmp_path / "metadata.db")),
    )
    compiled: Any = compiler.Compiler().compile(made)
    nodes = [one.pipeline_node for one in compiled.nodes]
    known = chain(settings)
    assert {one.node_info.id: sorted(one.upstream_nodes) for one in nodes} == {
        node: sorted(needs) for node, needs in known.items()
    }
    names = list(known)
    assert all(names.index(one) < names.index(node) for node, needs in known.items() for one in needs)
