"""A target of Numba's in which a kernel's code is put together once, at the end.

For a function that is called from Python Numba optimises each function it compiles with all that
it calls, makes machine code of it and counts who holds each array. None of that is of use in a
kernel: only the whole is run, and arrays are the host's. What is left out here is two thirds of
the time that a plugin takes to compile. Imported only when something must be.
"""

from __future__ import annotations

from typing import Any

import llvmlite.binding as llvm
from numba import jit
from numba.core.codegen import JITCodeLibrary, JITCPUCodegen
from numba.core.cpu import CPUContext
from numba.core.registry import CPUDispatcher, CPUTarget, cpu_target
from numba.core.runtime import rtsys
from numba.core.runtime.context import NRTContext
from numba.core.target_extension import (
    CPU,
    dispatcher_registry,
    jit_registry,
    target_registry,
)
from numba.core.utils import threadsafe_cached_property

NAME = "taraf"


class Kernels(CPU):  # type: ignore[misc]
    """The target: what holds for a processor holds for it."""


class Library(JITCodeLibrary):  # type: ignore[misc]
    """A function's own code, and which libraries have what it calls."""

    def finalize(self) -> None:
        """Nothing is linked, optimised or made machine code of yet."""
        self._raise_if_finalized()
        self._finalized = True

    def get_pointer_to_function(self, name: str) -> int:
        """Nowhere: it is not run from here."""
        self._ensure_finalized()
        return 0

    def whole(self) -> Any:
        """An LLVM module of this and of all that it calls, each once."""
        made, waiting, seen = self._codegen.empty(), [self], {self}
        while waiting:
            library = waiting.pop()
            made.link_in(library._final_module, preserve=True)
            for used in library._linking_libraries:
                if isinstance(used, Library) and used not in seen:
                    seen.add(used)
                    waiting.append(used)
        return made


class Codegen(JITCPUCodegen):  # type: ignore[misc]
    """Makes such libraries."""

    _library_class = Library

    def set_env(self, env_name: str, env: Any) -> None:
        """What an exception would be told with: a kernel raises none."""

    def empty(self) -> Any:
        """A module to link others into."""
        return llvm.parse_assembly(str(self._create_empty_module(NAME)))


class Borrowed(NRTContext):  # type: ignore[misc]
    """Arrays belong to whoever called, so nobody counts who holds them."""

    def incref(self, builder: Any, typ: Any, value: Any) -> None:
        """Held once more: not counted."""

    def decref(self, builder: Any, typ: Any, value: Any) -> None:
        """Held once less: not counted."""


class Context(CPUContext):  # type: ignore[misc]
    """How code for the target is written."""

    def init(self) -> None:
        super().init()
        self._internal_codegen = Codegen(NAME)

    def load_additional_registries(self) -> None:
        rtsys.initialize(cpu_target.target_context)  # it is one for all targets
        super().load_additional_registries()

    @property
    def nrt(self) -> Borrowed:
        return Borrowed(self, self.enable_nrt)


class Description(CPUTarget):  # type: ignore[misc]
    """Where Numba finds the target's contexts."""

    @threadsafe_cached_property  # type: ignore[untyped-decorator]
    def _toplevel_target_context(self) -> Context:
        return Context(self.typing_context, self._target_name)


class Dispatcher(CPUDispatcher):  # type: ignore[misc]
    """A function of the target."""

    targetdescr = Description(NAME)


def kernels(*arguments: Any, **options: Any) -> Any:
    """Numba's ``jit`` for the target."""
    return jit(*arguments, _target=NAME, **options)


target_registry[NAME] = Kernels
dispatcher_registry[Kernels] = Dispatcher
jit_registry[Kernels] = kernels
