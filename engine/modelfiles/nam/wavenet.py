"""WaveNet (van den Oord et al. 2016) as Neural Amp Modeler writes it, all its versions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from engine.modelfiles.nam.curves import Curve, read_curve
from engine.modelfiles.nam.layer import emit_layer
from engine.modelfiles.nam.plan import ARRAYS, ArrayPlan, LayerPlan, read_array
from engine.modelfiles.parts import Body, Shape, Stream
from engine.modelfiles.reading import CHANNELS, LAYERS, TAPS, Node
from engine.neural.network import Array, Op, Prelu, Signal

SIZES = 32  # widths one slimmable model may be cut to


@dataclass(frozen=True, eq=False)
class WaveNet:
    """A WaveNet read from a file; ``arrays`` may be narrower than what the ``file`` has."""

    file: tuple[ArrayPlan, ...]
    arrays: tuple[ArrayPlan, ...]
    post: tuple[Shape, ...]
    post_curve: Curve | None
    condition: Body | None
    weights: Array  # the last is the scale of the head
    core_compatible: bool

    @property
    def title(self) -> str:
        """Its channels, array by array."""
        return "WaveNet " + "/".join(str(array.channels) for array in self.arrays)

    @property
    def outputs(self) -> int:
        """Channels that come out."""
        return self.post[-1].out if self.post else self.arrays[-1].head_out

    def emit(self, source: Signal, ops: list[Op]) -> Signal:
        """Append it; the scale of the head goes into the last head's weights."""
        stream = Stream(self.weights)
        condition = self.condition.emit(source, ops) if self.condition else source
        y, head = source, Signal(self.arrays[0].collected)
        for array, file in zip(self.arrays, self.file, strict=True):
            last = array is self.arrays[-1]
            y = stream.kernel(file.rechannel, array.rechannel).onto(y, ops)
            for layer, full in zip(array.layers, file.layers, strict=True):
                keep, widths = array.shapes(layer), array.widths(layer)
                shapes = file.shapes(full).items()
                kernels = {name: stream.kernel(shape, keep[name]) for name, shape in shapes}
                if self.core_compatible and layer.gating != "blended":
                    kernels.pop("layer1x1_post_film", None)
                y = emit_layer(layer, kernels, widths, y, condition, head, ops)
            kernel = stream.kernel(file.head, array.head)
            kernel = kernel.scaled(float(self.weights[-1])) if last else kernel
            bent = (self.post_curve,) if last and self.post_curve else ()
            head = kernel.onto(head, ops, bent)
        for number, shape in enumerate(self.post, 1):
            bent = (self.post_curve,) if self.post_curve and number < len(self.post) else ()
            head = stream.kernel(shape).onto(head, ops, bent)
        return head

    def sizes(self) -> list[tuple[float, Body]]:
        """Return every width it may be cut to: used below this quality, narrowest first."""
        steps = {k / len(a.allowed) for a in self.file for k in range(1, len(a.allowed))}
        if not steps or len(steps) >= SIZES or not self._can_be_cut():
            return [(1.0, self)]
        edges = [0.0, *sorted(steps), 1.0]
        return [(end, self._cut(start)) for start, end in pairwise(edges)]

    @property
    def is_slimmable(self) -> bool:
        """Whether the file names widths to cut it to."""
        return any(len(array.allowed) > 1 for array in self.file)

    def _can_be_cut(self) -> bool:
        """Whether widths can be cut as NAM's players do it, and fit each other after that."""
        shapes = [shape for array in self.file for _, shape in array.all_shapes()]
        return (
            not self.post
            and all(shape.groups == 1 for shape in shapes)
            and all(array.head_taps == 1 and not array.head1x1 for array in self.file)
            and all(array.bottleneck == array.channels for array in self.file[1:])
        )

    def _cut(self, quality: float) -> WaveNet:
        """Keep the first channels, as many as the quality allows (arXiv 2511.07470)."""
        widths = []
        for array in self.file:
            allowed = array.allowed or (array.channels,)
            widths.append(allowed[min(int(quality * len(allowed) + 1e-9), len(allowed) - 1)])
        return replace(self, arrays=tuple(_narrowed(self.file, widths)))


