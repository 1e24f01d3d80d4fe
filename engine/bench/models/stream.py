"""A ``Network`` played block by block by somebody else's operations: torch's, or ONNX's.

Each block is given with the past it needs and hands on the past of the next. A ``Maker`` does
the operations: at once, or by writing them into a graph.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Protocol

import numpy as np

from engine.neural.network import (
    Activate,
    Array,
    Blend,
    Conv,
    Film,
    Gate,
    Gru,
    Lstm,
    Network,
    NetworkError,
    Op,
    Prelu,
    Signal,
    Softmax,
    Step,
    Term,
)

BLOCK = 64


class Maker(Protocol):
    """Operations on sound, values which also know + - * / with each other and with numbers."""

    def conv(self, x: Any, term: Term, bias: Array | None) -> Any: ...
    def channels(self, values: Array) -> Any: ...
    def join(self, past: Any, x: Any) -> Any: ...
    def tail(self, x: Any, frames: int) -> Any: ...
    def halves(self, x: Any) -> tuple[Any, Any]: ...
    def tanh(self, x: Any) -> Any: ...
    def sigmoid(self, x: Any) -> Any: ...
    def abs(self, x: Any) -> Any: ...
    def clip(self, x: Any, low: float, high: float) -> Any: ...
    def elu(self, x: Any) -> Any: ...
    def leaky_relu(self, x: Any, slope: float) -> Any: ...
    def prelu(self, x: Any, slopes: Array) -> Any: ...
    def softmax(self, x: Any) -> Any: ...
    def lstm(self, op: Lstm, x: Any, h: Any, c: Any) -> tuple[Any, Any, Any]: ...
    def gru(self, op: Gru, x: Any, h: Any) -> tuple[Any, Any]: ...


def rest(network: Network) -> list[Array]:
    """What ``play`` needs to know of the past before the first block, in the order it asks.

    The past of a signal is (1, channels, 1, time), a recurrent layer's state (1, 1, hidden).
    """
    found: list[Array] = []
    depths = _depths(network)
    for op in network.ops:
        if isinstance(op, Conv):
            heard = [term.signal for term in op.terms if term.lookback]
            found += [_silence(signal, depths.pop(signal)) for signal in heard if signal in depths]
        elif isinstance(op, (Lstm, Gru)):
            starts = [op.h0, op.c0] if isinstance(op, Lstm) else [op.h0]
            found += [start.reshape(1, 1, -1) for start in starts]
    return found


def _silence(signal: Signal, depth: int) -> Array:
    return np.zeros((1, signal.channels, 1, depth), np.float32)


def play(network: Network, maker: Maker, sound: Any, past: Iterable[Any]) -> tuple[Any, list[Any]]:
    """What comes out of a block of ``sound``, and the past for the next one."""
    player = _Player(network, maker, sound, past)
    for op in network.ops:
        player.run(op)
    return player.values[network.output], player.kept


def _depths(network: Network) -> dict[Signal, int]:
    """How far back each signal is read, where it is."""
    found: dict[Signal, int] = {}
    for op in network.ops:
        for term in op.terms if isinstance(op, Conv) else ():
            if term.lookback:
                found[term.signal] = max(term.lookback, found.get(term.signal, 0))
    return found


class _Player:
    def __init__(self, network: Network, maker: Maker, sound: Any, past: Iterable[Any]) -> None:
        self.values: dict[Signal, Any] = {network.input: sound}
        self.kept: list[Any] = []
        self._maker, self._past = maker, iter(past)
        self._depths = _depths(network)
        self._joined: dict[Signal, Any] = {}

    def run(self, op: Op) -> None:
        if isinstance(op, Conv):
            self._conv(op)
        elif isinstance(op, Lstm):
            h, c = next(self._past), next(self._past)
            self.values[op.target], *kept = self._maker.lstm(op, self.values[op.source], h, c)
            self.kept += kept
        elif isinstance(op, Gru):
            h = next(self._past)
            self.values[op.target], *kept = self._maker.gru(op, self.values[op.source], h)
            self.kept += kept
        elif isinstance(op, Softmax):
            self.values[op.target] = self._maker.softmax(self.values[op.source])
        else:
            raise NetworkError(f"no peer plays {type(op).__name__}")

    def _conv(self, op: Conv) -> None:
        bias, parts = op.bias, []
        for term in op.terms:
            parts.append(self._maker.conv(self._heard(term), term, bias))
            bias = None
        parts += [self.values[signal] for signal in op.adds]
        if bias is not None:
            parts.append(self._maker.channels(bias))
        value = parts[0]
        for part in parts[1:]:
            value = value + part
        for step in op.steps:
            value = self._step(step, value)
        if op.target is not None:
            self.values[op.target] = value
        if op.total is not None:
            before = self.values.get(op.total)
            self.values[op.total] = value if before is None else before + value

    def _heard(self, term: Term) -> Any:
        """A block and as much of its past as the convolution reads."""
        value, depth = self.values[term.signal], self._depths.get(term.signal, 0)
        if not term.lookback:
            return value
        if term.signal not in self._joined:
            joined = self._maker.join(next(self._past), value)
            self._joined[term.signal] = joined
            self.kept.append(self._maker.tail(joined, depth))
        joined = self._joined[term.signal]
        same = term.lookback == depth
        return joined if same else self._maker.tail(joined, term.lookback + BLOCK)

    def _step(self, step: Step, x: Any) -> Any:
        if isinstance(step, Activate):
            return self._curve(step, x)
        if isinstance(step, Prelu):
            return self._maker.prelu(x, step.slopes)
        if isinstance(step, Film):
            x = x * self.values[step.scale]
            return x if step.shift is None else x + self.values[step.shift]
        assert isinstance(step, (Gate, Blend))
        low, high = self._maker.halves(x)
        bent, gate = self._curve(step.curve, low), self._curve(step.gate, high)
        return bent * gate if isinstance(step, Gate) else gate * (bent - low) + low

    def _curve(self, curve: Activate, x: Any) -> Any:
        m, name, constants = self._maker, curve.curve, curve.constants
        if name in ("tanh", "sigmoid", "elu"):
            return getattr(m, name)(x)
        if name == "relu":
            return m.leaky_relu(x, 0.0)
        if name == "leaky_relu":
            return m.leaky_relu(x, constants[0])
        if name == "silu":
            return x * m.sigmoid(x)
        if name == "softsign":
            return x / (m.abs(x) + 1.0)
        if name == "softsigmoid":
            return x / (m.abs(x) + 1.0) * 0.5 + 0.5
        if name == "hardtanh":
            return m.clip(x, *constants)
        if name == "hardswish":
            return x * m.clip(x + 3.0, 0.0, 6.0) * (1.0 / 6.0)
        if name == "leaky_hardtanh":
            low, high, below, above = constants
            inside = m.clip(x, low, high)
            past_end = (x - m.clip(x, low, 1e30)) * below + (x - m.clip(x, -1e30, high)) * above
            return inside + past_end
        assert name == "fast_tanh"
        a, square = m.abs(x), x * x
        rise = a * 2.45550750702956 + 2.45550750702956
        top = x * (rise + (a * 0.821226666969744 + 0.893229853513558) * square)
        size = m.abs(x + x * a * 0.814642734961073)
        return top / ((square + 2.44506634652299) * size + 2.44506634652299)
