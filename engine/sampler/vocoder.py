"""The channel vocoder: frames of magnitudes become sound, hop by hop.

``bank`` is section 3.2 of the dissertation: an oscillator on every bin's frequency, whose
amplitude goes in a straight line from one frame's magnitude to the next, and whose phase is
chance to begin with; of a frame only local peaks sound. As all those frequencies are whole
multiples of one, the bank with a frame's amplitudes repeats itself every ``points`` samples: one
inverse transform makes them, and a crossfade over the hop of two such loops is the bank, exactly.

``coherent`` keeps phases that belong together: the frequency of each peak is where a parabola
through its logarithms has its top, its phase moves on by that frequency, and the bins around it
take the phases that the window gives them (Beauregard, Harish and Wyse, Single pass spectrogram
inversion, DSP 2015; Laroche and Dolson's phase locking, 1999). Frames overlap and add. It comes
half a window later, and knows no beating between oscillators that lie beside the pitch.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from engine.kernel import kernel
from engine.sampler.fourier import real_transform, to_sound
from engine.sampler.frames import points_of

BANK, COHERENT = range(2)
KIND, POINTS, HOP, WINDOW, BINS, PLACE, SEEN = range(7)
"""Words: which kind, points of the transform, samples a frame, samples of the window, bins, where
in the loop or the overlap the next sample lies, frames so far."""
SMALLEST = 1e-12


def vocoder(
    window_size: int, hop_size: int, zero_padding: bool, bins: int = 0, kind: int = BANK,
    seed_number: int = 0,
) -> dict[str, Any]:  # fmt: skip
    """State arrays of ``sing``, all called ``voc_...``.

    ``bins`` are the magnitudes of a frame from 0 Hz up, at most half the points and one; half of
    the points unless told. Raises SamplerError where no such transform is made.
    """
    points = points_of(window_size, zero_padding)
    bins = bins or points // 2
    assert bins <= points // 2 + 1
    turn = 2.0 * np.pi * np.random.default_rng(seed_number).random(points // 2 + 1)
    shape = np.blackman(window_size)
    square = np.zeros(hop_size)
    for first in range(0, window_size, hop_size):
        part = shape[first : first + hop_size] ** 2
        square[: len(part)] += part
    gain = shape / np.maximum(np.tile(square, -(-window_size // hop_size))[:window_size], 0.05)
    return {
        "voc_words": np.array([kind, points, hop_size, window_size, bins, 0, 0], np.int64),
        "voc_phase": turn,
        "voc_before": np.zeros(points // 2 + 1),  # the frequency each bin had, in bins
        # sin(x + turn) = Re(e^(j x) (sin turn - j cos turn))
        "voc_first": np.array([np.sin(turn), -np.cos(turn)], np.float32),
        "voc_peaks": np.zeros(points // 2 + 1, np.float32),
        "voc_spectrum": np.zeros((2, points // 2 + 1), np.float32),
        "voc_loops": np.zeros((2, points), np.float32),
        "voc_overlap": np.zeros(points + hop_size, np.float32),
        "voc_gain": (gain * shape.sum() / 2.0).astype(np.float32),
        **real_transform(points, "voc_"),
    }


@kernel
def sing(state: Any, magnitudes: Any, out: Any) -> None:
    """A frame (bins,) comes, so much sound (hop,) goes; all of the frame is there at its end."""
    find_peaks(magnitudes, state.voc_peaks)
    if state.voc_words[KIND] == COHERENT:
        sing_coherent(state, magnitudes, out)
    else:
        sing_bank(state, out)
    state.voc_words[SEEN] += 1


@kernel
def hush(state: Any) -> None:
    """What rings of earlier frames is forgotten, as if none had come."""
    loops, line = state.voc_loops, state.voc_overlap
    for i in range(loops.shape[1]):
        loops[0, i] = loops[1, i] = np.float32(0.0)
    for i in range(line.shape[0]):
        line[i] = np.float32(0.0)


@kernel
def transform_to(state: Any, loop: Any) -> None:
    """The sound of the spectrum that was written."""
    to_sound(
        state.voc_order, state.voc_steps, state.voc_twiddle, state.voc_turn, state.voc_work,
        state.voc_spectrum, loop,
    )  # fmt: skip


@kernel
def find_peaks(magnitudes: Any, peaks: Any) -> None:
    """Copy what is larger than both neighbours; all else, the ends too, is 0."""
    zero, last = np.float32(0.0), magnitudes.shape[0] - 1
    for k in range(peaks.shape[0]):
        peaks[k] = zero
    for k in range(1, last):
        m = magnitudes[k]
        if m > zero and m > magnitudes[k - 1] and m > magnitudes[k + 1]:
            peaks[k] = m


@kernel
def sing_bank(state: Any, out: Any) -> None:
    """The loop of the last frame fades into that of this one."""
    words, spectrum, first = state.voc_words, state.voc_spectrum, state.voc_first
    points, hop, peaks = words[POINTS], words[HOP], state.voc_peaks
    half = np.float32(0.5 * points)
    for k in range(peaks.shape[0]):
        size = peaks[k] * half
        spectrum[0, k], spectrum[1, k] = size * first[0, k], size * first[1, k]
    now = words[SEEN] & 1
    loop, before = state.voc_loops[now], state.voc_loops[1 - now]
    transform_to(state, loop)
    step, place, done = np.float32(1.0 / hop), words[PLACE], 0
    while done < hop:
        some = min(hop - done, points - place)
        old, new, y = before[place:], loop[place:], out[done:]
        for i in range(some):
            share = np.float32(done + i) * step
            y[i] = old[i] + share * (new[i] - old[i])
        done += some
        place = (place + some) & (points - 1)
    words[PLACE] = place


@kernel
def sing_coherent(state: Any, magnitudes: Any, out: Any) -> None:
    """Give every peak and its slopes a phase, transform, overlap and add."""
    words, peaks = state.voc_words, state.voc_peaks
    bins, hop, size = words[BINS], words[HOP], words[WINDOW]
    begin, peak = 0, next_peak(peaks, 0, bins)
    while peak < bins:
        following = next_peak(peaks, peak + 1, bins)
        end = bins if following == bins else valley(magnitudes, peak, following)
        lock(state, magnitudes, begin, peak, end)
        begin, peak = end, following
    for k in range(begin, state.voc_spectrum.shape[1]):
        state.voc_spectrum[0, k] = state.voc_spectrum[1, k] = np.float32(0.0)
    last = state.voc_spectrum.shape[1] - 1
    state.voc_spectrum[1, 0] = state.voc_spectrum[1, last] = np.float32(0.0)  # of real sound
    loop = state.voc_loops[0]
    transform_to(state, loop)
    line, gain = state.voc_overlap, state.voc_gain
    for i in range(size):
        line[i] += loop[i] * gain[i]
    for i in range(hop):
        out[i] = line[i]
    kept = line.shape[0] - hop
    for i in range(kept):
        line[i] = line[i + hop]
    for i in range(kept, line.shape[0]):
        line[i] = np.float32(0.0)


@kernel
def next_peak(peaks: Any, first: int, bins: int) -> int:
    """The next bin from ``first`` that is a peak; ``bins`` for none."""
    k = first
    while k < bins and peaks[k] == np.float32(0.0):
        k += 1
    return k


@kernel
def valley(magnitudes: Any, low: int, high: int) -> int:
    """The lowest bin between two peaks."""
    best = low + 1
    for k in range(low + 1, high):
        if magnitudes[k] < magnitudes[best]:
            best = k
    return best


@kernel
def lock(state: Any, magnitudes: Any, begin: int, peak: int, end: int) -> None:
    """Bins ``begin`` to ``end`` belong to one sine: move its phase on, and give them theirs."""
    words, phase, before = state.voc_words, state.voc_phase, state.voc_before
    a = math.log(max(magnitudes[peak - 1], SMALLEST))
    b = math.log(max(magnitudes[peak], SMALLEST))
    c = math.log(max(magnitudes[peak + 1], SMALLEST))
    bend = a - 2.0 * b + c
    place = peak + (0.5 * (a - c) / bend if bend < 0.0 else 0.0)
    cycle = 2.0 * math.pi / words[POINTS]
    mean = 0.5 * (before[peak] + place) if before[peak] > 0.0 else place
    theta = phase[peak] + cycle * mean * words[HOP]
    theta -= 2.0 * math.pi * math.floor(theta / (2.0 * math.pi))
    middle = 0.5 * (words[WINDOW] - 1)
    turn = -cycle * middle  # from one bin to the next: the window's middle is not its start
    at = theta + turn * (begin - place)
    re, im = math.cos(at), math.sin(at)
    step_re, step_im = math.cos(turn), math.sin(turn)
    for k in range(begin, end):
        m = max(magnitudes[k], np.float32(0.0))
        state.voc_spectrum[0, k], state.voc_spectrum[1, k] = m * re, m * im
        re, im = re * step_re - im * step_im, re * step_im + im * step_re
        phase[k], before[k] = theta, place


__all__ = ["BANK", "COHERENT", "hush", "sing", "vocoder"]
