"""Sound from magnitudes as they come: a phase for every bin, and nothing of the future.

Each frame gets phases by integration (integrate.py), which knows the last two frames only. Then
``corrections`` times they are made to agree with the sound that is already there: the frame is
added to what earlier frames left, analysed again, and keeps those phases, going half a step
further than the last time. These are the iterations of RTISI (Zhu, Beauregard and Wyse, Real-time
signal estimation from modified short-time Fourier transform magnitude spectra, IEEE TASLP 15,
2007) with the momentum of fast Griffin-Lim (Perraudin, Balazs and Søndergaard, WASPAA 2013), begun
where integration is already right. Where later frames are still missing the window is divided by
what is there of it.

A voice whose pitch is known is kept in tune (tune.py): ``phase_pitch`` (voices,) is its fundamental
in bins, 0 where there is none, and may change from frame to frame.

Levels that leap are no attack, which would lie late in its window: phases are told of no change,
and the frame's own sound, its window undone, takes the place of what earlier frames left there for
later. Half of a leap is heard after a quarter of the window then, not after half of it.

Levels are dB of a sine's amplitude on a bin; SILENT_DB and less, and what is no number, is none.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from engine.dsp.approx import LOG2_PER_DB, exp2
from engine.kernel import kernel
from engine.morph.compiled import Arrays, bind, caller, table_of
from engine.morph.errors import MorphError
from engine.morph.grid import Array, Grid
from engine.morph.integrate import integrate, paths, rises, slopes
from engine.morph.tune import HELD, go_on, hold, main_lobe, tune
from engine.morph.turns import angle, cosine, sine, wrapped
from engine.native_calls import run_network
from engine.sampler.fourier import real_transform, to_sound, to_spectrum

SIZE, HOP, CORRECTIONS = range(3)
"""Words of ``phase_plan``; CORRECTIONS may be changed at any time."""
SILENT_DB, MOST_DB = -120.0, 60.0
MOST_CORRECTIONS = 32
MOMENTUM = np.float32(0.5)
RESTART, LEAP = 1, 2
TAKES_OVER = 0.15, 0.45
"""Of a window: from where to where a frame that leaps fades in. Before that its window has hardly
anything of its sound."""
TABLE = "phase_table"
_TINY = np.float32(1e-30)
_SILENT = np.float32(SILENT_DB * LOG2_PER_DB)
_LOUDEST = np.float32(MOST_DB * LOG2_PER_DB)


def phase_state(grid: Grid, voices: int = 1, corrections: int = 2, prefix: str = "") -> Arrays:
    """State arrays of ``sing`` for so many voices that know nothing of each other.

    A caller writes ``phase_levels`` (voices, bins) and reads ``phase_ready`` (voices, hop).
    Raises MorphError for a grid that does not exist.
    """
    grid.check()
    if not 0 <= corrections <= MOST_CORRECTIONS:
        raise MorphError(f"corrections = {corrections} is outside 0 to {MOST_CORRECTIONS}")
    size, hop, bins = grid.size, grid.hop, grid.bins
    base = np.arange(bins) * hop / size
    square = grid.window**2
    there = np.array([square[i::hop].sum() for i in range(size)])
    state: Arrays = {
        "phase_plan": np.array([size, hop, corrections], np.int64),
        "phase_levels": np.full((voices, bins), SILENT_DB, np.float32),
        "phase_pitch": np.zeros(voices, np.float32),
        "phase_lobe": main_lobe(),
        "phase_ready": np.zeros((voices, hop), np.float32),
        "phase_before": np.full((voices, 2, bins), _SILENT, np.float32),
        "phase_turns": np.zeros((voices, bins), np.float32),
        "phase_rose": np.tile((base % 1.0).astype(np.float32), (voices, 1)),
        "phase_line": np.zeros((voices, size), np.float32),
        "phase_base": (base % 1.0).astype(np.float32),
        "phase_window": (grid.window * size / 4.0).astype(np.float32),
        "phase_again": (grid.window / np.maximum(there, 1e-4) * 4.0 / size).astype(np.float32),
        "phase_instead": _instead(square, there),
        "phase_whole": (1.0 / square.reshape(-1, hop).sum(0)).astype(np.float32),
        "phase_rows": np.zeros((6, bins), np.float32),
        "phase_spectrum": np.zeros((2, bins), np.float32),
        "phase_heard": np.zeros((2, bins), np.float32),
        "phase_asked": np.zeros((2, bins), np.float32),
        "phase_sound": np.zeros(size, np.float32),
        "phase_sum": np.zeros(size, np.float32),
        **real_transform(size, "phase_"),
    }
    state[TABLE] = table_of("morph-phase", phase_voice, state)
    return {prefix + name: array for name, array in state.items()}


def _instead(square: npt.NDArray[np.float64], there: npt.NDArray[np.float64]) -> Array:
    """What of a frame (windowed twice) stands for all earlier ones: there - square of square, faded
    in; and how much of these is left: (2, size)."""
    first, last = TAKES_OVER
    part = np.clip((np.arange(len(square)) / len(square) - first) / (last - first), 0.0, 1.0)
    fade = 0.5 - 0.5 * np.cos(np.pi * part)
    others = fade * (there - square) / np.maximum(square, 1e-6)
    return np.array([others, 1.0 - fade], np.float32)


def bind_phase(arrays: dict[str, npt.NDArray[Any]], prefix: str = "") -> None:
    """Tell the table among ``arrays``, which may hold others too, where its own now lie."""
    bind(arrays, TABLE, "phase_", prefix)


@kernel
def sing(table: Any, voice: int) -> None:
    """A voice's ``phase_levels`` become the next hop of its ``phase_ready``."""
    run_network(table[0], table.ctypes.data, voice, 0, 0)


