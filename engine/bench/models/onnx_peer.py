"""The same network as an ONNX graph, run through ONNX Runtime's C API: no Python in between.

Sound is (1, channels, 1, time): as pictures of one row, convolutions run a tenth quicker here
than as one-dimensional ones (onnxruntime 1.31, AVX-512).
"""

from __future__ import annotations

import ctypes
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from engine.bench.models.stream import BLOCK, play, rest
from engine.neural.network import Array, Gru, Lstm, Network, Term
from engine.session import Network as Session
from engine.session import SessionError
from engine.shared import aligned

OPSET, FORMAT = 17, 9
_P, _N = ctypes.c_void_p, ctypes.c_size_t
_RUN = ctypes.CFUNCTYPE(_P, _P, _P, _P, _P, _N, _P, _N, _P)


class OnnxPeer:
    """Plays a network block by block on one thread. ImportError where onnx is not installed."""

    def __init__(self, network: Network) -> None:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "network.onnx"
            path.write_bytes(graph(network))
            self._session = Session(path)
        self._rest = rest(network)
        self._sound = _room((1, network.input.channels, 1, BLOCK))
        self._made = _room((1, network.output.channels, 1, BLOCK))
        self._states = [[_room(array.shape) for array in self._rest] for _ in range(2)]
        self._calls = [self._call(now, after) for now, after in ((0, 1), (1, 0))]
        self._run = _RUN(self._session.run_address)
        self.reset()

    def _call(self, now: int, after: int) -> tuple[Any, ...]:
        """Arguments of the runtime's Run; the states change places after each block."""
        given = [self._sound, *self._states[now]], [self._made, *self._states[after]]
        sides = []
        for names, arrays in zip((self._session.inputs, self._session.outputs), given, strict=True):
            words = (ctypes.c_char_p * len(names))(*(name.encode() for name in names))
            tensors = [self._session.tensor(array, array.shape) for array in arrays]
            sides.append((words, (ctypes.c_void_p * len(tensors))(*tensors), len(names)))
        (names_in, ins, n_in), (names_out, outs, n_out) = sides
        return self._session.session, None, names_in, ins, n_in, names_out, n_out, outs

    def reset(self) -> None:
        """Forget what was played."""
        self._turn = 0
        for state, array in zip(self._states[0], self._rest, strict=True):
            state[:] = array

    def play(self, block: Array) -> Array:
        """What the network makes of a block (inputs, BLOCK), going on."""
        self._sound[0, :, 0] = block
        self.run(1)
        made: Array = self._made[0, :, 0].copy()
        return made

    def run(self, blocks: int) -> None:
        """Play the last block again, so many times."""
        for _ in range(blocks):
            if self._run(*self._calls[self._turn]):
                raise SessionError("the runtime would not run this network")
            self._turn = 1 - self._turn

    def close(self) -> None:
        """Free the session."""
        self._session.close()


def _room(shape: tuple[int, ...]) -> Array:
    size = int(np.prod(shape))
    array: Array = aligned(4 * size).view(np.float32).reshape(shape)
    return array


def graph(network: Network) -> bytes:
    """The network as an ONNX model: a block and its past in, a block and its past out."""
    from onnx import TensorProto, checker, helper

    def face(name: str, shape: tuple[int, ...]) -> Any:
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)

    shapes = [array.shape for array in rest(network)]
    maker = _Onnx()
    past = [_Wire(maker, f"past{k}") for k in range(len(shapes))]
    made, kept = play(network, maker, _Wire(maker, "audio"), past)
    outputs = ["audio_out", *(f"kept{k}" for k in range(len(shapes)))]
    for wire, name in zip((made, *kept), outputs, strict=True):
        maker.nodes.append(helper.make_node("Identity", [wire.name], [name]))
    sounds = [(1, end.channels, 1, BLOCK) for end in (network.input, network.output)]
    model = helper.make_model(
        helper.make_graph(
            maker.nodes,
            "network",
            [face("audio", sounds[0]), *map(face, (wire.name for wire in past), shapes)],
            [face("audio_out", sounds[1]), *map(face, outputs[1:], shapes)],
            maker.weights,
        ),
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=FORMAT,
    )
    checker.check_model(model)
    data: bytes = model.SerializeToString()
    return data


class _Wire:
    """A value in the graph."""

    def __init__(self, maker: _Onnx, name: str) -> None:
        self.maker, self.name = maker, name

    def __add__(self, other: _Wire | float) -> _Wire:
        return self.maker.node("Add", self, other)

    def __sub__(self, other: _Wire | float) -> _Wire:
        return self.maker.node("Sub", self, other)

    def __mul__(self, other: _Wire | float) -> _Wire:
        return self.maker.node("Mul", self, other)

    def __truediv__(self, other: _Wire | float) -> _Wire:
        return self.maker.node("Div", self, other)


