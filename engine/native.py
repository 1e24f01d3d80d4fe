"""Machine code on disk: compiled once per machine, loaded in milliseconds ever after.

Numba writes the LLVM code of a kernel; LLVM turns it into an object file for this processor;
the object is kept in the user's cache folder and linked into later processes without Numba.
Every symbol the object still asks for must be arithmetic or a clock: code that would
allocate, raise or call Python does not get past this door.
"""

from __future__ import annotations

import hashlib
import os
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import llvmlite.binding as llvm
import platformdirs

from engine.whole import write_whole

ENTRY = "taraf_entry"
KEPT_VERSIONS = 8

_MATH = """
    acos asin atan atan2 atanh acosh asinh cbrt ceil cos cosh erf erfc exp exp2 exp10 expm1
    fabs floor fma fmax fmin fmod frexp ldexp lgamma log log10 log1p log2 pow rint round
    sin sincos sinh sqrt tan tanh tgamma trunc
""".split()  # noqa: SIM905 - a list of sixty strings is harder to read
ALLOWED = frozenset(
    [
        *_MATH,
        *(f"{name}f" for name in _MATH),
        *("memcpy", "memset", "memmove"),
        *("clock_gettime", "nanosleep", "Sleep"),
        *("QueryPerformanceCounter", "QueryPerformanceFrequency"),
        *("sincos_stret", "sincosf_stret", "bzero", "memset_pattern16", "chkstk"),  # macOS, Windows
    ]
)
"""Every symbol that code on the audio thread may refer to."""


class KernelError(ValueError):
    """A kernel that cannot run on the audio thread; the message says why."""


def cache_folder() -> Path:
    """Where compiled kernels are kept; the environment variable TARAF_CACHE moves it."""
    given = os.environ.get("TARAF_CACHE")
    return Path(given) if given else Path(platformdirs.user_cache_dir("taraf")) / "kernels"


@cache
def machine() -> tuple[str, str, str]:
    """This machine as the compiler sees it: triple, processor, features."""
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    features = llvm.get_host_cpu_features().flatten()
    return llvm.get_process_triple(), llvm.get_host_cpu_name(), features


def target_machine() -> Any:
    """An LLVM target machine for this processor, at the highest optimisation."""
    triple, cpu, features = machine()
    return llvm.Target.from_triple(triple).create_target_machine(
        cpu=cpu, features=features, opt=3, jit=True, reloc="default", codemodel="large"
    )


compiling: Callable[[str], None] | None = None
"""Told the name of each kernel that has to be compiled: a first start takes a while."""

_loaded: dict[str, tuple[int, Any]] = {}  # code is immutable: one copy serves every engine
_lock = threading.Lock()


def load(name: str, fingerprint: str, build: Callable[[], bytes], tell: bool = True) -> int:
    """Address of the compiled function ``name``, from the cache or through ``build``.

    ``compiling`` is told of a build unless the caller did that.

    ``fingerprint`` changes when the code does. ``build`` returns an object file that defines
    ``taraf_entry``. Raises KernelError if it asks for anything but arithmetic and a clock.
    """
    key = _key(name, fingerprint)
    with _lock:
        if key not in _loaded:
            path = cache_folder() / f"{name}-{key[:24]}.o"
            code = _read(path)
            if code is None:
                if compiling is not None and tell:
                    compiling(name)
                code = build()
                _write(path, code)
            _loaded[key] = link(code)
        return _loaded[key][0]


def is_cached(name: str, fingerprint: str) -> bool:
    """Whether ``load`` would find this code on disk, whole."""
    return _read(cache_folder() / f"{name}-{_key(name, fingerprint)[:24]}.o") is not None


def _key(name: str, fingerprint: str) -> str:
    parts = (
        "large",
        name,
        fingerprint,
        *machine(),
        version("numba"),
        version("llvmlite"),
        sys.version,
    )
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


@cache
def digest(*files: Path) -> str:
    """Changes with these files, and with those that make machine code of a kernel."""
    here = Path(__file__).parent
    makers = (here / "compiler.py", here / "native.py", here / "target.py")
    return hashlib.sha256(b"".join(file.read_bytes() for file in (*makers, *files))).hexdigest()


