"""Where the boxes of a drawn graph go: in layers, as Sugiyama has it (https://en.wikipedia.org/wiki/Layered_graph_drawing).

The layer of a box is its longest way from a root. An edge over several layers gets a waypoint in each between, so
that it goes around boxes instead of through them. Boxes are ordered within their layers by the mean place of their
neighbours, and then moved towards it as far as there is room.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

GAP = 18.0
_SWEEPS = 8


@dataclass
class Box:
    """A box, or a waypoint.

    Attributes:
        key: Its name.
        layer: Its layer, 0 for a root.
        height: Its height.
        y: The middle of it.
        near: Names of its neighbours, in the layers before and behind.
    """

    key: str
    layer: int
    height: float
    y: float = 0.0
    near: tuple[list[str], list[str]] = field(default_factory=lambda: ([], []))


@dataclass(frozen=True)
class Layout:
    """Boxes in their places.

    Attributes:
        boxes: Every box by its key, waypoints included.
        ways: For each edge the keys that it goes along, from the root's side.
        layers: How many layers there are.
        height: How high all is.
    """

    boxes: dict[str, Box]
    ways: dict[tuple[str, str], list[str]]
    layers: int
    height: float


def arrange(heights: Mapping[str, float], edges: list[tuple[str, str]]) -> Layout:
    """Place boxes.

    Args:
        heights: Height by key, in the order in which they are to stand where nothing else decides.
        edges: Pairs of keys, away from the roots; without circles.
    """
    depth = _depths(list(heights), edges)
    boxes = {key: Box(key, depth[key], height) for key, height in heights.items()}
    ways: dict[tuple[str, str], list[str]] = {}
    for before, after in edges:
        way = [before]
        for layer in range(depth[before] + 1, depth[after]):
            name = f"{before}>{after}@{layer}"
            boxes[name] = Box(name, layer, 4.0)
            way.append(name)
        ways[before, after] = [*way, after]
        for one, other in zip(ways[before, after], ways[before, after][1:], strict=False):
            boxes[one].near[1].append(other)
            boxes[other].near[0].append(one)
    layers: list[list[Box]] = [[] for _ in range(max(depth.values(), default=0) + 1)]
    for box in boxes.values():
        layers[box.layer].append(box)
    for layer_boxes in layers:
        _stack(layer_boxes)
    for sweep in range(_SWEEPS):
        side = sweep % 2
        for layer_boxes in layers if side == 0 else reversed(layers):
            wanted = {one.key: _mean(boxes, one, side) for one in layer_boxes}
            layer_boxes.sort(key=lambda one, wanted=wanted: wanted[one.key])  # type: ignore[misc]
            _settle(layer_boxes, wanted)
    top = min((one.y - one.height / 2 for one in boxes.values()), default=0.0)
    for box in boxes.values():
        box.y -= top
    height = max((one.y + one.height / 2 for one in boxes.values()), default=0.0)
    return Layout(boxes, ways, len(layers), height)


def _depths(keys: list[str], edges: list[tuple[str, str]]) -> dict[str, int]:
    depth = dict.fromkeys(keys, 0)
    for _ in keys:
        moved = False
        for before, after in edges:
            if depth[after] < depth[before] + 1:
                depth[after] = depth[before] + 1
                moved = True
        if not moved:
            break
    return depth


def _mean(boxes: dict[str, Box], one: Box, side: int) -> float:
    near = one.near[side] or one.near[1 - side]
    return sum(boxes[key].y for key in near) / len(near) if near else one.y


def _stack(layer: list[Box]) -> None:
    at = 0.0
    for one in layer:
        one.y = at + one.height / 2
        at += one.height + GAP


def _settle(layer: list[Box], wanted: Mapping[str, float]) -> None:
    """Put boxes where they want to be, in their order, and move apart those that would touch, both ways."""
    down, up = {}, {}
    edge = float("-inf")
    for one in layer:
        down[one.key] = max(wanted[one.key], edge + one.height / 2)
        edge = down[one.key] + one.height / 2 + GAP
    edge = float("inf")
    for one in reversed(layer):
        up[one.key] = min(wanted[one.key], edge - one.height / 2)
        edge = up[one.key] - one.height / 2 - GAP
    for one in layer:  # both orders keep the distances, and so does their mean
        one.y = (down[one.key] + up[one.key]) / 2
