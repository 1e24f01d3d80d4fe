"""Finds reverberations too long for an impulse response: its first part, then a delay network.

The first seconds are kept exactly; what comes later is a feedback delay network that dies away
as fast in each octave and begins as loud (Jot, An analysis/synthesis approach to real-time
artificial reverberation, ICASSP 1992). The network plays from the start, and the response of the
first part has it subtracted, so that one fades into the other.
"""

from __future__ import annotations

import numpy as np
from scipy.signal import butter, sosfiltfilt

from engine.boxes.fir import Fir
from engine.boxes.tail import Tail
from models.effects.grey import Found
from models.effects.grey.fitting import (
    Vector,
    box_network,
    error,
    hear_through,
    held_out,
    with_residual,
)
from models.effects.grey.linear import LONGEST_S, NOT_LINEAR, heart
from models.pairs import Pairs

EXACT_S, FADE_S = 1.0, 0.25
OCTAVES_HZ = (62.5, 125.0, 250.0, 500.0, 1000.0, 2000.0, 4000.0, 8000.0, 16000.0)
DELAYS = (1433, 1601, 1867, 2053, 2251, 2399, 2617, 2797)
"""Samples at 48 kHz, 30 to 58 ms: primes, so that no two lines have a mode in common."""
TAPS = 512
FRAME_S = 0.05
SHORTEST_T60_S, LONGEST_T60_S = 0.1, 60.0


def find(pairs: Pairs) -> Found | None:
    """A response that has not died away after five seconds; None for any other effect."""
    if pairs.knobs:
        return None
    known, rate = heart(pairs), pairs.sample_rate
    if known is None or known.response.left > NOT_LINEAR:
        return None
    taps = known.response.taps
    if len(taps) < 0.9 * LONGEST_S * rate:
        return None
    start, late = from_response(taps, rate)
    network = with_residual(box_network(start, rate), box_network(late, rate))
    esr = error(
        lambda dry: hear_through(start, dry, rate) + hear_through(late, dry, rate),
        held_out(pairs, 30.0),
    )
    decay = ", ".join(f"{t:.2g} s at {hz:g} Hz" for hz, t in decays(taps, rate).items())
    why = (
        f"After {len(taps) / rate:.2g} s the response has not died away; it takes {decay}.",
        f"The first {EXACT_S:g} s are kept exactly, the rest is a feedback delay network with "
        f"the same decay in each octave.",
        f"Held-out sound is left with an error-to-signal ratio of {esr:.2g}; of a late tail only "
        f"decay and colour can be heard.",
    )
    return Found("tail", network, why, esr)