@kernel
def leap(table: Any, voice: int, over: int) -> None:
    """As ``sing``, of levels that are others than before at once: no attack, and with ``over`` soon
    heard."""
    run_network(table[0], table.ctypes.data, voice, LEAP, over)


@kernel
def silence(table: Any, voice: int) -> None:
    """A voice forgets all it was: it begins anew with the next frame."""
    run_network(table[0], table.ctypes.data, voice, RESTART, 0)


@kernel
def phase_voice(state: Any, voice: int, what: int, over: int) -> None:
    """What the code does: one frame of one voice, or its end."""
    line, pitch = state.phase_line[voice], state.phase_pitch[voice]
    if what == RESTART:
        forget(state, voice)
        return
    loudest = take_levels(state, state.phase_levels[voice])
    if what == LEAP:
        remember(state, voice)
        remember(state, voice)
    held = is_held(pitch)
    if loudest >= 0:
        if pitch > np.float32(0.0):
            tune(state.phase_rows[0], state.phase_rows[1], _SILENT, pitch, state.phase_lobe)
        give_phases(state, voice, loudest, pitch)
        corrections = state.phase_plan[CORRECTIONS]
        for _ in range(min(corrections, 1) if held else corrections):
            agree(state, line)
        if corrections > 0 and not held:
            read_phases(state, state.phase_turns[voice])
        to_frame(state)
        if over:
            take_over(state, line)
        sound, window = state.phase_sound, state.phase_window
        for i in range(line.shape[0]):
            line[i] += window[i] * sound[i]
    remember(state, voice)
    emit(line, state.phase_whole, state.phase_ready[voice])


@kernel
def is_held(pitch: Any) -> bool:
    """Whether partials are too near to be told apart."""
    return np.float32(0.0) < pitch < np.float32(HELD)


@kernel
def forget(state: Any, voice: int) -> None:
    """As at the start."""
    before, turns, rose = state.phase_before[voice], state.phase_turns[voice], state.phase_rose
    for k in range(turns.shape[0]):
        before[0, k], before[1, k], turns[k] = _SILENT, _SILENT, np.float32(0.0)
        rose[voice, k] = state.phase_base[k]
    line = state.phase_line[voice]
    for i in range(line.shape[0]):
        line[i] = np.float32(0.0)


