"""An exported network as a node: ONNX Runtime's C API called by address, without Python.

The network sees hops of a fixed length. Where the device's blocks are no multiple of it,
samples wait in a queue; the frames that costs are reported as latency. State tensors are
explicit inputs and outputs that change places after each hop, so nothing is copied.

On the audio thread the runtime is asked only to run: tensors are made beforehand, over the
node's own memory, with one thread and no spinning.
"""

from __future__ import annotations

import ctypes
import math
import os
import sys
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from engine.kernel import kernel
from engine.layout import CELL
from engine.native_calls import run_session
from engine.plugin import Plugin, PluginError, Setup

API_VERSION = 17
_P = ctypes.c_void_p

# Places in the runtime's table of functions, from the declaration order of its C header.
_MESSAGE, _ENV, _CREATE, _RUN, _OPTIONS = 2, 3, 8, 9, 10
_LEVEL, _INTRA, _INTER = 23, 24, 25
_INPUTS, _OUTPUTS, _INPUT_TYPE, _OUTPUT_TYPE, _INPUT_NAME, _OUTPUT_NAME = 30, 31, 33, 34, 36, 37
_TENSOR, _CAST, _ELEMENT, _RANK, _SHAPE = 49, 55, 60, 61, 62
_MEMORY, _ALLOCATOR = 69, 78
_RELEASE_STATUS, _RELEASE_SESSION, _RELEASE_VALUE = 93, 95, 96


class SessionError(ValueError):
    """A network that the runtime refuses, or that does not fit its card."""


@cache
def _library() -> Any:
    spec = find_spec("onnxruntime")
    if spec is None or not spec.submodule_search_locations:
        raise SessionError("onnxruntime is not installed; pip install onnxruntime")
    folder = Path(next(iter(spec.submodule_search_locations))) / "capi"
    names = {"win32": "onnxruntime.dll", "darwin": "libonnxruntime*.dylib"}
    found = sorted(folder.glob(names.get(sys.platform, "libonnxruntime.so*")))
    if not found:
        raise SessionError(f"{folder}: no ONNX Runtime library; reinstall onnxruntime")
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")  # it would report to its maker
    return ctypes.CDLL(str(found[0]))


@cache
def _functions() -> Any:
    library = _library()
    library.OrtGetApiBase.restype = ctypes.POINTER(_P * 2)
    get_api = ctypes.CFUNCTYPE(_P, ctypes.c_uint32)(library.OrtGetApiBase().contents[0])
    table = get_api(API_VERSION)
    if not table:
        raise SessionError(f"this onnxruntime has no C API version {API_VERSION}; update it")
    return (_P * 300).from_address(table)


def _call(place: int, *arguments: Any) -> None:
    """Call a function of the API that returns a status; raises SessionError."""
    kinds = [_P if not isinstance(a, int) else ctypes.c_size_t for a in arguments]
    status = ctypes.CFUNCTYPE(_P, *kinds)(_functions()[place])(*arguments)
    if status:
        message = ctypes.CFUNCTYPE(ctypes.c_char_p, _P)(_functions()[_MESSAGE])(status)
        text = (message or b"").decode(errors="replace")
        ctypes.CFUNCTYPE(None, _P)(_functions()[_RELEASE_STATUS])(status)
        raise SessionError(" ".join(text.split()))


@cache
def _environment() -> Any:
    environment = _P()
    _call(_ENV, 3, ctypes.c_char_p(b"taraf"), ctypes.byref(environment))
    return environment