def from_response(taps: Vector, sample_rate: int) -> tuple[Fir, Tail]:
    """The first part of a response and the network that goes on from it; their sum is heard."""
    times = decays(taps, sample_rate)
    delays = np.round(np.array(DELAYS) * sample_rate / 48_000)
    late = Tail(
        delays.astype(np.float32), absorption(times, delays, sample_rate), np.ones(1, np.float32)
    )
    exact = min(round(EXACT_S * sample_rate), len(taps) // 2)
    for _ in range(3):  # the tone is measured on the network itself
        made = _impulse_response(late, len(taps), sample_rate)
        wanted, heard = (_levels(sound[exact:], sample_rate) for sound in (taps, made))
        gains = {hz: wanted[hz] / max(heard[hz], 1e-20) for hz in wanted}
        tone = _minimum_phase(_along(gains, sample_rate), TAPS)
        both = np.convolve(late.tone, tone)[:TAPS]
        late = Tail(late.delays, late.absorb, both.astype(np.float32))
    made = _impulse_response(late, exact, sample_rate)
    fade = round(FADE_S / EXACT_S * exact)
    window = np.ones(exact)
    window[exact - fade :] = 0.5 + 0.5 * np.cos(np.pi * (np.arange(fade) + 0.5) / fade)
    return Fir((window * (taps[:exact] - made)).astype(np.float32)), late


def decays(taps: Vector, sample_rate: int) -> dict[float, float]:
    """The time to fall by 60 dB, in seconds, of each octave that can be measured."""
    found: dict[float, float] = {}
    size = round(FRAME_S * sample_rate)
    for hz, band in _bands(taps, sample_rate).items():
        rows = band[: len(band) // size * size].reshape(-1, size)
        db = 10.0 * np.log10(np.mean(np.square(rows), axis=1) + 1e-30)
        first = max(int(np.argmax(db)), len(db) // 10)
        down = np.flatnonzero(db[first:] < db[first] - 60.0)
        last = first + (int(down[0]) if len(down) else int(0.95 * (len(db) - first)))
        if last - first >= 4:
            slope = np.polyfit(np.arange(first, last) * FRAME_S, db[first:last], 1)[0]
            time = -60.0 / slope if slope < 0.0 else LONGEST_T60_S
            found[hz] = float(np.clip(time, SHORTEST_T60_S, LONGEST_T60_S))
    return found or {1000.0: 1.0}


def absorption(times: dict[float, float], delays: Vector, sample_rate: int) -> np.ndarray:
    """Impulse responses, one after the other, of the loss on the way through each line."""
    per_sample = _along({hz: 1.0 / time for hz, time in times.items()}, sample_rate)
    rows = []
    for delay in delays:
        gain = 10.0 ** (-3.0 * delay * per_sample / sample_rate)
        row = _minimum_phase(gain, TAPS)
        largest = np.abs(np.fft.rfft(row, 8192)).max()
        rows.append(row * min(1.0, 0.99999 / largest))
    return np.concatenate(rows).astype(np.float32)


def _impulse_response(box: Tail, frames: int, sample_rate: int) -> Vector:
    impulse = np.zeros(frames, np.float32)
    impulse[0] = 1.0
    return hear_through(box, impulse, sample_rate).astype(np.float64)


def _bands(taps: Vector, sample_rate: int) -> dict[float, Vector]:
    """The response in octaves, filtered without a delay."""
    bands = {}
    for hz in OCTAVES_HZ:
        edges = [hz / np.sqrt(2.0), min(hz * np.sqrt(2.0), 0.49 * sample_rate)]
        if edges[0] < 0.45 * sample_rate:
            sections = butter(4, edges, "bandpass", fs=sample_rate, output="sos")
            bands[hz] = sosfiltfilt(sections, taps)
    return bands


def _levels(taps: Vector, sample_rate: int) -> dict[float, float]:
    """The root of the energy of each octave."""
    bands = _bands(taps, sample_rate)
    return {hz: float(np.sqrt(np.sum(np.square(band)))) for hz, band in bands.items()}


def _along(values: dict[float, float], sample_rate: int) -> Vector:
    """Values at octaves as a smooth curve over 4097 frequencies from 0 to Nyquist."""
    frequency = np.maximum(np.linspace(0.0, sample_rate / 2.0, 4097), 1.0)
    places, levels = np.log2(list(values)), np.log(np.maximum(list(values.values()), 1e-12))
    return np.asarray(np.exp(np.interp(np.log2(frequency), places, levels)))


def _minimum_phase(magnitude: Vector, taps: int) -> Vector:
    """The minimum-phase FIR of a magnitude at 0 to Nyquist, by its cepstrum, cut to ``taps``."""
    cepstrum = np.fft.irfft(np.log(np.maximum(magnitude, 1e-9)))
    half = len(cepstrum) // 2
    cepstrum[1:half] *= 2.0
    cepstrum[half + 1 :] = 0.0
    response = np.fft.irfft(np.exp(np.fft.rfft(cepstrum)))[:taps]
    fade = taps // 4
    response[-fade:] *= 0.5 + 0.5 * np.cos(np.pi * (np.arange(fade) + 0.5) / fade)
    return np.asarray(response)