@kernel
def take_levels(state: Any, levels: Any) -> int:
    """Logarithms to base 2 and magnitudes of a frame; its loudest bin, -1 if all is silent."""
    logs, sizes = state.phase_rows[0], state.phase_rows[1]
    per_db = np.float32(LOG2_PER_DB)
    for k in range(levels.shape[0]):
        x = levels[k] * per_db
        x = x if x > _SILENT else _SILENT  # so is what is no number
        x = min(x, _LOUDEST)
        logs[k], sizes[k] = x, exp2(x)
    loudest = 0
    for k in range(levels.shape[0]):
        if logs[k] > logs[loudest]:
            loudest = k
    return loudest if logs[loudest] > _SILENT else -1


@kernel
def give_phases(state: Any, voice: int, loudest: int, pitch: Any) -> None:
    """Integrate, and write the spectrum that is asked for."""
    rows, plan = state.phase_rows, state.phase_plan
    logs, sizes, rise, slope, left, right = rows[0], rows[1], rows[2], rows[3], rows[4], rows[5]
    before, older = state.phase_before[voice, 0], state.phase_before[voice, 1]
    turns, rose = state.phase_turns[voice], state.phase_rose[voice]
    steep = np.float32(math.log(2.0) / (2.0 * math.pi) * plan[SIZE] / plan[HOP])
    cycle = np.float32(plan[HOP] / plan[SIZE])
    if is_held(pitch):
        hold(state.phase_base, cycle, pitch, rise)
        go_on(rise, rose, turns)
    else:
        rises(sizes, state.phase_base, cycle, rise)
        slopes(logs, before, older, steep, slope)
        paths(logs, before, _SILENT, loudest, left, right)
        integrate(before, _SILENT, loudest, left, right, rise, rose, slope, turns)
    re, im = state.phase_spectrum[0], state.phase_spectrum[1]
    half = np.float32(0.5)
    for k in range(turns.shape[0]):
        rose[k] = rise[k]
        size = sizes[k] if logs[k] > _SILENT else np.float32(0.0)
        sizes[k] = size
        # the window's middle is half a transform after its start: half a turn a bin
        at = wrapped(turns[k] + half * np.float32(k & 1))
        re[k], im[k] = size * cosine(at), size * sine(at)
    im[0] = im[turns.shape[0] - 1] = np.float32(0.0)
    heard = state.phase_heard
    for k in range(turns.shape[0]):
        heard[0, k], heard[1, k] = re[k], im[k]


@kernel
def to_frame(state: Any) -> None:
    """The sound of the spectrum."""
    to_sound(
        state.phase_order, state.phase_steps, state.phase_twiddle, state.phase_turn,
        state.phase_work, state.phase_spectrum, state.phase_sound,
    )  # fmt: skip


@kernel
def agree(state: Any, line: Any) -> None:
    """Phases of the frame together with what earlier frames left; magnitudes as they were."""
    to_frame(state)
    sound, window, again, both = (
        state.phase_sound, state.phase_window, state.phase_again, state.phase_sum,
    )  # fmt: skip
    for i in range(line.shape[0]):
        both[i] = (line[i] + window[i] * sound[i]) * again[i]
    to_spectrum(
        state.phase_order, state.phase_steps, state.phase_twiddle, state.phase_turn,
        state.phase_work, both, state.phase_asked,
    )  # fmt: skip
    sizes, re, im = state.phase_rows[1], state.phase_spectrum[0], state.phase_spectrum[1]
    heard_re, heard_im = state.phase_heard[0], state.phase_heard[1]
    new_re, new_im = state.phase_asked[0], state.phase_asked[1]
    for k in range(re.shape[0]):
        x = new_re[k] + MOMENTUM * (new_re[k] - heard_re[k])
        y = new_im[k] + MOMENTUM * (new_im[k] - heard_im[k])
        heard_re[k], heard_im[k] = new_re[k], new_im[k]
        gain = sizes[k] / np.float32(math.sqrt(x * x + y * y + _TINY))
        re[k], im[k] = gain * x, gain * y


@kernel
def take_over(state: Any, line: Any) -> None:
    """The frame's sound in the place of what earlier ones left."""
    sound, window, instead = state.phase_sound, state.phase_window, state.phase_instead
    for i in range(line.shape[0]):
        line[i] = instead[1, i] * line[i] + instead[0, i] * window[i] * sound[i]


