"""Samples to frames and back: windows, overlaps, and the sound above what the model hears.

The model's sound is analysed under Hann's window and made again, each frame under a window on its
last ``reach`` samples, so that all is ``reach`` samples late. ``full``: the whole of Hann's once
more, with the least of what a filter smears. ``short``: what makes of Hann's window one of half
its length, half as late (Mauler and Martin, A low delay, variable resolution, perfect
reconstruction spectral analysis-synthesis system, EUSIPCO 2007).

What a model at 16 kHz does not hear is the host's sound less that sound at the model's rate and
back; it is delayed, and given the gain of the highest bins. So both filters between the rates need
not be steep, and are short: what folds lies above PASS, and is there again with its sign turned.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from engine.dsp.lines import line_frames
from engine.dsp.rates import Plan, Way, converter_of, most_frames, ratio
from engine.kernel import kernel
from engine.morph.grid import Grid
from engine.params import CELL
from engine.sampler.fourier import real_transform, to_sound, to_spectrum
from plugins.timbre.pitch import window_of

WINDOWS = ("full", "short")
SPARE = 8
"""Samples of the model that its sound may be later, so that it lasts whole frames of the host."""
PASS, STOP_DB = 0.8, 70.0
"""Of the lower Nyquist frequency, from where on filters fall, to STOP_DB as far above it."""
NOW, AT, LATE_AT = range(3)
"""``framing``: host frames so far; samples of the hop under way; place in ``late``."""


def reach_of(grid: Grid, window: str) -> int:
    """Samples that the model's sound is late."""
    return grid.size if window == "full" else grid.size // 2


def plan(host_rate: int, model_rate: int) -> Plan:
    """As engine.dsp.rates' plan, with shorter filters: a third of the delay at 48 kHz."""
    up, down = ratio(host_rate, model_rate)
    if up == down:
        return Plan(1, 1, 1, Way(1, 1), Way(1, 1))
    inner = host_rate * up / down
    lower = min(float(host_rate), inner)
    return Plan(up, down, 1, _way(up, down, host_rate, lower), _way(down, up, inner, lower))


def _way(parts: int, step: int, rate: float, lower: float) -> Way:
    """Kaiser's window and length (Oppenheim and Schafer, 7.5): half way down at ``lower`` / 2."""
    falls = (1.0 - PASS) * lower / rate
    half = math.ceil((STOP_DB - 7.95) / (2.0 * 2.285 * 2.0 * np.pi * falls) + falls)
    return Way(parts, step, half, lower / rate, 0.1102 * (STOP_DB - 8.7))


def spare_of(reach: int, p: Plan) -> tuple[int, int]:
    """Further samples of delay, up to SPARE, and the host frames that all of it then lasts."""
    lasts = [(reach + spare) * p.down / p.up for spare in range(SPARE + 1)]
    spare = min(range(SPARE + 1), key=lambda k: (round(abs(lasts[k] - round(lasts[k])), 6), k))
    return spare, round(lasts[spare])


def shapes(grid: Grid, window: str) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Windows before (size,) and after (reach,): their product adds up to 1 over all frames."""
    before, reach = grid.window, reach_of(grid, window)
    if window == "full":
        after = before.copy()
    else:
        # Hann's of half the length over the end of the whole one: 4 cos^2, finite at the very end
        after = 4.0 * np.cos(np.pi * np.arange(reach, 0, -1) / grid.size) ** 2
    whole = (before[-reach:] * after).reshape(-1, grid.hop).sum(0)
    return before, after / np.tile(whole, reach // grid.hop)


def framing(grid: Grid, window: str, host_rate: int) -> tuple[dict[str, Any], int]:
    """State of ``host_to_model`` and the rest, and host frames that all is late."""
    p = plan(host_rate, grid.rate)
    before, after = shapes(grid, window)
    spare, lasts = spare_of(len(after), p)
    early, most = p.latency, most_frames(host_rate, grid.rate)
    both = converter_of(p)
    again = {f"plain_{kind}": both[f"from_{kind}"].copy() for kind in ("table", "line", "clock")}
    return {
        **both,
        **again,
        "rates_late": early,
        "frames_late": lasts,
        "framing": np.zeros(3, np.int64),
        "heard": np.zeros((1, most), np.float32),
        "played": np.zeros((1, most), np.float32),
        "own": np.zeros(CELL, np.float32),
        "low": np.zeros(CELL, np.float32),
        "high": np.zeros(CELL, np.float32),
        "wet": np.zeros(CELL, np.float32),
        "gains": np.zeros(CELL, np.float32),
        "own_line": np.zeros(line_frames(early), np.float32),
        "high_line": np.zeros(line_frames(lasts), np.float32),
        "late": np.zeros(spare, np.float32),
        "past": np.zeros(max(grid.size, window_of(grid)), np.float32),
        "fresh": np.zeros(grid.hop, np.float32),
        "ready": np.zeros(grid.hop, np.float32),
        "before": (before * 4.0 / grid.size).astype(np.float32),
        "after": (after * grid.size / 4.0).astype(np.float32),
        "sum": np.zeros(len(after), np.float32),
        "frame": np.zeros(grid.size, np.float32),
        "spectrum": np.zeros((2, grid.bins), np.float32),
        **real_transform(grid.size, "frame_"),
    }, early + lasts


@kernel
def take_hop(state: Any) -> None:
    """A hop is full: the past ends with it."""
    past, fresh = state.past, state.fresh
    kept = past.shape[0] - fresh.shape[0]
    for i in range(kept):
        past[i] = past[i + fresh.shape[0]]
    for i in range(fresh.shape[0]):
        past[kept + i] = fresh[i]


@kernel
def analyse(state: Any) -> None:
    """``spectrum`` of the last frame, scaled as engine.morph.grid's."""
    frame, before = state.frame, state.before
    x = state.past[state.past.shape[0] - frame.shape[0] :]
    for i in range(frame.shape[0]):
        frame[i] = before[i] * x[i]
    to_spectrum(
        state.frame_order, state.frame_steps, state.frame_twiddle, state.frame_turn,
        state.frame_work, frame, state.spectrum,
    )  # fmt: skip


@kernel
def overlap(state: Any) -> None:
    """The sound of ``spectrum`` is added; ``ready`` is the hop that is done."""
    to_sound(
        state.frame_order, state.frame_steps, state.frame_twiddle, state.frame_turn,
        state.frame_work, state.spectrum, state.frame,
    )  # fmt: skip
    line, after, ready = state.sum, state.after, state.ready
    frame = state.frame[state.frame.shape[0] - line.shape[0] :]
    for i in range(line.shape[0]):
        line[i] += after[i] * frame[i]
    hop = ready.shape[0]
    kept = line.shape[0] - hop
    for i in range(hop):
        ready[i] = line[i]
    for i in range(kept):
        line[i] = line[i + hop]
    for i in range(kept, line.shape[0]):
        line[i] = np.float32(0.0)


@kernel
def delay(sound: Any, line: Any, place: Any) -> None:
    """``sound`` as late as ``line`` is long, in place."""
    if line.shape[0] == 0:
        return
    at = place[LATE_AT]
    for i in range(sound.shape[0]):
        old, line[at] = line[at], sound[i]
        sound[i] = old
        at = 0 if at + 1 == line.shape[0] else at + 1
    place[LATE_AT] = at


__all__ = [
    "AT", "NOW", "WINDOWS", "analyse", "delay", "framing", "overlap", "reach_of", "shapes",
    "take_hop",
]  # fmt: skip
