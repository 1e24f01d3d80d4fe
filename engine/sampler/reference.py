"""The dissertation's programs, literally, in float64: what the kernels are measured against.

``rows`` copies of the network side by side, each with states of its own, over a buffer that rolls
on; slow, and no Python of the audio thread's. Dropout and noise are off: chance has no reference.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from engine.sampler.frames import from_log, points_of, to_log, window_of
from engine.sampler.model import SamplerModel

Wide = npt.NDArray[np.float64]


class Rows:
    """``rows`` copies of a model's layers and head, one step at a time."""

    def __init__(self, model: SamplerModel, rows: int) -> None:
        self.model = model
        self._layers = [
            tuple(np.asarray(a, np.float64) for a in (layer.kernel, layer.recurrent, layer.bias))
            for layer in model.layers
        ]
        self._head = [np.asarray(a, np.float64) for a in (model.head.kernel, model.head.bias)]
        self.states = [
            (np.zeros((rows, layer.hidden)), np.zeros((rows, layer.hidden)))
            for layer in model.layers
        ]

    def step(self, x: Wide, awake: npt.NDArray[np.bool_] | None = None) -> Wide:
        """What the head says to ``x`` (rows, inputs): (rows, outputs), standardised.

        Rows that are not ``awake`` stay as they were, and say 0.
        """
        alive = np.ones(len(x), bool) if awake is None else awake
        for number, (kernel, recurrent, bias) in enumerate(self._layers):
            h, c = self.states[number]
            gates = x @ kernel.T + h @ recurrent.T + bias
            i, f, g, o = np.split(gates, 4, axis=1)
            after_c = _sigmoid(f) * c + _sigmoid(i) * np.tanh(g)
            after_h = _sigmoid(o) * np.tanh(after_c)
            keep = alive[:, None]
            h, c = np.where(keep, after_h, h), np.where(keep, after_c, c)
            self.states[number] = (h, c)
            x = h + x if self.model.residual and h.shape == x.shape else h
        kernel, bias = self._head
        return np.where(alive[:, None], x @ kernel.T + bias, 0.0)


def _sigmoid(x: Wide) -> Wide:
    return np.asarray(1.0 / (1.0 + np.exp(-x)))


def literal(
    model: SamplerModel, seed: npt.ArrayLike, samples: int, rows: int, warm: int = 0
) -> Wide:
    """``samples`` after ``seed`` by ``rows`` rows; those of a transpose model are its taps.

    The layers follow the last ``warm`` samples of the seed; before it is silence. With ``warm`` 0
    they begin with zeros, as in the dissertation's program.
    """
    ways: dict[str, Any] = {"vector": _hops, "spectrum": _hops, "column": _column,
                            "transpose": _transpose}  # fmt: skip
    found: Wide = ways[model.approach](model, np.asarray(seed, np.float64), samples, rows, warm)
    return found


def _into(model: SamplerModel, x: Wide) -> Wide:
    return np.asarray((x - model.input_mean.astype(float)) / model.input_scale.astype(float))


def _out_of(model: SamplerModel, y: Wide) -> Wide:
    """What the head said, as it is heard."""
    y = y[..., : model.outputs]
    y = np.tanh(y) if model.squash == "tanh" else y
    return np.asarray(y * model.output_scale.astype(float) + model.output_mean.astype(float))


def _column(model: SamplerModel, seed: Wide, samples: int, rows: int, warm: int) -> Wide:
    """Rows lie one sample apart; only the last is heard. All follow the seed's end."""
    length = model.inputs
    line = np.concatenate([np.zeros(length + rows), seed])
    net, made = Rows(model, rows), []
    first = len(line) - warm
    for t in range(first, len(line) + samples):
        ends = t - np.arange(rows)[::-1]
        x = np.stack([line[end - length : end] for end in ends])
        y = _out_of(model, net.step(_into(model, x)))[-1, 0]
        if t >= len(line):
            line = np.append(line, y)
            made.append(y)
    return np.array(made)


