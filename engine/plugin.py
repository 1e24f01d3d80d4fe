"""The contract: what a plugin is, and what it is told before it runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from engine.kernel import Kernel
from engine.params import HOST, Param, ParamError, Setting

State = Mapping[str, Any]
"""What ``prepare`` returns: numbers (read only in the kernel) and NumPy arrays by name."""


@dataclass(frozen=True)
class Extern:
    """A state array that lives elsewhere (shared memory): not copied, not reset."""

    array: npt.NDArray[Any]


@dataclass(frozen=True)
class Setup:
    """What a plugin is told before it runs.

    ``block`` is the device's block in frames (a kernel never sees more than 64 at once),
    ``delay`` the frames of latency before this plugin, ``offline`` true in a render,
    ``folder`` where relative file names begin.
    """

    sample_rate: int
    channels: int
    block: int = 64
    delay: int = 0
    offline: bool = False
    folder: Path = field(default_factory=Path)
    tempo_bpm: float = 120.0


@dataclass(frozen=True)
class Place:
    """Something that a parameter names by its number, and where it lies on a map, 0 to 1 both
    ways; alike ones lie near each other. ``family`` groups them, by colour."""

    name: str
    family: str
    across: float
    up: float


class PluginError(ValueError):
    """A plugin that cannot be built as asked; the message says what was given and allowed."""


class Plugin:
    """Something that sits in a chain. Subclass it, declare parameters, write ``process``.

    ``prepare`` builds the state the kernel works on; the host restores it at reset.
    ``readouts`` names numbers the kernel writes to ``state.readout`` for the screen.
    ``taps`` is 1 if the kernel writes sound to ``state.tap`` for the recorder; racks share it.
    """

    process: ClassVar[Kernel]
    params: ClassVar[dict[str, Param]] = dict(HOST)
    settings: ClassVar[dict[str, Setting]] = {}
    renamed: ClassVar[dict[str, str]] = {}
    """What a parameter or setting was called before, and is called now."""
    readouts: ClassVar[tuple[str, ...]] = ()
    taps: ClassVar[int] = 0
    counts_misses: ClassVar[bool] = False
    raw_knobs: ClassVar[bool] = False
    """The kernel gets its knobs as ``state.n_knobs`` records of KNOB, not by name: one
    compiled kernel serves however many there are."""
    tail: float = 0.0
    """Seconds for which it may be silent and yet not have rung out; 0 for what does not ring.
    After a switch a plugin that rings is heard to its end."""
    plays_notes: ClassVar[bool] = False
    """The host puts MIDI messages into ``state.notes`` and counts them in ``state.noted``."""
    follows_beat: ClassVar[bool] = False
    """The kernel gets ``state.beat``: the tempo, the beat at an origin, beats a frame, how many
    frames from that origin this part begins, and beats a bar."""
    leads_beat: ClassVar[bool] = False
    """The kernel gets ``state.lead``, 17 numbers that it writes its beat into (``layout.LEADS``).

    [0] 1 while it leads, [1] tempo in bpm, [2] the beat (in quarter notes; one that its beats a
    bar divide begins a bar) at [3], a frame of the node's own time, [4] beats a bar, [5] how sure
    it is from 0 to 1, [6] onsets heard so far, [7] strength of the last, from 0 to 1. The host
    writes [8] how often a tempo was told from outside (taps, MIDI clock, Link), [9] that tempo
    and [10] its beat at [11], a frame of the node's own time; [12] is that time where this part
    begins (after a panic a kernel that counts itself would count from 0). [14] is 1 once a player
    has said which beat is a bar's first. One that begins to lead where another did, or itself
    before a panic or in a process that has died, is told that one's beat as from outside, with its
    [14] and, as [15], its beats a bar; a tap has 0 there. [16] is the tempo for what lasts as long
    as notes do, a delay's gap: evener than [1] may be, which only says where the beat will be soon;
    0 if that is the same.

    Once a cell of 64 frames the host lets the musical clock be where the record says; all that
    follows the beat does so from the next cell on. One whose record has [0] = 0, or that is
    bypassed, leaves the beat as it is. Of several the first in the rack's order leads."""
    makes_notes: ClassVar[bool] = False
    """The kernel gets ``state.made``, 256 rows of a frame of the node's own time and a MIDI message
    packed as in ``state.notes``, and ``state.made_count``: [0] how many it has written since it
    began, [2] the node's own time where this part begins. They go to the player's MIDI outputs
    at their frame's time."""
    xy: ClassVar[tuple[str, ...]] = ()
    """Two parameters that one finger turns at once, on a field that a page shows: across, up."""
    ends: ClassVar[tuple[str, ...]] = ()
    """Parameters whose values are numbers of ``places``, chosen on their map: what lies between
    them is where ``xy`` stands. Of four ``xy`` goes from the first to the second across, from
    those two to the last two up; of two only across."""
    latency_samples: int = 0
    warnings: tuple[str, ...] = ()
    restarts: int = 0
    share: float = 0.0
    """What it is estimated to take of the deadline here; 0 where nobody measured."""

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        own = {k: v for k, v in vars(cls).items() if isinstance(v, (Param, Setting))}
        cls.params = {**cls.params, **{k: v for k, v in own.items() if isinstance(v, Param)}}
        cls.settings = {**cls.settings, **{k: v for k, v in own.items() if isinstance(v, Setting)}}

    def __init__(self, **settings: str | int) -> None:
        for name, setting in self.settings.items():
            object.__setattr__(self, name, setting.default)
        for name, value in settings.items():
            try:
                object.__setattr__(self, name, self.settings[name].check(value))
            except ParamError as error:
                raise ParamError(f"{name}: {error}") from None

    @classmethod
    def declared(cls, settings: Mapping[str, str | int], folder: Path) -> dict[str, Param]:
        """The parameters it has with these settings; others than ``params`` where a file says.

        ``folder`` is where relative file names begin. May raise PluginError.
        """
        return cls.params

    @classmethod
    def places(cls, settings: Mapping[str, str | int], folder: Path) -> tuple[Place, ...]:
        """What its ``ends`` choose from, by number, with these settings; see ``declared``.

        Asked whenever a page draws the rack: what takes long is kept. May raise PluginError.
        """
        return ()

    def width(self, channels: int) -> int:
        """Channels this plugin works on when it is fed ``channels``: 1 or 2."""
        return channels

    def resolve(self, setup: Setup) -> Plugin:
        """The plugin that does the work: another, where that depends on a file."""
        return self

    def prepare(self, setup: Setup) -> State:
        """Build the state for this stream; may raise PluginError."""
        return {}

    def bind(self, state: dict[str, npt.NDArray[Any]]) -> None:
        """Told where the arrays of the state have come to lie, before the first block."""

    def tick(self, load: float) -> None:
        """Called about every 50 ms on the control side while the plugin is in a rack.

        ``load`` is the share of its deadline that nearly every block took of late.
        """

    def close(self) -> None:
        """Called once when no rack uses this plugin any more."""

    @classmethod
    def help(cls) -> str:
        """The first line of the class's docstring."""
        return (cls.__doc__ or "").strip().split("\n")[0]


def zeros(*shape: int, dtype: Any = np.float32) -> npt.NDArray[Any]:
    """A state array of zeros, float32 unless told."""
    return np.zeros(shape, dtype)