def _read(path: Path) -> bytes | None:
    try:
        data = path.read_bytes()
    except OSError:
        return None
    digest, code = data[:32], data[32:]
    if not code or hashlib.sha256(code).digest() != digest:
        return None
    with suppress(OSError):
        os.utime(path)  # what is used is kept longest
    return code


def _write(path: Path, code: bytes) -> None:
    if keep(path, hashlib.sha256(code).digest() + code):
        _forget_old(path)


def keep(path: Path, data: bytes) -> bool:
    """Write a file of the cache, whole or not at all; returns whether that went well."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, data, sync=False)
    except OSError:
        return False  # a read-only home costs a compilation at every start, nothing else
    return True


def _forget_old(path: Path) -> None:
    """Keep the newest few versions of a kernel: other releases may be in use."""
    keep_newest(f"{path.name.rpartition('-')[0]}-*.o", KEPT_VERSIONS)


def keep_newest(pattern: str, count: int) -> None:
    """Remove all but the last used files of a kind; other processes may be doing the same."""

    def used(file: Path) -> float:
        try:
            return file.stat().st_mtime
        except OSError:
            return 0.0

    for old in sorted(cache_folder().glob(pattern), key=used)[:-count]:
        with suppress(OSError):
            old.unlink()


def link(code: bytes) -> tuple[int, Any]:
    """Address of the entry of an object file, and what must be kept while it is used."""
    linker = llvm.create_mcjit_compiler(llvm.parse_assembly(""), target_machine())
    linker.add_object_file(llvm.ObjectFileRef.from_data(code))
    linker.finalize_object()
    return linker.get_function_address(ENTRY), linker


def emit(module: Any, function: str) -> bytes:
    """Object file for the Numba function ``function`` in ``module``, behind a plain C entry.

    The entry drops Numba's status word and everything that would report an exception, then
    the whole is optimised: helpers are inlined and nothing unused remains.
    """
    arguments = [str(a.type) for a in module.get_function(function).arguments]
    declared = ", ".join(arguments)
    passed = ", ".join(f"{kind} %a{i}" for i, kind in enumerate(arguments[2:]))
    module.link_in(
        llvm.parse_assembly(
            f'''target triple = "{module.triple}"
            target datalayout = "{module.data_layout}"
            declare i32 @"{function}"({declared})
            define i32 @{ENTRY}({passed}) {{
              %result = alloca i64
              %raised = alloca ptr
              store i64 0, ptr %result
              %status = call i32 @"{function}"(ptr %result, ptr %raised, {passed})
              %wide = load i64, ptr %result
              %narrow = trunc i64 %wide to i32
              ret i32 %narrow
            }}'''
        )
    )
    for item in (*module.functions, *module.global_variables):
        if not item.is_declaration and item.name != ENTRY:
            item.linkage = "internal"
    target = target_machine()
    builder = llvm.create_pass_builder(target, llvm.create_pipeline_tuning_options(speed_level=3))
    builder.getModulePassManager().run(module, builder)
    _refuse_foreign(module)
    return bytes(target.emit_object(module))


def emit_vectors(ir: str) -> bytes:
    """Object file for a module that defines the entry in explicit vectors.

    Its loops are as they should be: only the code generator works on it. LLVM's passes before
    that change nothing in its speed and take as long again.
    """
    module = llvm.parse_assembly(ir)
    _refuse_foreign(module)
    return bytes(target_machine().emit_object(module))


def _refuse_foreign(module: Any) -> None:
    foreign = sorted(
        item.name
        for item in (*module.functions, *module.global_variables)
        if item.is_declaration
        and not item.name.startswith("llvm.")
        and item.name.lstrip("_") not in ALLOWED
    )
    if not foreign:
        return
    allocates = any(name.startswith("NRT_") for name in foreign)
    raise KernelError(
        f"a kernel may only compute, but this one needs {', '.join(foreign)}"
        + (": it allocates memory; make the array in prepare()" if allocates else "")
    )
