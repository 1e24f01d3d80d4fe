"""Plays a network slowly and plainly, in double precision: what kernels are compared with."""

from __future__ import annotations

import numpy as np

from engine.boxes import play
from engine.neural.network import (
    Activate,
    Blend,
    Conv,
    Film,
    Gate,
    Gru,
    Lstm,
    Network,
    Prelu,
    Signal,
    Softmax,
    Ssm,
    Stage,
    Term,
)


def render(network, audio, *, fast=False, knobs=(), warm=0):
    """Return what a network makes of ``audio`` (frames,), after ``warm`` frames of silence.

    ``knobs`` are the values its inputs 1, 2 ... hold all along. ``fast`` takes the rational of
    NAM's players for tanh, and for sigmoid what they make of it. All history before the first
    frame is zeros; recurrent layers start from the states in the network.
    """
    frames = warm + len(audio)
    sound = np.zeros((network.input.channels, frames))
    sound[0, warm:] = audio
    for number, value in enumerate(knobs, 1):
        sound[number] = value
    return Run(network, fast).play(sound)[0, warm:]


def played(network: Network, sound, *, fast=False):
    """Return the output (channels, frames) for all channels of input, knobs included."""
    return Run(network, fast).play(np.asarray(sound, float))


class Run:
    """One pass over a whole sound."""

    def __init__(self, network: Network, fast: bool) -> None:
        self.network, self.fast = network, fast
        self.made: dict[Signal, np.ndarray] = {}

    def play(self, sound):
        self.made[self.network.input] = sound
        for op in self.network.ops:
            KINDS[type(op)](self, op)
        return self.made[self.network.output]

    def conv(self, op: Conv) -> None:
        result = sum(self.term(term) for term in op.terms) + sum(self.made[s] for s in op.adds)
        if op.bias is not None:
            result = result + op.bias.astype(float)[:, None]
        for step in op.steps:
            result = self.step(step, result)
        if op.target is not None:
            self.made[op.target] = result
        if op.total is not None:
            # The first operation that names a total stores it.
            self.made[op.total] = self.made[op.total] + result if op.total in self.made else result

    def term(self, term: Term):
        x = self.made[term.signal]
        out, into, taps = term.weights.shape
        frames, rows = x.shape[1], out // term.groups
        result = np.zeros((out, frames))
        for tap in range(taps):
            late = (taps - 1 - tap) * term.dilation
            past = np.zeros_like(x)
            if late < frames:
                past[:, late:] = x[:, : frames - late]
            for g in range(term.groups):
                weights = term.weights[g * rows : (g + 1) * rows, :, tap].astype(float)
                result[g * rows : (g + 1) * rows] += weights @ past[g * into : (g + 1) * into]
        return result

    def step(self, step, x):
        if isinstance(step, Activate):
            return self.curve(step, x)
        if isinstance(step, Prelu):
            return np.where(x > 0, x, step.slopes.astype(float)[:, None] * x)
        if isinstance(step, Film):
            shift = 0.0 if step.shift is None else self.made[step.shift]
            return x * self.made[step.scale] + shift
        first, second = np.split(x, 2)
        bent, gate = self.curve(step.curve, first), self.curve(step.gate, second)
        if isinstance(step, Gate):
            return bent * gate
        assert isinstance(step, Blend)
        return gate * bent + (1 - gate) * first

    def tanh(self, x):
        return fast_tanh(x) if self.fast else np.tanh(x)

    def sigmoid(self, x):
        return 0.5 * (self.tanh(0.5 * x) + 1)

    def curve(self, step: Activate, x):
        c = step.constants
        if step.curve == "leaky_hardtanh":
            low, high, below, above = c
            bent = np.where(x < low, low + (x - low) * below, x)
            return np.where(x > high, high + (x - high) * above, bent)
        return {
            "tanh": lambda: self.tanh(x),
            "sigmoid": lambda: self.sigmoid(x),
            "relu": lambda: np.maximum(x, 0),
            "silu": lambda: x * self.sigmoid(x),
            "softsign": lambda: x / (1 + np.abs(x)),
            "hardtanh": lambda: np.clip(x, *c),
            "leaky_relu": lambda: np.where(x > 0, x, c[0] * x),
            "hardswish": lambda: x * np.clip(x + 3, 0, 6) / 6,
            "fast_tanh": lambda: fast_tanh(x),
            "softsigmoid": lambda: (1 + x / (1 + np.abs(x))) / 2,
            "elu": lambda: np.where(x > 0, x, np.expm1(np.minimum(x, 0))),
        }[step.curve]()

    def lstm(self, op: Lstm) -> None:
        fed = op.w_in.astype(float) @ self.made[op.source] + op.bias.astype(float)[:, None]
        h, c, state = op.h0.astype(float), op.c0.astype(float), op.w_state.astype(float)
        heard = np.empty((len(h), fed.shape[1]))
        for n in range(fed.shape[1]):
            i, f, g, o = np.split(fed[:, n] + state @ h, 4)
            c = self.sigmoid(f) * c + self.sigmoid(i) * self.tanh(g)
            h = self.sigmoid(o) * self.tanh(c)
            heard[:, n] = h
        self.made[op.target] = heard

    def gru(self, op: Gru) -> None:
        fed = op.w_in.astype(float) @ self.made[op.source] + op.b_in.astype(float)[:, None]
        h, state, bias = op.h0.astype(float), op.w_state.astype(float), op.b_state.astype(float)
        heard = np.empty((len(h), fed.shape[1]))
        for n in range(fed.shape[1]):
            (r_in, z_in, n_in), own = np.split(fed[:, n], 3), np.split(state @ h + bias, 3)
            r, z = self.sigmoid(r_in + own[0]), self.sigmoid(z_in + own[1])
            h = (1 - z) * self.tanh(n_in + r * own[2]) + z * h
            heard[:, n] = h
        self.made[op.target] = heard

    def softmax(self, op: Softmax) -> None:
        powers = np.exp(self.made[op.source] - self.made[op.source].max(axis=0))
        self.made[op.target] = powers / powers.sum(axis=0)

    def ssm(self, op: Ssm) -> None:
        a, c = (part.astype(float) @ [1, 1j] for part in (op.a, op.c))
        x, state = self.made[op.source], np.zeros_like(a)
        heard = np.empty_like(x)
        for n in range(x.shape[1]):
            state = a * state + x[:, n, None]
            heard[:, n] = (c * state).sum(axis=1).real
        self.made[op.target] = heard + op.d.astype(float)[:, None] * x

    def stage(self, op: Stage) -> None:
        """A box is played by its own door, in single precision, sample by sample."""
        rows = np.concatenate([self.made[signal] for signal in op.sources])
        self.made[op.target] = play(op.box, rows, op.sample_rate, block=1)[None].astype(float)


KINDS = {
    Conv: Run.conv,
    Lstm: Run.lstm,
    Gru: Run.gru,
    Softmax: Run.softmax,
    Ssm: Run.ssm,
    Stage: Run.stage,
}


def fast_tanh(x):
    """The rational that NAM's plugin takes for tanh."""
    a, square = np.abs(x), x * x
    above = 2.45550750702956 * (1 + a) + (0.893229853513558 + 0.821226666969744 * a) * square
    below = (2.44506634652299 + square) * np.abs(x + 0.814642734961073 * x * a)
    return x * above / (2.44506634652299 + below)