@kernel
def read_phases(state: Any, turns: Any) -> None:
    """The phases of the spectrum are those that the next frame goes on from."""
    re, im, half = state.phase_spectrum[0], state.phase_spectrum[1], np.float32(0.5)
    for k in range(turns.shape[0]):
        turns[k] = wrapped(angle(im[k], re[k]) - half * np.float32(k & 1))


@kernel
def remember(state: Any, voice: int) -> None:
    """This frame is the last one."""
    logs, before = state.phase_rows[0], state.phase_before[voice]
    for k in range(logs.shape[0]):
        before[1, k], before[0, k] = before[0, k], logs[k]


@kernel
def emit(line: Any, whole: Any, ready: Any) -> None:
    """No later frame adds to the first hop: it is done, and all moves on."""
    hop = ready.shape[0]
    for i in range(hop):
        ready[i] = line[i] * whole[i]
    kept = line.shape[0] - hop
    for i in range(kept):
        line[i] = line[i + hop]
    for i in range(kept, line.shape[0]):
        line[i] = np.float32(0.0)


class Phaser:
    """One voice for Python, by the code that a plugin calls: frames go in, hops come out."""

    def __init__(self, grid: Grid, corrections: int = 2, hertz: float = 0.0) -> None:
        self.grid = grid
        self.arrays = phase_state(grid, 1, corrections)
        self.arrays["phase_pitch"][0] = hertz * grid.size / grid.rate
        bind_phase(self.arrays)
        table = self.arrays[TABLE]
        self._call = caller(int(table[0]))
        self._at = int(table.ctypes.data)

    def frame(self, levels: npt.ArrayLike) -> Array:
        """The next hop (hop,) for the levels of a frame (bins,) in dB."""
        self.arrays["phase_levels"][0] = levels
        self._call(self._at, 0, 0, 0)
        return self.arrays["phase_ready"][0].copy()

    def frames(self, levels: npt.ArrayLike) -> Array:
        """The hops of some frames (count, bins), one after the other (count * hop,)."""
        rows = np.asarray(levels, np.float32)
        made = [self.frame(row) for row in rows]
        return np.concatenate(made) if made else np.zeros(0, np.float32)

    def restart(self) -> None:
        """Forget all frames."""
        self._call(self._at, 0, RESTART, 0)


def phased(magnitudes: npt.ArrayLike, grid: Grid, corrections: int = 2) -> Array:
    """Sound of magnitudes (frames, bins) as ``grid.magnitudes`` makes them: float32 (samples,).

    What was analysed begins at ``grid.lead``; there are ``grid.lead`` samples after it if all its
    frames are given. Raises MorphError if that is no number of frames of this grid.
    """
    given = np.asarray(magnitudes, np.float64)
    if given.ndim != 2 or given.shape[1] != grid.bins:
        raise MorphError(f"magnitudes of shape {given.shape} are not (frames, {grid.bins})")
    levels, gain = levels_of(given)
    rest = np.full((grid.overlap - 1, grid.bins), SILENT_DB, np.float32)
    return Phaser(grid, corrections).frames(np.concatenate([levels, rest])) * np.float32(gain)


def levels_of(magnitudes: npt.ArrayLike) -> tuple[Array, float]:
    """Magnitudes (frames, bins) in dB against the largest of them, and that one.

    What is no number is none; of silence all is SILENT_DB, and the largest counts as 1.
    """
    given = np.asarray(magnitudes, np.float64)
    finite = np.maximum(np.where(np.isfinite(given), given, 0.0), 0.0)
    most = float(finite.max(initial=0.0)) or 1.0
    low = 10.0 ** (SILENT_DB / 20.0)
    return (20.0 * np.log10(np.maximum(finite / most, low))).astype(np.float32), most


__all__ = [
    "CORRECTIONS", "SILENT_DB", "TABLE", "Phaser", "bind_phase", "leap", "levels_of",
    "phase_state", "phased", "silence", "sing",
]  # fmt: skip
