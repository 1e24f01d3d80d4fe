"""Numba's side of a kernel: types, pointers, and the C function around ``process``.

Imported only when something must be compiled.
"""

from __future__ import annotations

import dis
from collections import namedtuple
from itertools import islice
from typing import Any

import numpy as np
from llvmlite import ir
from numba import carray, njit, types
from numba.core.errors import NumbaError, UnsupportedBytecodeError
from numba.core.target_extension import current_target, target_override
from numba.extending import intrinsic, typeof_impl

from engine import native, target
from engine.kernel import Kernel, kernel
from engine.layout import KNOB
from engine.native_calls import Foreign
from engine.params import Ramp

OPTIONS: dict[str, Any] = {
    "error_model": "numpy",  # a division by zero is an infinity, not an exception
    "boundscheck": False,
    "no_cpython_wrapper": True,
    "no_cfunc_wrapper": True,
}


inline: Any = target.kernels(**OPTIONS)
"""Marks a function that only others which are compiled here call."""


@typeof_impl.register(Kernel)  # type: ignore[untyped-decorator]
def _typeof_kernel(value: Kernel, context: Any) -> Any:
    return typeof_impl(dispatcher(value, current_target()), context)


def dispatcher(kernel: Kernel, of: str = target.NAME) -> Any:
    """The Numba function of ``kernel``, made once for each target."""
    if of not in kernel.dispatchers:
        _refuse_exceptions(kernel.function)
        made = inline if of == target.NAME else njit(**OPTIONS)
        kernel.dispatchers[of] = made(kernel.function)
    return kernel.dispatchers[of]


def _refuse_exceptions(function: Any) -> None:
    """Refuse what raises: on the audio thread nobody would hear of it."""
    for instruction in dis.get_instructions(function):
        if instruction.opname == "RAISE_VARARGS":
            raise native.KernelError(f"a kernel may not raise, but {function.__qualname__} does")


def callable_kernel(kernel: Kernel) -> Any:
    """``kernel`` compiled, with a door for Python: to test or to time it on its own."""
    return njit(error_model="numpy", boundscheck=False)(kernel.function)


@intrinsic  # type: ignore[untyped-decorator]
def pointer(typing_context: Any, address: Any) -> Any:
    """An integer address as a pointer, for ``carray``."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.inttoptr(args[0], ir.IntType(8).as_pointer())

    return types.voidptr(types.intp), generate


@intrinsic  # type: ignore[untyped-decorator]
def load_acquire(typing_context: Any, address: Any) -> Any:
    """Read an int64 that another thread or process writes; what it wrote before is seen."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        place = builder.inttoptr(args[0], ir.IntType(64).as_pointer())
        return builder.load_atomic(place, "acquire", 8)

    return types.int64(types.intp), generate


@intrinsic  # type: ignore[untyped-decorator]
def store_release(typing_context: Any, address: Any, value: Any) -> Any:
    """Write an int64 that another thread or process reads, after all writes before it."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        place = builder.inttoptr(args[0], ir.IntType(64).as_pointer())
        builder.store_atomic(args[1], place, "release", 8)
        return context.get_dummy_value()

    return types.void(types.intp, types.int64), generate


@intrinsic  # type: ignore[untyped-decorator]
def claim(typing_context: Any, address: Any, expected: Any, new: Any) -> Any:
    """Make an int64 ``new`` if it is ``expected``, in one step for all who try; True if it was."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        place = builder.inttoptr(args[0], ir.IntType(64).as_pointer())
        return builder.extract_value(
            builder.cmpxchg(place, args[1], args[2], "acq_rel", "acquire"), 1
        )

    return types.boolean(types.intp, types.int64, types.int64), generate


