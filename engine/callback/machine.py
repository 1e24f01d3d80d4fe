"""What differs between processors and systems: the clock, sleeping, denormals, plain loads."""

from __future__ import annotations

import platform
import sys
from typing import Any

import numpy as np
from llvmlite import ir
from numba import carray, types
from numba.extending import intrinsic

from engine.compiler import inline, pointer

WINDOWS = sys.platform == "win32"


MONOTONIC = 8 if sys.platform == "darwin" else 1  # the clock of Python's time.monotonic_ns


_clock_gettime = types.ExternalFunction("clock_gettime", types.int32(types.int32, types.voidptr))


_nanosleep = types.ExternalFunction("nanosleep", types.int32(types.voidptr, types.voidptr))


_performance = types.ExternalFunction("QueryPerformanceCounter", types.int32(types.voidptr))


_frequency = types.ExternalFunction("QueryPerformanceFrequency", types.int32(types.voidptr))


_sleep = types.ExternalFunction("Sleep", types.void(types.int32))


if WINDOWS:

    @inline
    def now_ns(clock: int) -> int:
        """Monotonic time in ns; ``clock`` is the address of four words, the last the rate."""
        words = carray(pointer(clock), (4,), np.int64)
        _frequency(pointer(clock + 24))
        _performance(pointer(clock))
        seconds = words[0] // words[3]
        return seconds * 1_000_000_000 + (words[0] - seconds * words[3]) * 1_000_000_000 // words[3]

    @inline
    def sleep_ns(clock: int, ns: int) -> None:
        _sleep(np.int32(max(1, ns // 1_000_000)))

else:

    @inline
    def now_ns(clock: int) -> int:
        """Monotonic time in ns; ``clock`` is the address of four words to work in."""
        _clock_gettime(np.int32(MONOTONIC), pointer(clock))
        words = carray(pointer(clock), (2,), np.int64)
        return words[0] * 1_000_000_000 + words[1]

    @inline
    def sleep_ns(clock: int, ns: int) -> None:
        words = carray(pointer(clock), (4,), np.int64)
        words[2] = ns // 1_000_000_000
        words[3] = ns % 1_000_000_000
        _nanosleep(pointer(clock + 16), pointer(0))


@intrinsic  # type: ignore[untyped-decorator]
def flush_denormals(typing_context: Any) -> Any:
    """Let this thread treat denormals as zero; returns the mode it had."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        old = _float_mode(builder)
        if _ARCHITECTURE == "x86":
            _set_float_mode(builder, builder.or_(old, ir.Constant(ir.IntType(64), 0x8040)))
        elif _ARCHITECTURE == "arm":
            _set_float_mode(builder, builder.or_(old, ir.Constant(ir.IntType(64), 1 << 24)))
        return old

    return types.int64(), generate


@intrinsic  # type: ignore[untyped-decorator]
def restore_denormals(typing_context: Any, mode: Any) -> Any:
    """Put back the mode that ``flush_denormals`` returned."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        _set_float_mode(builder, args[0])
        return context.get_dummy_value()

    return types.void(types.int64), generate


_MACHINE = platform.machine().lower()


_ARCHITECTURE = (
    "x86"
    if _MACHINE in ("x86_64", "amd64")
    else "arm"
    if _MACHINE in ("arm64", "aarch64")
    else "other"
)


def _float_mode(builder: Any) -> Any:
    """The thread's floating-point control word, widened to 64 bits."""
    wide = ir.IntType(64)
    if _ARCHITECTURE == "x86":
        place = builder.alloca(ir.IntType(32))
        _sse(builder, "llvm.x86.sse.stmxcsr", place)
        return builder.zext(builder.load(place), wide)
    if _ARCHITECTURE == "arm":
        return builder.asm(ir.FunctionType(wide, []), "mrs $0, fpcr", "=r", [], True)
    return ir.Constant(wide, 0)


def _set_float_mode(builder: Any, mode: Any) -> None:
    if _ARCHITECTURE == "x86":
        place = builder.alloca(ir.IntType(32))
        builder.store(builder.trunc(mode, ir.IntType(32)), place)
        _sse(builder, "llvm.x86.sse.ldmxcsr", place)
    elif _ARCHITECTURE == "arm":
        kind = ir.FunctionType(ir.VoidType(), [ir.IntType(64)])
        builder.asm(kind, "msr fpcr, $0", "r", [mode], True)


def _sse(builder: Any, name: str, place: Any) -> None:
    byte = ir.IntType(8).as_pointer()
    function = builder.module.globals.get(name) or ir.Function(
        builder.module, ir.FunctionType(ir.VoidType(), [byte]), name
    )
    builder.call(function, [builder.bitcast(place, byte)])


@inline
def samples(address: int, count: int) -> Any:
    return carray(pointer(address), (count,), np.float32)


@inline
def finite(address: int, count: int) -> bool:
    """Whether all of ``count`` float32 are finite, read as bits so that it vectorises."""
    bits = carray(pointer(address), (count,), np.int32)
    largest = np.int32(0)
    for i in range(count):
        largest = max(largest, bits[i] & np.int32(0x7FFFFFFF))
    return largest < np.int32(0x7F800000)
