"""@kernel marks a function for the audio thread; it is compiled when first needed.

Importing this module costs nothing: Numba is imported only when a kernel is not yet in the
cache on disk, so a warm start never loads it.
"""

from __future__ import annotations

import hashlib
import types
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

Audio = npt.NDArray[np.float32]
"""Sound inside a chain: float32, (channels, frames), C order, changed in place."""


class Kernel:
    """A function compiled for the audio thread; called from Python it runs uncompiled.

    It may use numbers, NumPy arrays it is given, ``math`` and other kernels. It may not
    allocate, raise, print or touch a Python object: what it compiles to is checked.
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function
        self.__doc__ = function.__doc__
        self.__name__ = function.__name__
        self.dispatchers: dict[str, Any] = {}  # Numba's, made by engine.compiler

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.function(*args, **kwargs)

    def fingerprint(self) -> str:
        """A digest of all the code this kernel compiles: its own and that of what it calls."""
        digest = hashlib.sha256()
        _digest_function(self.function, digest, set())
        return digest.hexdigest()


def kernel(function: Callable[..., Any]) -> Kernel:
    """Mark ``function`` as code for the audio thread."""
    return Kernel(function)


def _digest_function(function: Any, digest: Any, seen: set[int]) -> None:
    if id(function) in seen:
        return
    seen.add(id(function))
    digest.update(f"{function.__module__}.{function.__qualname__}".encode())
    _digest_code(function.__code__, digest)
    digest.update(repr(function.__defaults__).encode())
    cells = zip(function.__code__.co_freevars, function.__closure__ or (), strict=True)
    closed = {name: cell.cell_contents for name, cell in cells}
    for used in sorted(_names(function.__code__) | set(closed)):
        value = closed[used] if used in closed else function.__globals__.get(used)
        if isinstance(value, Kernel):
            _digest_function(value.function, digest, seen)
        elif isinstance(value, (bool, int, float, str, tuple, np.generic)):
            digest.update(f"{used}={value!r}".encode())
        elif isinstance(value, np.ndarray):
            digest.update(used.encode() + str(value.dtype).encode() + value.tobytes())


def _digest_code(code: types.CodeType, digest: Any) -> None:
    digest.update(code.co_code)
    digest.update(repr(code.co_names + code.co_varnames).encode())
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            _digest_code(constant, digest)
        elif not isinstance(constant, frozenset):
            digest.update(repr(constant).encode())


def _names(code: types.CodeType) -> set[str]:
    names = set(code.co_names)
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            names |= _names(constant)
    return names