class Network:
    """A loaded ONNX model: names and shapes of what goes in and out, and how to run it."""

    def __init__(self, path: Path) -> None:
        self._data = path.read_bytes()  # by content: paths are wide characters on Windows
        options = _P()
        _call(_OPTIONS, ctypes.byref(options))
        _call(_LEVEL, options, 99)
        _call(_INTRA, options, 1)
        _call(_INTER, options, 1)
        self.session = _P()
        data = ctypes.c_char_p(self._data)
        _call(_CREATE, _environment(), data, len(self._data), options, ctypes.byref(self.session))
        self._values: list[Any] = []
        try:
            self.inputs = self._describe(_INPUTS, _INPUT_NAME, _INPUT_TYPE)
            self.outputs = self._describe(_OUTPUTS, _OUTPUT_NAME, _OUTPUT_TYPE)
        except SessionError:
            self.close()
            raise

    def _describe(self, count_of: int, name_of: int, type_of: int) -> dict[str, tuple[int, ...]]:
        allocator, count = _P(), ctypes.c_size_t()
        _call(_ALLOCATOR, ctypes.byref(allocator))
        _call(count_of, self.session, ctypes.byref(count))
        found = {}
        for i in range(count.value):
            name, kind, info = ctypes.c_char_p(), _P(), _P()
            _call(name_of, self.session, i, allocator, ctypes.byref(name))
            _call(type_of, self.session, i, ctypes.byref(kind))
            _call(_CAST, kind, ctypes.byref(info))
            element, rank = ctypes.c_int(), ctypes.c_size_t()
            _call(_ELEMENT, info, ctypes.byref(element))
            text = (name.value or b"").decode()
            if element.value != 1:
                raise SessionError(f"{text} is not float32")
            _call(_RANK, info, ctypes.byref(rank))
            shape = (ctypes.c_int64 * max(rank.value, 1))()
            _call(_SHAPE, info, ctypes.byref(shape), rank.value)
            found[text] = tuple(shape)[: rank.value]
        return found

    def tensor(self, array: npt.NDArray[np.float32], shape: tuple[int, ...]) -> int:
        """Address of a tensor over the memory of ``array``, which must outlive it."""
        memory, value = _P(), _P()
        _call(_MEMORY, 0, 0, ctypes.byref(memory))
        dimensions = (ctypes.c_int64 * max(len(shape), 1))(*shape)
        place = ctypes.c_void_p(array.ctypes.data)
        _call(_TENSOR, memory, place, array.nbytes, dimensions, len(shape), 1, ctypes.byref(value))
        self._values.append(value)
        return int(value.value or 0)

    @property
    def run_address(self) -> int:
        """Where the runtime's Run lies."""
        return int(_functions()[_RUN])

    def close(self) -> None:
        """Free the session; nothing may run it any more."""
        release = ctypes.CFUNCTYPE(None, _P)
        for value in self._values:
            release(_functions()[_RELEASE_VALUE])(value)
        self._values = []
        if self.session:
            release(_functions()[_RELEASE_SESSION])(self.session)
            self.session = _P()


def queue_latency(hop: int, block: int, delay: int) -> int:
    """Frames by which a node with hops of ``hop`` must trail its input.

    The host may stop at any multiple of ``block`` and at every 64th frame, counted from the
    start of the stream, ``delay`` frames before this node's own start.
    """
    step = math.gcd(hop, block, CELL)
    return max(hop - math.gcd(hop, CELL), hop - step + -delay % step)


@kernel
def session_process(audio: Any, knobs: Any, state: Any) -> None:
    """Queue the input, run the network at each full hop, read the output ``lag`` frames later.

    ``state.words``: frames in so far, which of two tensor sets is next. The queue of outputs
    is a ring of ``lag + hop`` frames and more.
    """
    hop = state.hop
    size = state.queue.shape[0]
    frames = audio.shape[1]
    scale_in, scale_out = state.scale_in, state.scale_out
    for i in range(frames):
        at = state.words[0]
        state.input[at % hop] = audio[0, i] * np.float32(scale_in)
        state.words[0] = at + 1
        if (at + 1) % hop == 0:
            turn = state.words[1]
            failed = run_session(
                state.run,
                state.session,
                state.calls[turn, 0],
                state.calls[turn, 1],
                state.n_inputs,
                state.calls[turn, 2],
                state.n_outputs,
                state.calls[turn, 3],
            )
            first = at + 1 - hop
            for k in range(hop):
                y = state.output[k] * np.float32(scale_out)
                state.queue[(first + k) % size] = np.float32(np.nan) if failed != 0 else y
            state.words[1] = 1 - turn
    last = state.words[0]
    for i in range(frames):
        at = last - frames + i - state.lag
        audio[0, i] = state.queue[at % size] if at >= 0 else np.float32(0.0)


