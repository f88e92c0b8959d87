"""The curated schema of a file, as ``schema.pbtxt``; left-out columns stand in it too, but nothing checks them.

https://github.com/tensorflow/metadata/blob/master/tensorflow_metadata/proto/v0/schema.proto
"""

from collections.abc import Sequence

from components.example_gen.kinds import Kind
from pipeline.scaffold.columns import Column
from pipeline.scaffold.literals import one_line, proto, rounded_out
from pipeline.scaffold.profiling import Profile
from pipeline.scaffold.roles import Decision, Role
from pipeline.scaffold.task import Task

MOST_LISTED = 100  # values that a domain lists

_TYPES = {Kind.INT: "INT", Kind.FLOAT: "FLOAT", Kind.BYTES: "BYTES", Kind.EMPTY: "BYTES"}


def schema_text(profile: Profile, decisions: Sequence[Decision], task: Task) -> str:
    """Return the text of ``schema.pbtxt``."""
    parts = [
        f"# What the data should look like, going by {profile.total:,} rows. A run stops where new data differs:\n"
        "# widen a domain, or lower a presence, where that is right.\n"
    ]
    domains = []
    for decision in decisions:
        column = decision.column
        if decision.role is Role.LEFT_OUT:
            parts.append(_left_out(decision))
            continue
        classes = decision.role is Role.LABEL and task.name == "classification"
        listed = not column.is_number and column.values is not None and column.distinct <= MOST_LISTED
        listed = listed and decision.role is not Role.DATE
        parts.append(_feature(decision, classes=classes, listed=listed))
        if listed:
            values = "".join(f"  value: {proto(value)}\n" for value in column.values or ())
            domains.append(f"string_domain {{\n  name: {proto(column.name)}\n{values}}}\n")
    return "".join([*parts, *domains])


def schema_kind(column: Column) -> Kind:
    """Return the kind that the schema gives a column: whole numbers that a 32-bit float cannot hold are INT."""
    if column.kind is Kind.FLOAT and column.whole and 2**24 <= max(abs(column.minimum), abs(column.maximum)) < 2**53:
        return Kind.INT
    return column.kind


def _left_out(decision: Decision) -> str:
    column = decision.column
    return (
        f"# Left out: {one_line(decision.reason)}.\n"
        f"feature {{\n  name: {proto(column.name)}\n  type: {_TYPES[schema_kind(column)]}\n"
        "  lifecycle_stage: DISABLED\n}\n"
    )


def _feature(decision: Decision, *, classes: bool, listed: bool) -> str:
    column = decision.column
    kind = schema_kind(column)
    lines = [f"name: {proto(column.name)}", f"type: {_TYPES[kind]}"]
    if listed:
        lines.append(f"domain: {proto(column.name)}")
        if decision.role is not Role.LABEL:
            lines.append("distribution_constraints { min_domain_mass: 0.9 }")
    elif column.is_number and decision.role is not Role.EPOCH:
        lines.append(_domain(column, kind, decision.role, classes=classes))
    if column.missing:
        least = max(round(1 - 1.5 * column.missing_share - 0.05, 2), 0.0)
        lines.append(f"presence {{ min_fraction: {least} min_count: 1 }}")
        lines.append("value_count { min: 1 max: 1 }")
    else:
        lines += ["presence { min_fraction: 1 min_count: 1 }", "shape { dim { size: 1 } }"]
    note = ""
    if column.missing:
        note = f"# Missing in {column.missing:,} of {column.rows:,} rows.\n"
    return f"{note}feature {{\n" + "".join(f"  {line}\n" for line in lines) + "}\n"


def _domain(column: Column, kind: Kind, role: Role, *, classes: bool) -> str:
    """Return the numbers that are allowed: those seen, and as far again on either side, but not below zero."""
    least, most = column.minimum, column.maximum
    if not classes:
        reach = (most - least) or abs(most)
        least = 0.0 if least >= 0 else rounded_out(least - reach, up=False)
        most = 0.0 if most <= 0 else rounded_out(most + reach, up=True)
    if kind is Kind.INT:
        coded = classes or role is Role.CODE_ONLY
        bounds = "" if coded and not classes else f"min: {_int64(least)} max: {_int64(most)} "
        return f"int_domain {{ {bounds}{'is_categorical: true ' if coded else ''}}}"
    return f"float_domain {{ min: {least!r} max: {most!r} disallow_nan: true disallow_inf: true }}"


def _int64(value: float) -> int:
    return min(max(int(value), -(2**63)), 2**63 - 1)