def call_address(returns: Any, *arguments: Any) -> Any:
    """An intrinsic that calls the C function at an address: ``call(address, *arguments)``."""

    @intrinsic  # type: ignore[untyped-decorator]
    def call(typing_context: Any, address: Any, *args: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
            kinds = [context.get_value_type(kind) for kind in arguments]
            given = [builder.extract_value(values[1], i) for i in range(len(kinds))]
            result = ir.VoidType() if returns is types.void else context.get_value_type(returns)
            function = builder.inttoptr(values[0], ir.FunctionType(result, kinds).as_pointer())
            value = builder.call(function, given)
            return context.get_dummy_value() if returns is types.void else value

        return returns(types.intp, types.StarArgTuple(arguments)), generate

    return call


_run = call_address(types.intp, *[types.intp] * 8)


@kernel
def _run_session(
    run: int,
    session: int,
    in_names: int,
    ins: int,
    n_in: int,
    out_names: int,
    n_out: int,
    outs: int,
) -> Any:
    return _run(run, session, 0, in_names, ins, n_in, out_names, n_out, outs)


_network = call_address(types.void, *[types.intp] * 4)


@kernel
def _run_network(network: int, memory: int, heard: int, made: int, frames: int) -> None:
    _network(network, memory, heard, made, frames)


@kernel
def _load_acquire(address: int) -> Any:
    return load_acquire(address)


@kernel
def _store_release(address: int, value: int) -> None:
    store_release(address, value)


@typeof_impl.register(Foreign)  # type: ignore[untyped-decorator]
def _typeof_foreign(value: Foreign, context: Any) -> Any:
    if value.name == "pause":
        from engine.callback.machine import sleep_ns

        return typeof_impl(sleep_ns, context)
    functions = {
        "run_session": _run_session,
        "run_network": _run_network,
        "load_acquire": _load_acquire,
        "store_release": _store_release,
    }
    return _typeof_kernel(functions[value.name], context)


def compile_function(function: Any, *arguments: Any, returns: Any = types.void) -> bytes:
    """Object file whose entry is ``function`` with these argument types; raises KernelError."""
    try:
        with target_override(target.NAME):
            compiled = target.kernels(returns(*arguments), **OPTIONS)(function)
    except (NumbaError, UnsupportedBytecodeError) as error:
        raise native.KernelError(f"a kernel does not compile: {_in_short(error)}") from error
    overload = compiled.overloads[compiled.signatures[0]]
    return native.emit(overload.library.whole(), overload.fndesc.llvm_func_name)


def _in_short(error: Exception) -> str:
    """What is wrong, and the innermost place in a file where it is, of all that Numba says."""
    said = str(error).removesuffix(". Raised from None")
    lines = [line.strip() for line in said.splitlines()]
    told = (line for line in lines if line and not line.startswith(("Failed in ", "During: ")))
    what = next(told, type(error).__name__).rstrip(".")
    if what.endswith(":"):  # of which function there is no such variant
        what += "".join(f" {line[4:]}" for line in lines if line.startswith(">>> "))
    places = [line.rstrip(":") for line in lines if line.startswith('File "')]
    written = (place for place in places if not place.startswith('File "<'))
    return ", ".join([what, *islice(written, 1)])


Field = tuple[str, str, int]
"""A state field as the wrapper needs it: name, NumPy type code, dimensions (0: a number)."""


def node_source(knobs: tuple[str, ...] | None, fields: tuple[Field, ...]) -> str:
    """The Python source of the C function around a kernel.

    It unpacks the state's words and the knobs' ramps into the tuples ``process`` reads; without
    ``knobs`` the kernel gets their records as they are.
    """
    parts, word = [], 0
    for _, code, dimensions in fields:
        if dimensions:
            shape = ", ".join(f"w[{word + 1 + d}]" for d in range(dimensions))
            parts.append(f"carray(pointer(w[{word}]), ({shape},), {code}_)")
        else:
            parts.append(f"{'f' if code == 'f8' else 'w'}[{word}]")
        word += 1 + dimensions
    ramps = [f"Ramp(k[{i}].start, k[{i}].step, at)" for i in range(len(knobs or ()))]
    given = "k" if knobs is None else f"Knobs({', '.join(ramps)})"
    return "\n".join(
        [
            "def node(state, knobs, audio, channels, frames, at):",
            f"    w = carray(pointer(state), {max(word, 1)}, i8_)",
            f"    f = carray(pointer(state), {max(word, 1)}, f8_)",
            f"    k = carray(pointer(knobs), {max(len(ramps), 1)}, KNOB)",
            "    x = carray(pointer(audio), (channels, frames), f4_)",
            f"    process(x, {given}, State({', '.join(parts)}))",
        ]
    )


def compile_node(
    process: Kernel, knobs: tuple[str, ...] | None, fields: tuple[Field, ...]
) -> bytes:
    """Object file of the node around ``process``: (state, knobs, audio, channels, frames, at)."""
    scope = {
        "carray": carray,
        "pointer": pointer,
        "KNOB": KNOB,
        "Ramp": Ramp,
        "Knobs": namedtuple("Knobs", knobs or ()),  # noqa: PYI024 - fields known only here
        "State": namedtuple("State", [name for name, _, _ in fields]),  # noqa: PYI024
        "process": dispatcher(process),
        **{f"{code}_": np.dtype(code) for code in ("f4", "f8", "i2", "i4", "i8", "u4", "u8", "c8")},
    }
    exec(node_source(knobs, fields), scope)
    return compile_function(scope["node"], *[types.intp] * 6)
