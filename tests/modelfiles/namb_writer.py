"""Writes ``.namb``, for tests of its reader: the layout again, the other way."""

from __future__ import annotations

import struct
import zlib

import numpy as np
from modelfiles import samples
from modelfiles.reference import PLACES

CURVES = ("Tanh", "Hardtanh", "Fasttanh", "ReLU", "LeakyReLU", "PReLU", "Sigmoid", "SiLU")
CURVES += ("Hardswish", "LeakyHardtanh", "Softsign")
KINDS = ("Linear", "ConvNet", "LSTM", "WaveNet")
LEVELS = ("loudness", "input_level_dbu", "output_level_dbu")


def write(document):
    """Return a ``.nam`` document as ``.namb``."""
    block, values = model_block(document), np.array(all_weights(document), "<f4").tobytes()
    offset = 80 + len(block) + -len(block) % 4
    head = struct.pack("<IHHI", 0x4E414D42, 1, 0, offset + len(values))
    head += struct.pack("<III", offset, len(values) // 4, len(block))
    rest = bytes(4) + described(document) + block.ljust(offset - 80, b"\0") + values
    return head + struct.pack("<I", zlib.crc32(head + rest)) + rest


def all_weights(document):
    inner = document["config"].get("condition_dsp")
    return [*(all_weights(inner) if inner else []), *document["weights"]]


def described(document):
    told = [document.get("metadata", {}).get(key) for key in LEVELS]
    flags = sum(1 << bit for bit, level in enumerate(told) if level is not None)
    version = [int(part) for part in document["version"].split(".")]
    levels = [level or 0.0 for level in told]
    return struct.pack("<BBBBdddd12x", *version, flags, document.get("sample_rate", -1), *levels)


def model_block(document):
    kind, config = KINDS.index(document["architecture"]), document["config"]
    body = (linear, convnet, lstm, wavenet)[kind](config)
    return struct.pack("<BBH", kind, 0, len(body)) + body


def linear(config):
    return struct.pack("<iBBBx", config["receptive_field"], config["bias"], 1, 1)


def lstm(config):
    return struct.pack("<HHHBB2x", config["num_layers"], 1, config["hidden_size"], 1, 1)


def convnet(config):
    dilations = config["dilations"]
    front = struct.pack("<HBBHBB", config["channels"], config["batchnorm"], len(dilations), 1, 1, 1)
    return front + curve(config["activation"]) + struct.pack(f"<{len(dilations)}i", *dilations)


def wavenet(config):
    inner, body = config.get("condition_dsp"), b""
    body = struct.pack("<BBBB", 1, 0, len(config["layers"]), inner is not None)
    if inner:
        body += struct.pack("<I", len(all_weights(inner))) + described(inner) + model_block(inner)
    return body + b"".join(map(array, config["layers"]))


def array(config):
    dilations, channels = config["dilations"], config["channels"]
    count = len(dilations)
    bottleneck = config.get("bottleneck", channels)
    one, mix = config.get("layer1x1", {}), config.get("head1x1", {})
    body = struct.pack(
        "<6HBBHH",
        config["input_size"],
        config["condition_size"],
        config["head_size"],
        channels,
        bottleneck,
        0,
        config["head_bias"],
        count,
        config.get("groups_input", 1),
        config.get("groups_input_mixin", 1),
    )
    body += struct.pack("<BHx", one.get("active", True), one.get("groups", 1))
    out, groups = mix.get("out_channels", channels), mix.get("groups", 1)
    body += struct.pack("<BHHx", mix.get("active", False), out, groups)
    for place in PLACES:
        film = config.get(place, {"active": False})
        flags = film["active"] + 2 * film.get("shift", True)
        body += struct.pack("<BxH", flags, film.get("groups", 1))
    body += struct.pack(f"<{count}i", *dilations)
    body += struct.pack(f"<{count}H", *[config["kernel_size"]] * count)

    def each(key, default):
        value = config.get(key, default)
        return value if isinstance(value, list) else [value] * count

    body += b"".join(map(curve, each("activation", None)))
    body += bytes(("none", "gated", "blended").index(g) for g in each("gating_mode", "none"))
    return body + b"".join(map(curve, each("secondary_activation", "Sigmoid")))


def curve(told):
    told = {"type": told} if isinstance(told, str) else told
    values = told.get("negative_slopes") or [v for k, v in told.items() if k != "type"]
    kind = CURVES.index(told["type"])
    return struct.pack(f"<BB{len(values)}f", kind, len(values), *values)


def modulated():
    """``samples.modulated`` without the head after the stack, which the format cannot hold."""
    document = samples.modulated()
    return {
        **document,
        "config": {**document["config"], "head": None},
        "weights": [*document["weights"][:-20], 0.5],
    }