class SessionPlugin(Plugin):
    """Base of plugins that run a network on the audio thread; ``open`` says which."""

    process = session_process

    def __init__(self, **settings: str | int) -> None:
        super().__init__(**settings)
        self._network: Network | None = None

    def width(self, channels: int) -> int:
        return 1

    def load(
        self,
        path: Path,
        setup: Setup,
        hop: int,
        state: dict[str, str],
        scale_in: float = 1.0,
        scale_out: float = 1.0,
    ) -> dict[str, Any]:
        """The state of a node that runs the network at ``path``; raises PluginError."""
        try:
            network = self._network = Network(path)
            self._check(network, path, hop, state)
        except (SessionError, OSError) as error:
            raise PluginError(f"{path}: {error}") from None
        lag = queue_latency(hop, setup.block, setup.delay)
        self.latency_samples = lag
        sizes = [_size(network.inputs[name]) for name in state]
        self._state_names = state
        return {
            "input": np.zeros(hop, np.float32),
            "output": np.zeros(hop, np.float32),
            "queue": np.zeros(lag + hop + 2 * CELL, np.float32),
            "tensors": np.zeros(2 * sum(_padded(size) for size in sizes) or 1, np.float32),
            "words": np.zeros(2, np.int64),
            "calls": np.zeros((2, 4), np.int64),
            "pointers": np.zeros((4, 1 + len(state)), np.int64),
            "run": network.run_address,
            "session": int(network.session.value or 0),
            "n_inputs": 1 + len(state),
            "n_outputs": 1 + len(state),
            "hop": hop,
            "lag": lag,
            "scale_in": float(scale_in),
            "scale_out": float(scale_out),
        }

    def _check(self, network: Network, path: Path, hop: int, state: dict[str, str]) -> None:
        given_in, given_out = network.inputs, network.outputs
        if set(given_in) != {"audio", *state}:
            wanted = ", ".join(["audio", *state])
            raise SessionError(f"its inputs are {', '.join(given_in)}; its card says {wanted}")
        if not {"audio_out", *state.values()} <= set(given_out):
            wanted = ", ".join(["audio_out", *state.values()])
            raise SessionError(f"its outputs are {', '.join(given_out)}; its card says {wanted}")
        for name, shape in (("audio", given_in["audio"]), ("audio_out", given_out["audio_out"])):
            if min(shape, default=1) < 1 or _size(shape) != hop:
                raise SessionError(f"{name} is {list(shape)}; it must hold {hop} samples")
        for name, out in state.items():
            if given_in[name] != given_out[out] or min(given_in[name], default=1) < 1:
                shapes = f"{list(given_in[name])}, {out} is {list(given_out[out])}"
                raise SessionError(f"state {name} is {shapes}; both must be one fixed shape")

    def bind(self, state: dict[str, npt.NDArray[Any]]) -> None:
        network = self._network
        assert network is not None
        pairs: list[tuple[int, int]] = []  # each state's two tensors
        at = 0
        for name in self._state_names:
            shape = network.inputs[name]
            two = []
            for _ in range(2):
                two.append(network.tensor(state["tensors"][at : at + _size(shape)], shape))
                at += _padded(_size(shape))
            pairs.append((two[0], two[1]))
        x = network.tensor(state["input"], network.inputs["audio"])
        y = network.tensor(state["output"], network.outputs["audio_out"])
        rows = state["pointers"]
        rows[0] = [x, *(a for a, _ in pairs)]
        rows[1] = [y, *(b for _, b in pairs)]
        rows[2] = [x, *(b for _, b in pairs)]
        rows[3] = [y, *(a for a, _ in pairs)]
        n = 1 + len(pairs)
        self._in_names = (ctypes.c_char_p * n)(b"audio", *(k.encode() for k in self._state_names))
        self._out_names = (ctypes.c_char_p * n)(
            b"audio_out", *(v.encode() for v in self._state_names.values())
        )
        names_in, names_out = ctypes.addressof(self._in_names), ctypes.addressof(self._out_names)
        base, step = rows.ctypes.data, rows.strides[0]
        for turn in range(2):
            ins, outs = base + 2 * turn * step, base + (2 * turn + 1) * step
            state["calls"][turn] = [names_in, ins, names_out, outs]

    def close(self) -> None:
        if self._network is not None:
            self._network.close()
            self._network = None


def _size(shape: tuple[int, ...]) -> int:
    return int(np.prod(shape, dtype=np.int64)) if shape else 1


def _padded(size: int) -> int:
    return (size + 15) // 16 * 16
