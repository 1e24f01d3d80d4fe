"""The same network in PyTorch, as a competent user would stream it: eager, or traced."""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from engine.bench.models.stream import BLOCK, play, rest
from engine.neural.network import Array, Gru, Lstm, Network, Term


class TorchPeer:
    """Plays a network block by block on one thread. ImportError where torch is not installed."""

    def __init__(self, network: Network, traced: bool) -> None:
        self._torch = torch = importlib.import_module("torch")
        torch.set_num_threads(1)
        maker = _Torch(torch)

        def block(sound: Any, *past: Any) -> tuple[Any, ...]:
            made, kept = play(network, maker, sound, past)
            return (made, *kept)

        arrays = [array[:, :, 0] if array.ndim == 4 else array for array in rest(network)]
        self._rest = [torch.from_numpy(np.array(array)) for array in arrays]
        self._sound = torch.zeros((1, network.input.channels, BLOCK))
        self._block: Callable[..., Any] = block
        if traced:
            self._block = self._trace(block)
        self.reset()

    def _trace(self, block: Callable[..., Any]) -> Callable[..., Any]:
        torch = self._torch
        kind = type("Streamed", (torch.nn.Module,), {"forward": lambda _, *given: block(*given)})
        with warnings.catch_warnings(), torch.inference_mode():
            warnings.simplefilter("ignore")  # it announces torch.compile, which needs a compiler
            made: Callable[..., Any] = torch.jit.freeze(
                torch.jit.trace(kind().eval(), (self._sound, *self._rest), check_trace=False)
            )
        return made

    def reset(self) -> None:
        """Forget what was played."""
        self._past = list(self._rest)

    def play(self, block: Array) -> Array:
        """What the network makes of a block (inputs, BLOCK), going on."""
        self._sound.copy_(self._torch.from_numpy(block[None]))
        made: Array = self._once().numpy()[0].copy()
        return made

    def run(self, blocks: int) -> None:
        """Play the last block again, so many times."""
        for _ in range(blocks):
            self._once()

    def _once(self) -> Any:
        with self._torch.inference_mode():
            made, *self._past = self._block(self._sound, *self._past)
        return made


class _Torch:
    def __init__(self, torch: Any) -> None:
        self._torch, self._f = torch, torch.nn.functional
        self._kept: dict[int, tuple[Any, Any]] = {}

    def channels(self, values: Array) -> Any:
        return self._constant(values)[None, :, None]

    def _constant(self, values: Array) -> Any:
        """The array as a tensor: made once, however many blocks ask for it."""
        if id(values) not in self._kept:
            self._kept[id(values)] = values, self._torch.from_numpy(np.ascontiguousarray(values))
        return self._kept[id(values)][1]

    def conv(self, x: Any, term: Term, bias: Array | None) -> Any:
        held = None if bias is None else self._constant(bias)
        weights = self._constant(term.weights)
        return self._f.conv1d(x, weights, held, dilation=term.dilation, groups=term.groups)

    def join(self, past: Any, x: Any) -> Any:
        return self._torch.cat((past, x), 2)

    def tail(self, x: Any, frames: int) -> Any:
        return x[:, :, -frames:]

    def halves(self, x: Any) -> Any:
        return x.chunk(2, 1)

    def tanh(self, x: Any) -> Any:
        return self._torch.tanh(x)

    def sigmoid(self, x: Any) -> Any:
        return self._torch.sigmoid(x)

    def abs(self, x: Any) -> Any:
        return self._torch.abs(x)

    def clip(self, x: Any, low: float, high: float) -> Any:
        return self._torch.clamp(x, low, high)

    def elu(self, x: Any) -> Any:
        return self._f.elu(x)

    def leaky_relu(self, x: Any, slope: float) -> Any:
        return self._f.leaky_relu(x, slope)

    def prelu(self, x: Any, slopes: Array) -> Any:
        return self._f.prelu(x, self._constant(slopes))

    def softmax(self, x: Any) -> Any:
        return self._torch.softmax(x, 1)

    def lstm(self, op: Lstm, x: Any, h: Any, c: Any) -> tuple[Any, Any, Any]:
        weights = [self._constant(array) for array in (op.w_in, op.w_state, op.bias)]
        no_bias = self._torch.zeros_like(weights[2])
        y, h, c = self._torch.lstm(
            x.permute(2, 0, 1), (h, c), [*weights, no_bias], True, 1, 0.0, False, False, False
        )
        return y.permute(1, 2, 0), h, c

    def gru(self, op: Gru, x: Any, h: Any) -> tuple[Any, Any]:
        weights = [self._constant(a) for a in (op.w_in, op.w_state, op.b_in, op.b_state)]
        y, h = self._torch.gru(x.permute(2, 0, 1), h, weights, True, 1, 0.0, False, False, False)
        return y.permute(1, 2, 0), h
