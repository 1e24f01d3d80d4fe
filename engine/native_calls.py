"""Calls that a kernel may make to foreign code by address; named here, known to the compiler.

Importing this module loads no compiler: each name is filled in when a kernel is compiled.
"""

from __future__ import annotations

from typing import Any


class Foreign:
    """A function that exists only in compiled code."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __call__(self, *arguments: Any) -> Any:
        raise RuntimeError(f"{self.name} exists only in compiled kernels")


run_session = Foreign("run_session")
"""ONNX Runtime's Run: (address, session, in names, in, count, out names, count, out) -> status."""

run_network = Foreign("run_network")
"""A compiled network: (address, its memory, its input, its output, frames)."""

load_acquire = Foreign("load_acquire")
"""Read an int64 at an address that another thread or process writes."""

store_release = Foreign("store_release")
"""Write an int64 at an address after all writes before it."""

pause = Foreign("pause")
"""Sleep for some ns; only for renders, where the audio thread may wait. (clock address, ns)"""
