"""A sampler as it is kept and played: an LSTM that has learnt a recording, without its trainer.

One step, in standardised numbers (Pfalz, Generating Audio Using Recurrent Neural Networks, 2018;
its ``num_unrollings`` rows never talk to each other, so one row is all there is to compute):

    x -> layer 1 -> ... -> layer L -> head -> squash -> y
    a layer: its input is dropped out; LSTM; with ``residual`` the input is added where sizes
    agree; its output is dropped out

``x`` is (given - input_mean) / input_scale and what is made y * output_scale + output_mean.

vector      x the last ``seg_len`` samples, oldest first; y the next ones, as many as the head
            has rows. Then the window moves on by as many, less the job's ``overlap`` (0 if it
            names none): that many of y's last samples are crossfaded with the next y's first.
column      x the same; y the next sample. Then the window moves on by one.
transpose   as column, but y sees N = ``num_unrollings`` rows at once, each a window ``seg_len``
            samples before the next: with u(t) what the head says at step t, 0 before the first,
            y(t) = squash(taps_bias + sum over i of taps[i] u(t - (N - 1 - i) seg_len)).
spectrum    x a frame of magnitudes (engine.sampler.frames), y the next; ``log``: of logarithms.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.sampler.errors import SamplerError

APPROACHES = ("vector", "column", "transpose", "spectrum")
SQUASHES = ("none", "tanh")
STORAGES = ("float32", "bfloat16", "int8")
RATES = (1_000, 192_000)
MOST_APART_S = 60.0
MOST = {"layers": 16, "hidden": 8192, "inputs": 65_536, "outputs": 65_536, "taps": 4096}
"""More of anything is no sampler."""
MOST_REACH = 1 << 24
"""Samples that all taps together reach back: so many are remembered."""

Array = NDArray[np.float32]


def _zeros() -> Array:
    return np.zeros(0, np.float32)


@dataclass(frozen=True, eq=False)
class Layer:
    """An LSTM layer; gates in the order i, f, g, o; one bias, the sum of torch's two."""

    kernel: Array  # (4 hidden, inputs)
    recurrent: Array  # (4 hidden, hidden)
    bias: Array  # (4 hidden,)

    @property
    def hidden(self) -> int:
        """Units."""
        return self.recurrent.shape[1]

    @property
    def inputs(self) -> int:
        """Numbers that go in."""
        return self.kernel.shape[1]


@dataclass(frozen=True, eq=False)
class Head:
    """A matrix behind the last layer."""

    kernel: Array  # (outputs, hidden)
    bias: Array  # (outputs,)


