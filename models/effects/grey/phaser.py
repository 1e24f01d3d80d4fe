"""Finds phasers: notches that sway, seen in the short-time response, then fitted to the sound."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise, product

import numpy as np
from numpy.typing import NDArray

from engine.boxes.phaser import Phaser
from models.effects.grey import Found
from models.effects.grey.descent import Basis, Fitted, Model, Sound, fit
from models.effects.grey.fitting import box_network
from models.effects.grey.lfo import Track, find_sway
from models.effects.grey.numbers import Free
from models.effects.grey.sounds import held_error, listen, silent
from models.pairs import Pairs

SECONDS = 8.0
SIZE, HOP = 1024, 512
BANDS_HZ = np.geomspace(80.0, 12000.0, 33)
CLEAR = 0.15  # of the bands' level's variance must be a periodic sway
STAGES = (4, 6, 2, 8, 10, 12)
CENTRES_HZ = np.geomspace(200.0, 4000.0, 9)
DEPTHS = (0.7, 1.5, 2.5, 3.5)
PHASES = np.arange(12) / 12.0
FEEDBACKS = (0.0, -0.4, 0.4)
MIXES = ((0.5, 0.5), (0.5, -0.5))
TRIED = 6  # starts that are fitted to the sound
HOLDS = (1, 4)  # frames between moves of the corner: JUCE's is 4
ON_TRACK = 0.01  # error-to-signal ratio below which no other start is needed
GOOD = 1e-5
BELIEVED = 0.3


@dataclass(frozen=True)
class Seen:
    """Level of the wet over the dry sound in dB: (times, bands), with weights."""

    track: Track
    hertz: NDArray[np.float64]


def find(pairs: Pairs) -> Found | None:
    """A chain of allpasses whose corner sways, free-running from each file's beginning.

    The phase is that at the beginning of each file.
    """
    rate = pairs.sample_rate
    sounds = listen(pairs, SECONDS)
    if pairs.knobs or silent(sounds):
        return None
    found = phaser(sounds, rate)
    if found is None or found[1].esr > BELIEVED:
        return None
    box, fitted = found
    reasons = (
        f"{box.stages} allpasses sway around {box.centre_hz:.0f} Hz by "
        f"{abs(box.depth_octaves):.2f} octaves at {box.rate_hz:.4g} Hz.",
        f"It leaves an error of {fitted.esr:.2g} of the signal on what it was fitted to.",
    )
    return Found("phaser", box_network(box, rate), reasons, held_error(box, pairs))


def phaser(sounds: list[Sound], sample_rate: int) -> tuple[Phaser, Fitted] | None:
    """The rate from how the bands' levels sway, the rest from a grid, then from the sound."""
    seen = responses(sounds, sample_rate)
    sway = find_sway(seen.track, 3)
    if sway.explained < CLEAR:
        return None
    starts = grid(seen, sway.rate_hz, sample_rate)
    short = [_part(sound, 4.0, sample_rate) for sound in sounds]
    tried = []
    for start in starts[:TRIED]:
        tried.append(_fitted(start, short, sample_rate, 6))
        if tried[-1][1].esr < ON_TRACK:
            break
    box, _ = min(tried, key=lambda found: found[1].esr)
    best = _fitted(box, sounds, sample_rate, 15)
    if best[1].esr > GOOD:
        held = _fitted(replace(best[0], hold=HOLDS[1]), sounds, sample_rate, 8)
        best = min(best, held, key=lambda found: found[1].esr)
    return best