class _Onnx:
    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.weights: list[Any] = []

    def node(self, kind: str, *given: _Wire | float | None, **attributes: Any) -> _Wire:
        return self._nodes(kind, given, 1, attributes)[0]

    def _nodes(
        self, kind: str, given: tuple[_Wire | float | None, ...], outputs: int, attributes: Any
    ) -> list[_Wire]:
        from onnx import helper

        names = []
        for value in given:
            if value is not None and not isinstance(value, _Wire):
                value = self.constant(np.float32(value))
            names.append("" if value is None else value.name)
        made = [f"v{len(self.nodes)}_{k}" for k in range(outputs)]
        self.nodes.append(helper.make_node(kind, names, made, **attributes))
        return [_Wire(self, name) for name in made]

    def channels(self, values: Array) -> _Wire:
        return self.constant(values[None, :, None, None])

    def constant(self, values: Any) -> _Wire:
        from onnx import numpy_helper

        name = f"w{len(self.weights)}"
        self.weights.append(numpy_helper.from_array(np.ascontiguousarray(values), name))
        return _Wire(self, name)

    def conv(self, x: _Wire, term: Term, bias: Array | None) -> _Wire:
        held = [self.constant(term.weights[:, :, None])]
        held += [] if bias is None else [self.constant(bias)]
        attributes = {"dilations": [1, term.dilation], "group": term.groups}
        return self.node("Conv", x, *held, **attributes)

    def join(self, past: _Wire, x: _Wire) -> _Wire:
        return self.node("Concat", past, x, axis=3)

    def tail(self, x: _Wire, frames: int) -> _Wire:
        ends = [self.constant(np.array([value])) for value in (-frames, 1 << 40, 3)]
        return self.node("Slice", x, *ends)

    def halves(self, x: _Wire) -> tuple[_Wire, _Wire]:
        low, high = self._nodes("Split", (x,), 2, {"axis": 1})
        return low, high

    def tanh(self, x: _Wire) -> _Wire:
        return self.node("Tanh", x)

    def sigmoid(self, x: _Wire) -> _Wire:
        return self.node("Sigmoid", x)

    def abs(self, x: _Wire) -> _Wire:
        return self.node("Abs", x)

    def clip(self, x: _Wire, low: float, high: float) -> _Wire:
        return self.node("Clip", x, low, high)

    def elu(self, x: _Wire) -> _Wire:
        return self.node("Elu", x)

    def leaky_relu(self, x: _Wire, slope: float) -> _Wire:
        return self.node("LeakyRelu", x, alpha=slope)

    def prelu(self, x: _Wire, slopes: Array) -> _Wire:
        return self.node("PRelu", x, self.constant(slopes[:, None, None]))

    def softmax(self, x: _Wire) -> _Wire:
        return self.node("Softmax", x, axis=1)

    def lstm(self, op: Lstm, x: _Wire, h: _Wire, c: _Wire) -> tuple[_Wire, _Wire, _Wire]:
        bias = np.concatenate([op.bias, np.zeros_like(op.bias)])
        arrays = [_gates(array, (0, 3, 1, 2)) for array in (op.w_in, op.w_state)]
        arrays.append(np.concatenate([_gates(part, (0, 3, 1, 2)) for part in np.split(bias, 2)]))
        weights = [self.constant(array[None]) for array in arrays]
        hidden = op.target.channels
        given = (self._in_time(x), *weights, None, h, c)
        y, h, c = self._nodes("LSTM", given, 3, {"hidden_size": hidden})
        return self._in_rows(y), h, c

    def gru(self, op: Gru, x: _Wire, h: _Wire) -> tuple[_Wire, _Wire]:
        arrays = [_gates(array, (1, 0, 2)) for array in (op.w_in, op.w_state)]
        arrays.append(np.concatenate([_gates(part, (1, 0, 2)) for part in (op.b_in, op.b_state)]))
        weights = [self.constant(array[None]) for array in arrays]
        attributes = {"hidden_size": op.target.channels, "linear_before_reset": 1}
        y, h = self._nodes("GRU", (self._in_time(x), *weights, None, h), 2, attributes)
        return self._in_rows(y), h

    def _in_time(self, x: _Wire) -> _Wire:
        """(1, channels, 1, time) as (time, 1, channels)."""
        flat = self.node("Squeeze", x, self.constant(np.array([2])))
        return self.node("Transpose", flat, perm=[2, 0, 1])

    def _in_rows(self, y: _Wire) -> _Wire:
        """(time, 1, 1, hidden) as (1, hidden, 1, time)."""
        return self.node("Transpose", y, perm=[1, 3, 2, 0])


def _gates(array: Array, order: tuple[int, ...]) -> Array:
    """The rows of an array, its gates in another order."""
    parts = np.split(array, len(order))
    return np.concatenate([parts[k] for k in order])
