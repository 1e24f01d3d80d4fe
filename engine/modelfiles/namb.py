"""Reads ``.namb``, the compact binary of ``.nam``: its header, then the same model.

The layout is that of tone-3000/nam-binary-loader, version 1; described from its source and
not compared with its output. Little-endian throughout.
"""

from __future__ import annotations

import math
import struct
import zlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from engine.modelfiles.model import ModelFile
from engine.modelfiles.nam import read_nam
from engine.modelfiles.nam.plan import FILMS, GATINGS
from engine.modelfiles.reading import Node, refuse
from engine.neural.network import Array

MAGIC = b"BMAN"  # 0x4E414D42
HEADER = struct.Struct("<4sHHIIIII4x")
METADATA = struct.Struct("<BBBBdddd12x")
BLOCK_AT = HEADER.size + METADATA.size
DEPTH = 4
ACTIVATIONS = (
    "Tanh", "Hardtanh", "Fasttanh", "ReLU", "LeakyReLU", "PReLU", "Sigmoid", "SiLU",
    "Hardswish", "LeakyHardtanh", "Softsign",
)  # fmt: skip
LEVELS = ("loudness", "input_level_dbu", "output_level_dbu")


def read_namb(path: Path, data: bytes, sha256: str, core_compatible: bool = False) -> ModelFile:
    """Return the model of a ``.namb`` file; ModelFileError if it cannot be played."""
    if len(data) < BLOCK_AT + 4:
        refuse(path, f"has {len(data)} bytes, a .namb has at least {BLOCK_AT + 4}")
    _, version, _, size, offset, count, block, crc = HEADER.unpack_from(data)
    if version != 1:
        refuse(path, f"is .namb version {version}; supported: 1")
    if size > len(data):
        refuse(path, f"has {len(data)} bytes of {size}")
    if crc != (found := zlib.crc32(data[28:size], zlib.crc32(data[:24]))):
        refuse(path, f"is damaged: its checksum is {found:08x}, its header says {crc:08x}")
    if not BLOCK_AT + block <= offset <= offset + 4 * count <= size:
        refuse(path, f"weights: {count} at byte {offset} do not lie behind the model's block")
    weights = np.frombuffer(data, "<f4", count, offset)
    reader = Reader(path, data[BLOCK_AT:offset], weights)
    model = reader.metadata(data[HEADER.size : BLOCK_AT])
    model |= reader.block()
    model["weights"] = reader.weights
    return read_nam(Node(path, model), sha256, core_compatible, kind="namb")


