"""Reads our own model file; nothing in it is trusted."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from engine.modelfiles.guitarml import knobs as plain_knobs
from engine.modelfiles.model import Knob, ModelFile, Size
from engine.modelfiles.nam.metadata import tags
from engine.modelfiles.parts import network_of
from engine.modelfiles.reading import CHANNELS, DILATIONS, SAMPLE_RATES, Node, show
from engine.modelfiles.taraf.title import title
from engine.neural.limits import BOXES
from engine.neural.network import (
    Activate,
    Array,
    Blend,
    Conv,
    Film,
    Gate,
    Gru,
    Lstm,
    Op,
    Prelu,
    Signal,
    Softmax,
    Ssm,
    Stage,
    Step,
    Term,
)

FORMAT, VERSION = "taraf", 1
TAGS = {name: name for name in ("author", "make", "model", "gear", "tone")}
INPUTS, SIGNALS, OPS = (1, 33), (0, 10_000), (0, 2_000)
PARTS = (0, 64)  # terms, added signals, sources and steps of one operation
SIDES, KNOB_VALUES, CONSTANTS = (1, 1 << 20), (-1e9, 1e9), (-1e9, 1e9)


def read_taraf(root: Node, sha256: str) -> ModelFile:
    """Return the model of a document; ModelFileError if it cannot be played."""
    version = root.whole("version", (0, 1_000_000))
    if version != VERSION:
        root.refuse(f"version = {version} is not supported; supported: {VERSION}")
    body = Body(root, root.whole("sample_rate", SAMPLE_RATES))
    inputs = root.whole("input", INPUTS)
    network = network_of(root.path, body, inputs)
    words = tags(root.values, {"name": "name"})
    if root.has("tags"):
        words |= tags(root.node("tags").values, TAGS)
    return ModelFile(
        path=root.path,
        format=FORMAT,
        name=words.get("name", root.path.stem),
        architecture=title(network),
        sample_rate=body.sample_rate,
        sizes=(Size(1.0, network),),
        sha256=sha256,
        knobs=_knobs(root, inputs - 1),
        tags=words,
    )


def _knobs(root: Node, count: int) -> tuple[Knob, ...]:
    if not root.has("knobs"):
        return plain_knobs(count + 1)
    return tuple(_knob(node) for node in root.nodes("knobs", (count, count)))


def _knob(node: Node) -> Knob:
    low, high = (node.number(key, KNOB_VALUES, k) for k, key in enumerate(("minimum", "maximum")))
    if not low < high:
        node.refuse(f"maximum = {high:g} is not above minimum = {low:g}")
    name = node.text("name")
    if not name.isprintable() or not 1 <= len(name) <= 60:
        node.refuse(f"name = {show(name)} is not one short line")
    default = node.number("default", (low, high), (low + high) / 2.0)
    heard = (node.number(key, KNOB_VALUES, k) for k, key in enumerate(("low", "high")))
    return Knob(name, low, high, default, *heard)


@dataclass(frozen=True)
class Body:
    """The operations of a document, read while they are appended to a network."""

    root: Node
    sample_rate: int
    outputs: int = 1

    @property
    def title(self) -> str:
        """The format: what it is only its operations tell."""
        return FORMAT

    def emit(self, source: Signal, ops: list[Op]) -> Signal:
        """Append the operations; return the signal that is heard."""
        channels = self.root.wholes("signals", CHANNELS, SIGNALS)
        signals = [source, *map(Signal, channels)]
        nodes = self.root.nodes("ops", OPS)
        boxes = sum(node.values.get("op") == "stage" for node in nodes)
        if boxes > BOXES:  # each is tried below, which takes memory and time
            self.root.refuse(f"ops has {boxes} boxes, a model has at most {BOXES}")
        for node in nodes:
            kind = node.text("op")
            if kind not in READERS:
                known = ", ".join(READERS)
                node.refuse(f"op = {show(kind)} is not supported; supported: {known}")
            ops.append(READERS[kind](Fields(node, signals, self.sample_rate)))
        return Fields(self.root, signals, self.sample_rate).signal("output")


@dataclass(frozen=True)
class Fields:
    """One object of a document and the signals its numbers mean."""

    node: Node
    signals: list[Signal]
    sample_rate: int

    def part(self, node: Node) -> Fields:
        """The same for an object within it."""
        return Fields(node, self.signals, self.sample_rate)

    def parts(self, key: str) -> list[Fields]:
        """A list of objects; empty where there is none."""
        return [self.part(n) for n in self.node.nodes(key, PARTS)] if self.node.has(key) else []

    def signal(self, key: str) -> Signal:
        """The signal whose number stands under a key."""
        return self.signals[self.node.whole(key, (0, len(self.signals) - 1))]

    def maybe(self, key: str) -> Signal | None:
        """The same, or None where there is no number."""
        return self.signal(key) if self.node.has(key) else None

    def several(self, key: str) -> tuple[Signal, ...]:
        """The signals of a list of numbers; empty where there is none."""
        if not self.node.has(key):
            return ()
        numbers = self.node.wholes(key, (0, len(self.signals) - 1), PARTS)
        return tuple(self.signals[number] for number in numbers)

    def array(self, key: str, dimensions: int) -> Array:
        """Packed numbers of so many dimensions."""
        node = self.node.node(key)
        shape = node.wholes("shape", SIDES, (dimensions, dimensions))
        try:
            data = base64.b64decode(node.text("f32"), validate=True)
        except (binascii.Error, ValueError):
            node.refuse("f32 is not base64")
        count = int(np.prod(shape, dtype=object))
        if len(data) != 4 * count:
            node.refuse(f"f32 has {len(data)} bytes, {count} numbers have {4 * count}")
        values = np.frombuffer(data, "<f4").astype(np.float32)
        if not np.isfinite(values).all():
            node.refuse("f32 has a number that is not finite")
        return values.reshape(shape)

    def curve(self) -> Activate:
        """A curve and its constants."""
        items = self.node.items("constants", PARTS) if self.node.has("constants") else []
        values = [
            Node(self.node.path, {"value": item}, f"{self.node.where}constants[{k}].")
            for k, item in enumerate(items)
        ]
        constants = tuple(node.number("value", CONSTANTS) for node in values)
        return Activate(self.node.text("curve"), constants)

    def step(self) -> Step:
        """One step of a convolution."""
        kind = self.node.text("step")
        if kind == "activate":
            return self.curve()
        if kind == "prelu":
            return Prelu(self.array("slopes", 1))
        if kind == "film":
            return Film(self.signal("scale"), self.maybe("shift"))
        if kind not in ("gate", "blend"):
            known = "activate, prelu, film, gate, blend"
            self.node.refuse(f"step = {show(kind)} is not supported; supported: {known}")
        curve, gate = (self.part(self.node.node(key)).curve() for key in ("curve", "gate"))
        return Gate(curve, gate) if kind == "gate" else Blend(curve, gate)

    def term(self) -> Term:
        """One convolution of a sum."""
        dilation = self.node.whole("dilation", DILATIONS, 1)
        groups = self.node.whole("groups", CHANNELS, 1)
        return Term(self.signal("signal"), self.array("weights", 3), dilation, groups)


def _conv(f: Fields) -> Conv:
    return Conv(
        f.maybe("target"),
        tuple(part.term() for part in f.parts("terms")),
        f.array("bias", 1) if f.node.has("bias") else None,
        f.several("adds"),
        tuple(part.step() for part in f.parts("steps")),
        f.maybe("total"),
    )


def _lstm(f: Fields) -> Lstm:
    return Lstm(
        f.signal("source"), f.signal("target"), f.array("w_in", 2), f.array("w_state", 2),
        f.array("bias", 1), f.array("h0", 1), f.array("c0", 1),
    )  # fmt: skip


def _gru(f: Fields) -> Gru:
    return Gru(
        f.signal("source"), f.signal("target"), f.array("w_in", 2), f.array("w_state", 2),
        f.array("b_in", 1), f.array("b_state", 1), f.array("h0", 1),
    )  # fmt: skip


def _softmax(f: Fields) -> Softmax:
    return Softmax(f.signal("source"), f.signal("target"))


def _ssm(f: Fields) -> Ssm:
    arrays = f.array("a", 3), f.array("c", 3), f.array("d", 1)
    return Ssm(f.signal("source"), f.signal("target"), *arrays)


def _stage(f: Fields) -> Stage:
    """A box, tried at the model's rate: a player must not find out what it cannot do."""
    from engine.boxes import BoxError, read_box  # imported only where a file has a box

    try:
        box = read_box(f.node.node("box").values)
        box.state(f.sample_rate)
    except (BoxError, ArithmeticError) as error:
        f.node.refuse(f"box: {error}")
    return Stage(f.several("sources"), f.signal("target"), box, f.sample_rate)


READERS: dict[str, Callable[[Fields], Op]] = {
    "conv": _conv,
    "lstm": _lstm,
    "gru": _gru,
    "softmax": _softmax,
    "ssm": _ssm,
    "stage": _stage,
}