def _transpose(model: SamplerModel, seed: Wide, samples: int, rows: int, warm: int) -> Wide:
    """Rows lie ``seg_len`` apart; each wakes when what it hears is within what is followed."""
    length, count = model.inputs, len(model.taps)
    assert rows == count
    line = np.concatenate([np.zeros(length * (count + 1)), seed])
    net, made, taps = Rows(model, count), [], model.taps.astype(float)
    first = len(line) - warm
    for t in range(first, len(line) + samples):
        ends = t - length * np.arange(count)[::-1]
        x = np.stack([line[end - length : end] for end in ends])
        said = net.step(_into(model, x), ends >= first)
        mixed = taps @ said
        mixed[0] += model.taps_bias
        y = _out_of(model, mixed[None])[0, 0]
        if t >= len(line):
            line = np.append(line, y)
            made.append(y)
    return np.array(made)


def _hops(model: SamplerModel, seed: Wide, samples: int, rows: int, warm: int) -> Wide:
    """Rows are the last vectors or frames; the buffer rolls on by a row.

    Of what is followed, a step is made where a hop begins, the last one too if it is cut short.
    """
    hop, spectral = model.hop_size, model.approach == "spectrum"
    length = model.window_size if spectral else model.inputs
    line = np.concatenate([np.zeros(length + rows * hop), seed])
    net = Rows(model, rows)
    frames: list[Wide] = []
    for end in range(len(line) - warm, len(line), hop):
        x = np.stack([_vector(model, line[: end - k * hop]) for k in range(rows)[::-1]])
        net.step(_into(model, x))
    buffer = [_vector(model, line[: len(line) - k * hop]) for k in range(rows)[::-1]]
    ramp = (np.arange(model.overlap) + 0.5) / max(1, model.overlap)
    fade, tail = 0.5 - 0.5 * np.cos(np.pi * ramp), None
    while len(frames) * hop < samples:
        y = _out_of(model, net.step(_into(model, np.stack(buffer))))[-1]
        if not spectral:
            y, following = y[:hop].copy(), y[hop:]
            if tail is not None:
                y[: len(tail)] = tail + (y[: len(tail)] - tail) * fade
            tail = following
        frames.append(y)
        following = y if spectral else np.concatenate([buffer[-1], y])[-length:]
        buffer = [*buffer[1:], following]
    if spectral:
        loud = np.array([from_log(f) if model.log else np.maximum(f, 0.0) for f in frames])
        return loud
    return np.concatenate(frames)[:samples]


def _vector(model: SamplerModel, line: Wide) -> Wide:
    """What a step hears when the line ends so."""
    if model.approach != "spectrum":
        return line[-model.inputs :]
    size = model.window_size
    points = points_of(size, model.zero_padding)
    frame = np.abs(np.fft.rfft(line[-size:] * window_of(size), points))[:-1]
    return np.asarray(to_log(frame) if model.log else frame)


def oscillators(magnitudes: npt.ArrayLike, hop: int, points: int, phase: npt.ArrayLike) -> Wide:
    """Section 3.2: one sine for every bin of ``magnitudes`` (frames, bins), peaks only.

    Amplitudes go in straight lines from frame to frame, from 0 before the first.
    """
    frames = np.asarray(magnitudes, np.float64)
    peaks = np.zeros((len(frames) + 1, frames.shape[1]))
    inner = frames[:, 1:-1]
    higher = (inner > frames[:, :-2]) & (inner > frames[:, 2:])
    peaks[1:, 1:-1] = np.where(higher, inner, 0.0)
    time = np.arange(len(frames) * hop)
    share = (time % hop / hop)[:, None]
    out = np.zeros(len(time))
    for first in range(0, len(time), hop):
        t = time[first : first + hop, None]
        n = first // hop
        bank = np.sin(2.0 * np.pi * np.arange(frames.shape[1]) * t / points + np.asarray(phase))
        mix = peaks[n] + (peaks[n + 1] - peaks[n]) * share[first : first + hop]
        out[first : first + hop] = (bank * mix).sum(axis=1)
    return out


__all__ = ["Rows", "literal", "oscillators"]