@dataclass
class Reader:
    """The block of a model, taken from the front; what it says is made the same as in JSON."""

    path: Path
    data: bytes
    weights: Array
    at: int = field(default=0)
    depth: int = field(default=0)

    def take(self, layout: str) -> tuple[Any, ...]:
        """Return the next values of a ``struct`` layout."""
        size = struct.calcsize("<" + layout)
        if self.at + size > len(self.data):
            refuse(self.path, f"the model's block ends at byte {len(self.data)}, too early")
        values = struct.unpack_from("<" + layout, self.data, self.at)
        self.at += size
        return values

    def metadata(self, data: bytes) -> dict[str, Any]:
        """Return version, rate and levels of 48 bytes."""
        major, minor, patch, flags, rate, *levels = METADATA.unpack(data)
        named = zip(LEVELS, levels, strict=True)
        told = {name: level for bit, (name, level) in enumerate(named) if flags >> bit & 1}
        version = f"{major}.{minor}.{patch}"
        # A rate that is not known is written as -1.
        known = {"sample_rate": rate} if math.isfinite(rate) and rate > 0 else {}
        return {"version": version, "metadata": told, **known}

    def block(self) -> dict[str, Any]:
        """Return the architecture and configuration of the next block."""
        kinds = {0: self._linear, 1: self._convnet, 2: self._lstm, 3: self._wavenet}
        kind, *_ = self.take("BBH")
        if kind not in kinds:
            refuse(self.path, f"architecture {kind} is not supported; supported: 0 to 3")
        name = ("Linear", "ConvNet", "LSTM", "WaveNet")[kind]
        return {"architecture": name, "config": kinds[kind]()}

    def _linear(self) -> dict[str, Any]:
        return self._named("iBBBx", "receptive_field", "bias", "in_channels", "out_channels")

    def _lstm(self) -> dict[str, Any]:
        names = ("num_layers", "input_size", "hidden_size", "in_channels", "out_channels")
        return self._named("HHHBB2x", *names)

    def _named(self, layout: str, *names: str) -> dict[str, Any]:
        return dict(zip(names, self.take(layout), strict=True))

    def _convnet(self) -> dict[str, Any]:
        channels, norm, count, groups, _, outputs = self.take("HBBHBB")
        activation = self._activation()
        return {
            "channels": channels,
            "batchnorm": norm,
            "groups": groups,
            "out_channels": outputs,
            "activation": activation,
            "dilations": list(self.take(f"{count}i")),
        }

    def _wavenet(self) -> dict[str, Any]:
        inputs, head, arrays, condition = self.take("BBBB")
        if head:
            refuse(self.path, "has a head after the stack, which .namb 1 cannot hold")
        config: dict[str, Any] = {"in_channels": inputs}
        if condition:
            config["condition_dsp"] = self._condition()
        config["layers"] = [self._array() for _ in range(arrays)]
        return config

    def _condition(self) -> dict[str, Any]:
        """Return the model that conditions; its weights come first."""
        (count,) = self.take("I")
        if count > len(self.weights) or self.depth >= DEPTH:
            refuse(self.path, f"condition {self.depth + 1} with {count} weights does not fit")
        inner = Reader(self.path, self.data, self.weights[:count], self.at, self.depth + 1)
        model = inner.metadata(bytes(inner.take("48s")[0]))
        model |= inner.block()
        model["weights"] = inner.weights
        self.at, self.weights = inner.at, self.weights[count:]
        return model

    def _array(self) -> dict[str, Any]:
        names = ("input_size", "condition_size", "head_size", "channels", "bottleneck")
        array = self._named("5H", *names)
        head_taps, head_bias, count, groups, mixin = self.take("HBBHH")
        outputs = array.pop("head_size")
        array["head"] = {"out_channels": outputs, "kernel_size": head_taps or 1, "bias": head_bias}
        array |= {"groups_input": groups, "groups_input_mixin": mixin}
        array["layer1x1"] = self._named("BHx", "active", "groups")
        array["head1x1"] = self._named("BHHx", "active", "out_channels", "groups")
        if not array["head1x1"]["active"]:
            del array["head1x1"]
        for name in FILMS:
            flags, groups = self.take("BxH")
            array[name] = {"active": flags & 1, "shift": flags >> 1 & 1, "groups": groups}
        array["dilations"] = list(self.take(f"{count}i"))
        array["kernel_sizes"] = list(self.take(f"{count}H"))
        array["activation"] = [self._activation() for _ in range(count)]
        # Players take an unknown gating for none.
        array["gating_mode"] = [GATINGS[g if g < 3 else 0] for g in self.take(f"{count}B")]
        array["secondary_activation"] = [self._activation() for _ in range(count)]
        return array

    def _activation(self) -> dict[str, Any]:
        kind, count = self.take("BB")
        values = list(self.take(f"{count}f"))
        if kind >= len(ACTIVATIONS):
            last = len(ACTIVATIONS) - 1
            refuse(self.path, f"activation {kind} is not supported; supported: 0 to {last}")
        activation: dict[str, Any] = {"type": ACTIVATIONS[kind]}
        names = ("min_val", "max_val", "min_slope", "max_slope")
        if activation["type"] == "LeakyReLU" and values:
            activation["negative_slope"] = values[0]
        elif activation["type"] == "PReLU" and values:
            activation["negative_slopes"] = values
        elif activation["type"] == "LeakyHardtanh" and count >= 4:
            activation |= zip(names, values[:4], strict=True)
        return activation
