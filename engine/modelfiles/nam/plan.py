"""The sizes of a WaveNet, read from its configuration before any of its weights."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from engine.modelfiles.nam.curves import SIGMOID, Curve, read_curve
from engine.modelfiles.parts import Shape
from engine.modelfiles.reading import CHANNELS, DILATIONS, LAYERS, TAPS, Node, show
from engine.neural.network import Prelu

FILMS = (
    "conv_pre_film", "conv_post_film", "input_mixin_pre_film", "input_mixin_post_film",
    "activation_pre_film", "activation_post_film", "layer1x1_post_film", "head1x1_post_film",
)  # fmt: skip
"""The places of a FiLM (Perez 2018) in a layer, in the order of their weights."""

GATINGS = ("none", "gated", "blended")
ARRAYS = (1, 64)
SLIM_METHOD = "slice_channels_uniform"


@dataclass(frozen=True)
class LayerPlan:
    """One layer: its dilated convolution and what bends the result."""

    taps: int
    dilation: int
    gating: str
    curve: Curve
    gate: Curve = SIGMOID

    @property
    def halves(self) -> int:
        """How many times wider than its result the convolution is."""
        return 1 if self.gating == "none" else 2


@dataclass(frozen=True)
class ArrayPlan:
    """A stack of layers of the same widths, and the head that ends it."""

    input_size: int
    condition: int
    channels: int
    bottleneck: int
    layers: tuple[LayerPlan, ...]
    groups_input: int
    groups_mixin: int
    layer1x1: int | None  # groups; None: there is none
    head1x1: tuple[int, int] | None  # channels out, groups
    films: Mapping[str, tuple[bool, int]]  # shift, groups
    head_out: int
    head_taps: int
    head_dilation: int
    head_bias: bool
    allowed: tuple[int, ...] = ()  # widths it may be cut to; empty: one

    @property
    def collected(self) -> int:
        """Channels that every layer adds to the head."""
        return self.head1x1[0] if self.head1x1 else self.bottleneck

    @property
    def rechannel(self) -> Shape:
        """The convolution that brings the input to ``channels``."""
        return Shape(self.channels, self.input_size, bias=False)

    @property
    def head(self) -> Shape:
        """The convolution from what was collected to what is handed on."""
        head = Shape(self.head_out, self.collected, self.head_taps, self.head_bias)
        return Shape(head.out, head.into, head.taps, head.bias, 1, self.head_dilation)

    def widths(self, layer: LayerPlan) -> dict[str, int]:
        """Return how many channels each FiLM modulates."""
        wide, narrow = layer.halves * self.bottleneck, self.bottleneck
        dims = (self.channels, wide, self.condition, wide, wide, narrow, self.channels)
        return dict(zip(FILMS, (*dims, self.collected), strict=True))

    def shapes(self, layer: LayerPlan) -> dict[str, Shape]:
        """Return all convolutions of a layer in the order of their weights."""
        wide, cond = layer.halves * self.bottleneck, self.condition
        taps, dilation = layer.taps, layer.dilation
        shapes = {
            "conv": Shape(wide, self.channels, taps, True, self.groups_input, dilation),
            "mixin": Shape(wide, cond, bias=False, groups=self.groups_mixin),
        }
        if self.layer1x1 is not None:
            shapes["layer1x1"] = Shape(self.channels, self.bottleneck, groups=self.layer1x1)
        if self.head1x1:
            out, groups = self.head1x1
            shapes["head1x1"] = Shape(out, self.bottleneck, groups=groups)
        for name, width in self.widths(layer).items():
            if name in self.films:
                shift, groups = self.films[name]
                shapes[name] = Shape(width * (2 if shift else 1), cond, groups=groups)
        return shapes

    def all_shapes(self) -> Iterator[tuple[str, Shape]]:
        """Yield every convolution in the order of the weights."""
        yield "rechannel", self.rechannel
        for number, layer in enumerate(self.layers):
            yield from ((f"layer {number} {k}", s) for k, s in self.shapes(layer).items())
        yield "head", self.head


def read_array(node: Node, core_compatible: bool) -> ArrayPlan:
    """Return the plan of one item of ``config.layers``."""
    channels = node.whole("channels", CHANNELS)
    head_out, head_taps, head_dilation, head_bias = _head(node)
    array = ArrayPlan(
        input_size=node.whole("input_size", CHANNELS),
        condition=node.whole("condition_size", CHANNELS),
        channels=channels,
        bottleneck=node.whole("bottleneck", CHANNELS, channels),
        layers=_layers(node, core_compatible),
        groups_input=node.whole("groups_input", CHANNELS, 1),
        groups_mixin=node.whole("groups_input_mixin", CHANNELS, 1),
        layer1x1=_layer1x1(node),
        head1x1=_head1x1(node),
        films=_films(node),
        head_out=head_out,
        head_taps=head_taps,
        head_dilation=head_dilation,
        head_bias=head_bias,
        allowed=_allowed(node, channels),
    )
    _check(node, array)
    return array


def _head(node: Node) -> tuple[int, int, int, bool]:
    """Channels out, taps, dilation and whether there is a bias; before 0.7 taps were 1."""
    head = node.optional_node("head")
    if head is None:
        return node.whole("head_size", CHANNELS), 1, 1, node.flag("head_bias", False)
    taps, dilation = head.whole("kernel_size", TAPS, 1), head.whole("head_dilation", DILATIONS, 1)
    return head.whole("out_channels", CHANNELS), taps, dilation, head.flag("bias", False)


def _layers(node: Node, core_compatible: bool) -> tuple[LayerPlan, ...]:
    dilations = node.wholes("dilations", DILATIONS, LAYERS)
    count = len(dilations)
    key = "kernel_sizes" if node.has("kernel_sizes") else "kernel_size"
    taps = [node.as_whole(key, size, TAPS) for size in _each(node, key, count)]
    legacy = "gated" if node.flag("gated", False) else "none"
    gatings = _each(node, "gating_mode", count, legacy)
    for gating in gatings:
        if gating not in GATINGS:
            node.refuse(f"gating_mode = {show(gating)} is none of {', '.join(GATINGS)}")
    curves = _curves(node, "activation", count, core_compatible)
    gates = _curves(node, "secondary_activation", count, core_compatible, "Sigmoid")
    return tuple(map(LayerPlan, taps, dilations, gatings, curves, gates))


def _curves(node: Node, key: str, count: int, core: bool, default: str = "") -> list[Curve]:
    values = [value or default for value in _each(node, key, count, default or None)]
    return [read_curve(node, key, value, core) for value in values]


def _each(node: Node, key: str, count: int, default: Any = None) -> list[Any]:
    """Return one value for each layer, given once for all or as a list."""
    value = node.given(key) if default is None else node.given(key, default)
    if not isinstance(value, list):
        return [value] * count
    if len(value) != count:
        node.refuse(f"{key} has {len(value)} items, dilations has {count}")
    return value


def _layer1x1(node: Node) -> int | None:
    found = node.optional_node("layer1x1")
    if found is None:
        return 1
    groups = found.whole("groups", CHANNELS, 1)
    return groups if found.flag("active", True) else None


def _head1x1(node: Node) -> tuple[int, int] | None:
    found = node.optional_node("head1x1")
    if found is None or not found.flag("active", False):
        return None
    return found.whole("out_channels", CHANNELS), found.whole("groups", CHANNELS, 1)


def _films(node: Node) -> dict[str, tuple[bool, int]]:
    films = {}
    for name in FILMS:
        value = node.given(name, False)
        film = node.as_node(name, {"active": value} if isinstance(value, bool) else value)
        if film.flag("active", True):
            films[name] = (film.flag("shift", True), film.whole("groups", CHANNELS, 1))
    return films


def _allowed(node: Node, channels: int) -> tuple[int, ...]:
    slim = node.optional_node("slimmable")
    if slim is None:
        return ()
    method = slim.text("method", SLIM_METHOD)
    if method != SLIM_METHOD:
        slim.refuse(f"method = {show(method)} is not supported; supported: {SLIM_METHOD}")
    kwargs = slim.optional_node("kwargs")
    if kwargs is None or not kwargs.has("allowed_channels"):
        return tuple(range(1, channels + 1))
    allowed = kwargs.wholes("allowed_channels", (1, channels), (1, 64))
    if sorted(set(allowed)) != allowed or allowed[-1] != channels:
        kwargs.refuse(f"allowed_channels must rise to channels = {channels}")
    return tuple(allowed)


def _check(node: Node, array: ArrayPlan) -> None:
    """Refuse an array whose parts do not fit each other."""
    if array.layer1x1 is None and array.bottleneck != array.channels:
        sizes = f"bottleneck = {array.bottleneck} and channels = {array.channels}"
        node.refuse(f"layer1x1 is not active, so {sizes} must be equal")
    for name, owner in (("layer1x1", array.layer1x1), ("head1x1", array.head1x1)):
        if f"{name}_post_film" in array.films and owner is None:
            node.refuse(f"{name}_post_film is active, {name} is not")
    for number, layer in enumerate(array.layers):
        for name, shape in array.shapes(layer).items():
            if not shape.fits:
                sizes = f"{shape.into} channels in and {shape.out} out"
                node.refuse(f"{name}: {shape.groups} groups do not divide {sizes}")
        for curve in (layer.curve, layer.gate):
            if isinstance(curve, Prelu) and len(curve.slopes) != array.bottleneck:
                slopes = f"{len(curve.slopes)} negative_slopes"
                node.refuse(f"layer {number} has {slopes} for {array.bottleneck} channels")