def _narrowed(arrays: Sequence[ArrayPlan], widths: Sequence[int]) -> list[ArrayPlan]:
    """Return the arrays at these channels, each fitted to its neighbours."""
    narrow = []
    for number, (array, channels) in enumerate(zip(arrays, widths, strict=True)):
        bottleneck = max(1, array.bottleneck * channels // array.channels)
        last = number + 1 == len(arrays)
        layers = tuple(_first(layer, bottleneck) for layer in array.layers)
        narrow.append(
            replace(
                array,
                input_size=widths[number - 1] if number else array.input_size,
                channels=channels,
                bottleneck=bottleneck,
                layers=layers,
                head_out=array.head_out if last else widths[number + 1],
            )
        )
    return narrow


def _first(layer: LayerPlan, channels: int) -> LayerPlan:
    """Return a layer with the slopes of its first channels, where each has its own."""
    curve, gate = (
        Prelu(curve.slopes[:channels]) if isinstance(curve, Prelu) else curve
        for curve in (layer.curve, layer.gate)
    )
    return replace(layer, curve=curve, gate=gate)


def read_wavenet(
    model: Node, config: Node, inputs: int, condition: Body | None, core_compatible: bool
) -> WaveNet:
    """Return the WaveNet of a model; ``inputs`` channels go in, weights must fit exactly."""
    if config.whole("in_channels", CHANNELS, inputs) != inputs:
        config.refuse(f"in_channels = {config.whole('in_channels', CHANNELS)}, must be {inputs}")
    nodes = config.nodes("layers", ARRAYS)
    arrays = tuple(read_array(node, core_compatible) for node in nodes)
    if (count := sum(len(array.layers) for array in arrays)) > LAYERS[1]:
        config.refuse(f"layers has {count} dilations, must have at most {LAYERS[1]}")
    _check_chain(nodes, arrays, inputs, condition.outputs if condition else inputs)
    post, curve = _post_head(config, arrays[-1].head_out, core_compatible)
    shapes = [shape for array in arrays for _, shape in array.all_shapes()]
    weights = model.weights(sum(shape.size for shape in (*shapes, *post)) + 1)
    return WaveNet(arrays, arrays, post, curve, condition, weights, core_compatible)


def _check_chain(
    nodes: Sequence[Node], arrays: Sequence[ArrayPlan], inputs: int, condition: int
) -> None:
    """Refuse arrays that do not fit the one before: by what they read and what they add to."""
    for number, (node, array) in enumerate(zip(nodes, arrays, strict=True)):
        before = arrays[number - 1].channels if number else inputs
        if array.input_size != before:
            node.refuse(f"input_size = {array.input_size}, what goes in has {before} channels")
        if array.condition != condition:
            given = f"condition_size = {array.condition}"
            node.refuse(f"{given}, the condition has {condition} channels")
        if number and array.collected != arrays[number - 1].head_out:
            given = f"its layers add {array.collected} channels to the head"
            node.refuse(f"channels: {given}, the array before made {arrays[number - 1].head_out}")


def _post_head(
    config: Node, inputs: int, core_compatible: bool
) -> tuple[tuple[Shape, ...], Curve | None]:
    """Return the convolutions after the stack, each with its activation in front."""
    head = config.optional_node("head")
    if head is None:
        return (), None
    taps = head.wholes("kernel_sizes", TAPS, (1, 64))
    widths = [head.whole("channels", CHANNELS)] * (len(taps) - 1)
    widths = [inputs, *widths, head.whole("out_channels", CHANNELS)]
    shapes = map(Shape, widths[1:], widths, taps)
    curve = read_curve(head, "activation", head.given("activation"), core_compatible)
    if isinstance(curve, Prelu):
        head.refuse("activation: a slope for each channel is not supported here")
    return tuple(shapes), curve