def responses(sounds: list[Sound], sample_rate: int) -> Seen:
    """The short-time response of all sounds in bands a quarter of an octave wide."""
    frequencies = np.fft.rfftfreq(SIZE, 1.0 / sample_rate)
    edges = BANDS_HZ[0.45 * sample_rate > BANDS_HZ]
    members = [(frequencies >= a) & (frequencies < b) for a, b in pairwise(edges)]
    kept = [k for k, member in enumerate(members) if member.any()]
    whole: Track | None = None
    for sound in sounds:
        if len(sound.wet) < SIZE:
            continue
        dry, wet = _powers(sound.rows[0], members, kept), _powers(sound.wet, members, kept)
        level = 10.0 * np.log10((wet + 1e-12) / (dry + 1e-12))
        weights = dry / (dry + 1e-3 * np.max(dry, axis=0, initial=0.0) + 1e-9)
        seconds = (np.arange(len(dry)) * HOP + 0.5 * SIZE) / sample_rate
        track = Track(seconds, np.clip(level, -30.0, 20.0), weights)
        whole = whole.joined(track) if whole else track
    assert whole is not None, "silent() lets no such short sounds pass"
    return Seen(whole, np.sqrt(edges[kept] * edges[np.array(kept) + 1]))


def _powers(
    sound: NDArray[np.floating], members: list[NDArray[np.bool_]], kept: list[int]
) -> NDArray[np.float64]:
    frames = np.lib.stride_tricks.sliding_window_view(sound, SIZE)[::HOP]
    power = np.abs(np.fft.rfft(frames * np.hanning(SIZE))) ** 2
    return np.stack([power[:, members[k]].sum(axis=1) for k in kept], axis=1)


def grid(seen: Seen, rate_hz: float, sample_rate: int) -> list[Phaser]:
    """Phasers whose analytic response is most like what was seen, the best first."""
    every = max(1, len(seen.track.seconds) // 150)
    track = Track(*(part[::every] for part in (
        seen.track.seconds, seen.track.values, seen.track.weights)))  # fmt: skip
    level = track.values - _mean(track.values, track.weights)
    turns = rate_hz * track.seconds
    scored = []
    for centre, depth, phase in product(CENTRES_HZ, DEPTHS, PHASES):
        corner = centre * 2.0 ** (depth * np.sin(2.0 * np.pi * (turns + phase)))
        corner = np.clip(corner, 20.0, 0.49 * sample_rate)
        ratio = np.tan(np.pi * seen.hertz / sample_rate) / np.tan(
            np.pi * corner[:, None] / sample_rate
        )
        once = (1.0 - 1j * ratio) / (1.0 + 1j * ratio)
        for stages, feedback, (dry, wet) in product(STAGES, FEEDBACKS, MIXES):
            chain = once**stages
            power = np.abs(dry + wet * chain / (1.0 - feedback * chain)) ** 2
            made = 10.0 * np.log10(power + 1e-3)
            apart = np.sum(track.weights * (level - made + _mean(made, track.weights)) ** 2)
            scored.append((apart, stages, centre, depth, phase, feedback))
    scored.sort(key=lambda one: one[0])
    return [
        Phaser(
            rate_hz=rate_hz, phase=float(phase), stages=int(stages), centre_hz=float(centre),
            depth_octaves=float(depth), feedback=float(feedback), dry=0.0, wet=1.0,
        )
        for _, stages, centre, depth, phase, feedback in scored
    ]  # fmt: skip


def _mean(values: NDArray[np.float64], weights: NDArray[np.float64]) -> float:
    return float(np.sum(values * weights) / max(np.sum(weights), 1e-12))


def _part(sound: Sound, seconds: float, sample_rate: int) -> Sound:
    frames = min(len(sound.wet), sound.first + round(seconds * sample_rate))
    return Sound(np.ascontiguousarray(sound.rows[:, :frames]), sound.wet[:frames], sound.first)


def _fitted(
    box: Phaser, sounds: list[Sound], sample_rate: int, rounds: int
) -> tuple[Phaser, Fitted]:
    names = ["rate_hz", "phase", "centre_hz", "depth_octaves", "feedback"]
    free = Free(replace(box, dry=0.0, wet=1.0), names)
    model = Model(free.make, free.steps, Basis(), Basis())
    fitted = fit(model, sounds, sample_rate, free.start, rounds)
    made = free.make(fitted.numbers)
    return replace(made, dry=float(fitted.dry[0]), wet=float(fitted.wet[0])), fitted
