"""A WaveNet played straight from its JSON, written from the description of the format.

It shares nothing with the readers: no network, no plan, one sample's matrix at a time over
the whole sound. Slow, and only for tests.
"""

from __future__ import annotations

import numpy as np

PLACES = (
    "conv_pre_film",
    "conv_post_film",
    "input_mixin_pre_film",
    "input_mixin_post_film",
    "activation_pre_film",
    "activation_post_film",
    "layer1x1_post_film",
    "head1x1_post_film",
)


def play(document, sound, condition=None):
    """Return all channels of output for ``sound`` (channels, frames).

    A condition that is no WaveNet is given as what it makes of the sound.
    """
    config, left, y, head = document["config"], list(document["weights"]), sound, None
    inner = config.get("condition_dsp")
    if condition is None:
        condition = play(inner, sound) if inner else sound
    for array in config["layers"]:
        y, head = play_array(array, left, y, head, condition)
    after = config.get("head")
    heads = []
    if after:
        into, widths = len(head), [after["channels"]] * (len(after["kernel_sizes"]) - 1)
        for out, taps in zip([*widths, after["out_channels"]], after["kernel_sizes"], strict=True):
            heads.append(take(left, out, into, taps))
            into = out
    (scale,) = left
    head = scale * head
    for weights, bias in heads:
        head = convolve(bend(after["activation"], head), weights, bias)
    return head


def play_array(array, left, y, head, condition):
    channels, count = array["channels"], len(array["dilations"])
    narrow = array.get("bottleneck", channels)
    into = condition.shape[0]

    def each(key, default=None):
        value = array.get(key, default)
        return value if isinstance(value, list) else [value] * count

    gatings = each("gating_mode", "gated" if array.get("gated") else "none")
    taps = each("kernel_sizes" if "kernel_sizes" in array else "kernel_size")
    one, mix = array.get("layer1x1", {}), array.get("head1x1", {"active": False})
    y = convolve(y, *take(left, channels, array["input_size"], bias=False))
    for n in range(count):
        wide = narrow * (1 if gatings[n] == "none" else 2)
        conv = take(left, wide, channels, taps[n], array.get("groups_input", 1))
        mixin = take(left, wide, into, 1, array.get("groups_input_mixin", 1), bias=False)
        layer1x1 = head1x1 = None
        if one.get("active", True):
            layer1x1 = take(left, channels, narrow, 1, one.get("groups", 1))
        if mix["active"]:
            head1x1 = take(left, mix["out_channels"], narrow, 1, mix.get("groups", 1))
        dims = (channels, wide, into, wide, wide, narrow, channels, mix.get("out_channels"))
        films = {}
        for place, dim in zip(PLACES, dims, strict=True):
            film = array.get(place)
            if film and film.get("active", True):
                rows = dim * (2 if film.get("shift", True) else 1)
                films[place] = take(left, rows, into, 1, film.get("groups", 1))

        def at(place, f, films=films):
            if place not in films:
                return f
            g = convolve(condition, *films[place])
            return f * g[: len(f)] + (g[len(f) :] if len(g) > len(f) else 0)

        z = at(PLACES[1], convolve(at(PLACES[0], y), *conv, array["dilations"][n]))
        z = z + at(PLACES[3], convolve(at(PLACES[2], condition), *mixin))
        z = at(PLACES[4], z)
        a = bend(each("activation")[n], z[:narrow])
        if gatings[n] != "none":
            gate = bend(each("secondary_activation", "Sigmoid")[n], z[narrow:])
            a = gate * a if gatings[n] == "gated" else gate * a + (1 - gate) * z[:narrow]
        a = at(PLACES[5], a)
        part = at(PLACES[7], convolve(a, *head1x1)) if head1x1 else a
        head = part if head is None else head + part
        if layer1x1:
            y = y + at(PLACES[6], convolve(a, *layer1x1))
    told = array.get("head") or {"out_channels": array["head_size"], "bias": array["head_bias"]}
    taps_out = told.get("kernel_size", 1)
    last = take(left, told["out_channels"], len(head), taps_out, bias=told["bias"])
    return y, convolve(head, *last, told.get("head_dilation", 1))


def take(left, out, into, taps=1, groups=1, bias=True):
    """Take a convolution from the front: (out, in, taps) with zeros between groups, bias."""
    whole = np.zeros((out, into, taps))
    for row in range(out):
        first = row // (out // groups) * (into // groups)
        for column in range(first, first + into // groups):
            for tap in range(taps):
                whole[row, column, tap] = left.pop(0)
    return whole, np.array([left.pop(0) for _ in range(out)]) if bias else None


def convolve(x, weights, bias, dilation=1):
    out, _, taps = weights.shape
    result = np.zeros((out, x.shape[1]))
    for back in range(taps):
        late = back * dilation
        shifted = np.pad(x, ((0, 0), (late, 0)))[:, : x.shape[1]]
        result += weights[:, :, taps - 1 - back] @ shifted
    return result if bias is None else result + bias[:, None]


def bend(told, x):
    told = {"type": told} if isinstance(told, str) else told
    slopes = np.array(told.get("negative_slopes", told.get("negative_slope", 0.01)))
    low, high = told.get("min_val", -1.0), told.get("max_val", 1.0)
    below, above = told.get("min_slope", 0.01), told.get("max_slope", 0.01)
    return {
        "Tanh": lambda: np.tanh(x),
        "Sigmoid": lambda: 1 / (1 + np.exp(-x)),
        "ReLU": lambda: np.maximum(x, 0),
        "SiLU": lambda: x / (1 + np.exp(-x)),
        "Softsign": lambda: x / (1 + np.abs(x)),
        "Hardswish": lambda: x * np.clip(x + 3, 0, 6) / 6,
        "Hardtanh": lambda: np.clip(x, low, high),
        "LeakyReLU": lambda: np.where(x > 0, x, slopes * x),
        "PReLU": lambda: np.where(x > 0, x, slopes.reshape(-1, 1) * x),
        "LeakyHardtanh": lambda: (
            np.clip(x, low, high) + below * np.minimum(x - low, 0) + above * np.maximum(x - high, 0)
        ),
    }[told["type"]]()
