"""Sounds to send through an effect to learn it: notes, sweeps, steps and noise.

All are (frames,) float32 and the same for the same generator.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from engine.performance import BEATS_A_BAR, TEMPO_BPM, guitar

Audio = NDArray[np.float32]

SEGMENT_S = 10.0
LOWEST_HZ, HIGHEST_HZ = 80.0, 1200.0
PEAK = 0.8
FADE_S = 0.004
SHAPES = ("sine", "square", "saw", "chirp")
SWEEP_HZ = (20.0, 0.45)  # from here to this part of the sample rate


def notes(rate: int, rng: Generator, seconds: float = SEGMENT_S) -> Audio:
    """One segment of tones and chirps between 80 and 1200 Hz.

    After the generator of McCool, 2018: how many tones there are in a second, how long the gaps
    are and how many tones sound together differ from segment to segment; the level does, too.
    """
    frames = round(seconds * rate)
    sound = np.zeros(frames + rate)
    voices = int(rng.integers(1, 5))
    each_s = float(np.exp(rng.uniform(np.log(0.08), np.log(1.5))))
    gap = float(rng.uniform(0.0, 0.75))  # of the time, in each voice
    for _ in range(voices):
        at_s = float(rng.uniform(0.0, each_s))
        while at_s < seconds:
            length_s = each_s * float(rng.uniform(0.5, 1.5))
            tone = _tone(rate, rng, length_s * (1.0 - gap))
            start = round(at_s * rate)
            part = sound[start : start + len(tone)]
            part += tone[: len(part)]
            at_s += length_s
    sound = sound[:frames]
    top = float(np.abs(sound).max()) or 1.0
    return np.asarray(sound * (PEAK * 10.0 ** (rng.uniform(-15.0, 0.0) / 20.0) / top), np.float32)


def _tone(rate: int, rng: Generator, seconds: float) -> NDArray[np.float64]:
    """One tone with soft ends; squares and saws are not band-limited, as in the dissertation."""
    frames = max(round(seconds * rate), 2 * round(FADE_S * rate))
    time = np.arange(frames) / rate
    first, last = np.exp(rng.uniform(np.log(LOWEST_HZ), np.log(HIGHEST_HZ), 2))
    shape = SHAPES[int(rng.integers(len(SHAPES)))]
    if shape == "chirp":
        turns = first * time + 0.5 * (last - first) / max(seconds, 1e-3) * time**2
    else:
        turns = first * time
    phase = turns + rng.uniform()
    if shape == "square":
        wave = np.where(phase % 1.0 < 0.5, 1.0, -1.0)
    elif shape == "saw":
        wave = 2.0 * (phase % 1.0) - 1.0
    else:
        wave = np.sin(2.0 * np.pi * phase)
    return np.asarray(_faded(wave, round(FADE_S * rate)) * 10.0 ** (rng.uniform(-18.0, 0.0) / 20.0))


def _faded(wave: NDArray[np.float64], fade: int) -> NDArray[np.float64]:
    ramp = 0.5 - 0.5 * np.cos(np.pi * (np.arange(fade) + 0.5) / fade)
    wave[:fade] *= ramp
    wave[-fade:] *= ramp[::-1]
    return wave


def sweep(rate: int, seconds: float, peak: float, tail_s: float) -> Audio:
    """An exponential sweep, then silence for the answer to ring out in.

    Its inverse filter gives the impulse response, with the harmonics of a distortion before it:
    Farina, Simultaneous measurement of impulse response and distortion with a swept-sine
    technique, 2000.
    """
    first, last = SWEEP_HZ[0], SWEEP_HZ[1] * rate
    time = np.arange(round(seconds * rate)) / rate
    octaves = np.log(last / first)
    turns = first * seconds / octaves * (np.exp(time / seconds * octaves) - 1.0)
    wave = _faded(np.sin(2.0 * np.pi * turns), max(1, round(0.01 * rate)))
    return np.concatenate((peak * wave, np.zeros(round(tail_s * rate)))).astype(np.float32)


def steps(rate: int, rng: Generator, seconds: float) -> Audio:
    """Clicks, then a tone and noise whose level steps up and down by up to 40 dB, then silence.

    Clicks show a response, steps of level the attack and release of what follows the envelope.
    """
    tail, clicks = round(0.25 * seconds * rate), round(0.15 * seconds * rate)
    sound = np.zeros(round(seconds * rate))
    for at, peak in ((0.01, 0.9), (0.25, 0.3), (0.5, -0.9), (0.75, 0.09)):
        sound[round(at * clicks)] = peak
    stepped = len(sound) - tail - clicks
    count = max(4, round(stepped / rate / 0.4))
    levels_db = np.where(np.arange(count) % 2, rng.uniform(-40, -15, count), -3.0)
    frame = np.arange(stepped)
    place = np.minimum(frame * count // stepped, count - 1)
    level = 10.0 ** (levels_db[place] / 20.0)
    tone = np.sin(2.0 * np.pi * rng.uniform(100.0, 400.0) * frame / rate)
    hiss = rng.uniform(-1.0, 1.0, stepped)
    sound[clicks : clicks + stepped] = level * np.where(frame < stepped // 2, tone, 0.7 * hiss)
    return sound.astype(np.float32)


def bursts(rate: int, rng: Generator, seconds: float) -> Audio:
    """Noise in bursts from 5 ms to 1 s, white to dark, loud to soft, with gaps to ring out in."""
    sound = np.zeros(round(seconds * rate))
    at = 0
    while at < len(sound):
        frames = min(round(float(np.exp(rng.uniform(np.log(0.005), 0.0))) * rate), len(sound) - at)
        white = rng.standard_normal(frames)
        spectrum = np.fft.rfft(white)
        spectrum /= np.maximum(1.0, np.arange(len(spectrum))) ** rng.uniform(0.0, 0.8)
        noise = np.fft.irfft(spectrum, frames) if frames > 1 else white
        level = PEAK * 10.0 ** (rng.uniform(-40.0, 0.0) / 20.0)
        sound[at : at + frames] = noise * level / max(float(np.abs(noise).max()), 1e-9)
        at += frames + round(rng.uniform(0.02, 0.8) * rate)
    return sound.astype(np.float32)


@lru_cache(maxsize=1)
def _performance(rate: int) -> Audio:
    return guitar(rate)


def bars(rate: int, first: int, last: int, speed: float = 1.0) -> Audio:
    """Bars of the synthesised guitar, ``speed`` times as fast and as high; bar 0 is the first."""
    from engine.dsp.resample import resample

    bar = BEATS_A_BAR * 60.0 / TEMPO_BPM * rate
    played = _performance(rate)[round(first * bar) : round(last * bar)]
    heard = round(rate * speed / 100.0) * 100  # a round rate keeps the resampler small
    if heard == rate:
        return np.asarray(played, np.float32)
    return resample(played[:, None], heard, rate)[:, 0].astype(np.float32)


def drifting(sound: Audio, rate: int, rng: Generator, low_db: float, high_db: float) -> Audio:
    """``sound`` with a level that wanders between two bounds, told anew every half second."""
    points = np.arange(0, len(sound) + rate, rate // 2)
    level_db = np.interp(np.arange(len(sound)), points, rng.uniform(low_db, high_db, len(points)))
    level = 10.0 ** (level_db / 20.0)
    return np.asarray(sound * level, np.float32)
