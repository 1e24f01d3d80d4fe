"""A network as machine code and memory: the door of this folder.

    player = compile_network(network)
    wet = player.play(dry)

The audio thread calls ``player.address`` with a copy of ``player.image``.
"""

from __future__ import annotations

import hashlib
import json
import time
from dataclasses import asdict
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from engine import native
from engine.neural.network import Array, Network
from engine.neural.plan import Plan
from engine.neural.tile import FRAMES, Tile

SETTLE_SECONDS = 0.5
"""How long a recurrent network hears silence before it is played, as NAM's player does."""
KEPT_FILES = 600
"""Two for each shape: of the shapes a player has ever tried, the last 300 load at once."""
SOURCES = (
    *("network", "lower", "scratch", "plan", "convolve", "recur", "curves", "emit"),
    *("ops", "checks", "calls", "ssm", "tile", "tune", "vector"),
    "../native",
)


class Compiled:
    """Code for a network's shape and the memory that makes it this network."""

    def __init__(self, network: Network, plan: Plan, address: int) -> None:
        from engine.neural.tune import ENTRY, placed

        self.network, self.plan, self.address = network, plan, address
        self._call = ENTRY(address)
        self.image = placed(plan.image())
        self._sound = placed(
            np.zeros(FRAMES * (network.input.channels + network.output.channels), np.float32)
        )
        self._memory = placed(self.image)

    def settle(self, sample_rate: int, knobs: npt.ArrayLike = ()) -> None:
        """Let the image hear silence until its past is full of it; ``knobs`` as the network's.

        The clocks of boxes stand still.
        """
        frames = self.network.fading_frames
        if self.network.is_recurrent:
            frames = max(frames, round(SETTLE_SECONDS * sample_rate))
        silence = np.zeros((self.network.input.channels, -(-frames // FRAMES) * FRAMES))
        silence[1:] = np.reshape(np.asarray(knobs, np.float32), (-1, 1))
        self.reset()
        self.play(silence)
        for first, count in self.plan.clocks:  # an LFO begins where it was told to
            self._memory[first : first + count] = self.image[first : first + count]
        self.image[:] = self._memory
        self.reset()

    def reset(self) -> None:
        """Forget what was played."""
        self._memory[:] = self.image

    def play(self, sound: npt.ArrayLike, block: int = FRAMES) -> Array:
        """What the network makes of ``sound`` (frames,) or (1 + knobs, frames), going on.

        Returns (frames,) or, where there are several outputs, (outputs, frames).
        """
        heard = np.atleast_2d(np.asarray(sound, np.float32))
        inputs, outputs = self.network.input.channels, self.network.output.channels
        if len(heard) != inputs:
            raise ValueError(f"{len(heard)} rows of sound; the network hears {inputs}")
        made = np.empty((outputs, heard.shape[1]), np.float32)
        room = self._sound.reshape(-1, FRAMES)
        given = [array.ctypes.data for array in (self._memory, room, room[inputs:])]
        for first in range(0, heard.shape[1], block):
            count = min(block, heard.shape[1] - first)
            room[:inputs, :count] = heard[:, first : first + count]
            self._call(*given, count)
            made[:, first : first + count] = room[inputs:, :count]
        return made[0] if outputs == 1 else made

    def seconds(self, frames: int, runs: int = 50) -> float:
        """Time for one block of ``frames`` here: the median of some runs."""
        room = self._sound.reshape(-1, FRAMES)
        inputs = self.network.input.channels
        given = [array.ctypes.data for array in (self._memory, room, room[inputs:])]
        times = []
        for _ in range(runs):
            began = time.perf_counter()
            for first in range(0, frames, FRAMES):
                self._call(*given, min(FRAMES, frames - first))
            times.append(time.perf_counter() - began)
        self.reset()
        return float(np.median(times))


def compile_network(network: Network, tanh: str = "exact", like: Tile | None = None) -> Compiled:
    """Machine code for ``network``; ``tanh`` is exact or fast. Known shapes come from disk.

    A new shape is tried in several tiles; with ``like``, in this one only.
    """
    assert tanh in ("exact", "fast")
    fast = tanh == "fast"
    key = hashlib.sha256(f"{network.shape_key} {fast} {_sources()}".encode()).hexdigest()
    name = f"net-{key[:16]}"
    tile, made = _remembered(name), b""
    if tile is None or not native.is_cached(name, f"{key} {tile}"):
        if native.compiling is not None:
            native.compiling("a network of a new shape")
        from engine.neural.tune import candidates, fastest

        tile, made = fastest(network, fast, [like] if like else candidates(network))
        _remember(name, tile)
    plan = Plan(network, tile)
    address = native.load(name, f"{key} {tile}", lambda: made or _build(plan, fast), tell=False)
    return Compiled(network, plan, address)


def _build(plan: Plan, fast: bool) -> bytes:
    """What is compiled where the kept object was lost after it was looked for."""
    from engine.neural import emit

    return native.emit_vectors(emit.write(plan, fast))


def _note(name: str) -> Path:
    digest = hashlib.sha256("\n".join(native.machine()).encode()).hexdigest()
    return native.cache_folder() / f"{name}-{digest[:8]}.json"


def _remembered(name: str) -> Tile | None:
    """The tile chosen for this shape on this machine, if it was."""
    try:
        return Tile(**json.loads(_note(name).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def _remember(name: str, tile: Tile) -> None:
    native.keep(_note(name), json.dumps(asdict(tile)).encode())
    native.keep_newest("net-*", KEPT_FILES)


@cache
def _sources() -> str:
    """Changes with the code that writes kernels."""
    folder = Path(__file__).parent
    text = b"".join((folder / f"{name}.py").read_bytes() for name in SOURCES)
    return hashlib.sha256(text).hexdigest()
