"""The audio thread: everything in this folder is compiled, none of it runs as Python.

One device block is cut into chunks of at most 64 frames at the edges of a fixed grid. A chunk
walks the table of nodes. Sound does not depend on where the device's blocks begin, because no
kernel's arithmetic does and every ramp and hop counts frames since the rack began.

Importing this package loads the compiler: it is done only to build what the cache lacks.
"""

from __future__ import annotations

from numba import types

from engine.callback.device import callback, claim_word, node_runner, store_word, virtual_device
from engine.compiler import compile_function


def build(name: str) -> bytes:
    """Object file of one of the entries of the audio thread."""
    entries = {
        "callback": (callback, 6),
        "virtual_device": (virtual_device, 2),
        "node_runner": (node_runner, 6),
        "store_word": (store_word, 2),
        "claim_word": (claim_word, 3),
    }
    function, arguments = entries[name]
    return compile_function(function, *[types.intp] * arguments, returns=types.int32)


__all__ = ["build"]
