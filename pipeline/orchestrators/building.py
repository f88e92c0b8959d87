"""Compiles a problem's chain; the one module of this package that imports TFX. Reads no data and opens no store."""

from dataclasses import replace
from pathlib import Path

from google.protobuf import json_format
from tfx.dsl.compiler import compiler

from pipeline.chain import create_pipeline
from pipeline.config import Problem
from pipeline.orchestrators.compiled import Compiled, here, portable_in


def build(problem: Problem, drafted: Compiled) -> Compiled:
    """Complete what :func:`pipeline.orchestrators.drafting.draft` has drafted of a problem.

    Raises:
        SettingsError: If the settings do not make a chain.
    """
    root, serving = here(drafted.pipeline_root), here(drafted.serving)
    made = create_pipeline(
        problem, code=problem.folder, pipeline_root=Path(root), serving_dir=Path(serving), metadata=None
    )
    ir = compiler.Compiler().compile(made)
    ir.runtime_spec.pipeline_root.field_value.string_value = root  # a Path would make gs:/ of gs://
    types = {one.pipeline_node.node_info.id: one.pipeline_node.node_info.type.name for one in ir.nodes}
    return replace(
        drafted,
        nodes=tuple(replace(node, type=types[node.id]) for node in drafted.nodes),
        ir=portable_in(json_format.MessageToDict(ir, preserving_proto_field_name=True)),
    )