@dataclass(frozen=True, eq=False)
class SamplerModel:
    """Weights and what must be known to play them; arrays are float32.

    ``input_dropout`` and ``output_dropout`` are the chance to *keep* a number, as in the
    dissertation: 1 drops nothing. What is kept is divided by it. ``spread`` (outputs,) is the
    standard deviation of what the prediction missed in training, standardised: the noise at
    temperature 1; empty for none. With ``learns_spread`` the head has as many rows again, which
    tell the natural logarithm of that deviation, step by step. ``storage`` says in what the
    weights were rounded to be kept.
    """

    approach: str  # one of APPROACHES
    rate: int  # samples a second
    job: Mapping[str, Any]  # as it was trained, for the record; hop_size and its like from there
    layers: tuple[Layer, ...]
    head: Head
    residual: bool = False
    squash: str = "none"  # one of SQUASHES
    input_dropout: float = 1.0
    output_dropout: float = 1.0
    input_mean: Array = field(default_factory=lambda: np.zeros(1, np.float32))  # (1,) or (inputs,)
    input_scale: Array = field(default_factory=lambda: np.ones(1, np.float32))
    output_mean: Array = field(default_factory=lambda: np.zeros(1, np.float32))  # or (outputs,)
    output_scale: Array = field(default_factory=lambda: np.ones(1, np.float32))
    log: bool = False
    taps: Array = field(default_factory=_zeros)  # (num_unrollings,), transpose only, oldest first
    taps_bias: float = 0.0
    spread: Array = field(default_factory=_zeros)
    learns_spread: bool = False
    storage: str = "float32"  # one of STORAGES

    @property
    def inputs(self) -> int:
        """Numbers that go into a step: ``seg_len``, or a frame's bins."""
        return self.layers[0].inputs

    @property
    def outputs(self) -> int:
        """Numbers that a step makes."""
        return len(self.head.bias) // (2 if self.learns_spread else 1)

    @property
    def window_size(self) -> int:
        """Samples of a spectrum's window."""
        return self._whole("window_size", 16, 16_384)

    @property
    def hop_size(self) -> int:
        """Samples that a step makes."""
        if self.approach != "spectrum":
            return self.outputs - self.overlap
        return self._whole("hop_size", 1, 16_384)

    @property
    def kicks(self) -> float:
        """Steps, on average, until a dream goes on from another moment of what it heard; 0: never.

        ``kicks_s`` of the job are seconds.
        """
        apart = self.job.get("kicks_s", 0.0)
        if type(apart) not in (int, float) or not 0.0 <= apart <= MOST_APART_S:
            raise SamplerError(f"the job's kicks_s = {apart!r} is not 0 to {MOST_APART_S:g}")
        return apart * self.rate / self.hop_size

    @property
    def pitches(self) -> tuple[float, ...]:
        """Pitch classes (12,) of what was learnt, of a spectrum whose job tells them; or none."""
        given = self.job.get("pitches", []) if self.approach == "spectrum" else []
        if not isinstance(given, list) or len(given) not in (0, 12):
            raise SamplerError(f"the job's pitches = {given!r} are not 12 numbers")
        if not all(type(one) in (int, float) and 0.0 <= one <= 1.0 for one in given):
            raise SamplerError(f"the job's pitches = {given!r} are not all 0 to 1")
        return tuple(given)

    @property
    def overlap(self) -> int:
        """Samples of a vector's end that are crossfaded with the next one's beginning."""
        if self.approach != "vector" or "overlap" not in self.job:
            return 0
        return self._whole("overlap", 0, self.outputs // 2)

    @property
    def zero_padding(self) -> bool:
        """Whether as many zeros follow a spectrum's window."""
        return bool(self.job.get("zero_padding", False))

    def arrays(self) -> Iterator[tuple[str, Array, tuple[int, ...]]]:
        """Every array, its name in a file and the shape it must have."""
        below = self.layers[0].inputs
        for number, layer in enumerate(self.layers):
            rows = 4 * layer.hidden
            yield f"kernel{number}", layer.kernel, (rows, below)
            yield f"recurrent{number}", layer.recurrent, (rows, layer.hidden)
            yield f"bias{number}", layer.bias, (rows,)
            below = layer.hidden
        yield "head", self.head.kernel, (len(self.head.bias), below)
        yield "head_bias", self.head.bias, (len(self.head.bias),)
        for name in ("input_mean", "input_scale", "output_mean", "output_scale"):
            count = self.inputs if name.startswith("input") else self.outputs
            array: Array = getattr(self, name)
            one = array.shape == (1,) or self.approach in ("column", "transpose")
            yield name, array, (1 if one else count,)
        yield "taps", self.taps, (len(self.taps),)
        yield "spread", self.spread, (self.outputs if len(self.spread) else 0,)

    def check(self) -> None:
        """Raise SamplerError, one line, if this can not be played."""
        _one_of("approach", self.approach, APPROACHES)
        _one_of("squash", self.squash, SQUASHES)
        _one_of("storage", self.storage, STORAGES)
        _within("rate", self.rate, *RATES)
        for name in ("input_dropout", "output_dropout"):
            if not 0.0 < getattr(self, name) <= 1.0:
                raise SamplerError(f"{name} = {getattr(self, name):g} is outside 0 to 1")
        _within("layers", len(self.layers), 1, MOST["layers"])
        for name, array, shape in self.arrays():
            if array.shape != shape or array.dtype != np.float32:
                raise SamplerError(f"{name} is {array.dtype} {array.shape}, not float32 {shape}")
            if not np.isfinite(array).all():
                raise SamplerError(f"{name} holds values that are not finite")
        self._check_sizes()

    def _check_sizes(self) -> None:
        for layer in self.layers:
            _within("hidden", layer.hidden, 1, MOST["hidden"])
        _within("inputs", self.inputs, 1, MOST["inputs"])
        _within("outputs", self.outputs, 1, MOST["outputs"])
        _within("taps", len(self.taps), *((1, MOST["taps"]) if self._mixes else (0, 0)))
        if self.learns_spread and len(self.head.bias) % 2:
            raise SamplerError(f"a head that learns its spread has {len(self.head.bias)} rows")
        if self.learns_spread and self.approach in ("vector", "spectrum"):
            raise SamplerError(f"{self.approach} does not learn its spread; column, transpose do")
        if self.approach in ("column", "transpose") and self.outputs != 1:
            raise SamplerError(f"{self.approach} makes {self.outputs} numbers a step, not 1")
        if not ((self.input_scale > 0.0).all() and (self.output_scale > 0.0).all()):
            raise SamplerError("a scale is not above 0")
        if not math.isfinite(self.taps_bias):
            raise SamplerError(f"taps_bias = {self.taps_bias:g} is not finite")
        reach = len(self.taps) * self.inputs
        if reach > MOST_REACH:
            told = f"{len(self.taps)} taps {self.inputs} samples apart"
            raise SamplerError(f"{told} reach {reach} samples back; at most {MOST_REACH} can be")
        _ = self.kicks, self.pitches  # raise where they cannot be known
        if self.approach == "spectrum":
            from engine.sampler.frames import bins_of

            bins = bins_of(self.window_size, self.zero_padding)
            _within("hop_size", self.hop_size, 1, self.window_size)
            if (self.inputs, self.outputs) != (bins, bins):
                raise SamplerError(
                    f"{self.inputs} numbers in and {self.outputs} out; a window of "
                    f"{self.window_size} has {bins} bins"
                )

    @property
    def _mixes(self) -> bool:
        return self.approach == "transpose"

    def _whole(self, name: str, low: int, high: int) -> int:
        value = self.job.get(name)
        if type(value) is not int:
            raise SamplerError(f"the job's {name} = {value!r} is not a whole number")
        _within(name, value, low, high)
        return value


def _one_of(name: str, given: str, known: tuple[str, ...]) -> None:
    if given not in known:
        raise SamplerError(f"{name} = {given!r} is not one of {', '.join(known)}")


def _within(name: str, given: int, low: int, high: int) -> None:
    if not low <= given <= high:
        raise SamplerError(f"{name} = {given} is outside {low} to {high}")


__all__ = ["APPROACHES", "SQUASHES", "STORAGES", "Array", "Head", "Layer", "SamplerModel"]
