"""Schemas: their columns, and what changed between two."""

from typing import Any


def columns_of(text: str) -> dict[str, str]:
    """Return the columns of a ``schema.pbtxt`` with their types; empty if the text is none."""
    return {name: kind for name, (kind, _) in _features(text).items()}


def differences(before: str, after: str) -> list[str]:
    """Say what changed between two schemas, a sentence for each column and each domain."""
    old, new = _features(before), _features(after)
    words = [f"{name} was added ({new[name][0]})" for name in new if name not in old]
    words += [f"{name} was removed ({old[name][0]})" for name in old if name not in new]
    for name in new:
        if name in old and old[name] != new[name]:
            (was, was_said), (now, now_said) = old[name], new[name]
            if was != now:
                words.append(f"{name} was {was} and is {now}")
            else:
                words.append(f"{name} is described in another way: {_changed(was_said, now_said)}")
    return words


def _features(text: str) -> dict[str, tuple[str, str]]:
    if not text:
        return {}
    from google.protobuf import text_format
    from tensorflow_metadata.proto.v0 import schema_pb2

    schema: Any = schema_pb2.Schema()
    try:
        text_format.Parse(text, schema)
    except text_format.ParseError:
        return {}
    domains = {one.name: one for one in schema.string_domain}
    found = {}
    for feature in schema.feature:
        said = text_format.MessageToString(feature, as_one_line=True)
        if feature.domain in domains:
            said += " " + text_format.MessageToString(domains[feature.domain], as_one_line=True)
        found[feature.name] = (schema_pb2.FeatureType.Name(feature.type), said)
    return found


def _changed(before: str, after: str) -> str:
    old, new = before.split(), after.split()
    gone = " ".join(word for word in old if word not in new)
    come = " ".join(word for word in new if word not in old)
    return f"{gone or 'nothing'} became {come or 'nothing'}"[:200]
