"""Finds tremolo: a level that sways."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from engine.boxes.tremolo import Tremolo
from models.effects.grey import Found
from models.effects.grey.descent import Fitted, Model, Sound, fit
from models.effects.grey.fitting import box_network
from models.effects.grey.lfo import Sway, Track, find_sway
from models.effects.grey.numbers import Free
from models.effects.grey.sounds import held_error, listen, silent
from models.pairs import Pairs

SECONDS = 8.0
HOP_SECONDS = 0.01
POINTS = 64
CLEAR = 0.5  # of the level's variance must be a periodic sway
SWAYS = 0.01  # of the mean level; less is no tremolo
GOOD = 1e-6
BELIEVED = 0.3


def find(pairs: Pairs) -> Found | None:
    """A gain that follows an LFO, free-running from the beginning of each file.

    The phase is that at the beginning of each file.
    """
    rate = pairs.sample_rate
    sounds = listen(pairs, SECONDS)
    if pairs.knobs or silent(sounds):
        return None
    sway = find_sway(levels(sounds, rate), 2)
    if sway.explained < CLEAR or sway.depth() < SWAYS * abs(sway.coefficients[0, 0]):
        return None
    box, fitted = tremolo(sounds, rate, sway)
    if fitted.esr > BELIEVED:
        return None
    reasons = (
        f"The level sways at {box.rate_hz:.4g} Hz around {box.level:.3g} by {box.depth:.3g}.",
        f"It leaves an error of {fitted.esr:.2g} of the signal on what it was fitted to.",
    )
    return Found("tremolo", box_network(box, rate), reasons, held_error(box, pairs))


def levels(sounds: list[Sound], sample_rate: int) -> Track:
    """The gain from dry to wet sound, sign and all, in frames of HOP_SECONDS."""
    hop = round(HOP_SECONDS * sample_rate)
    whole: Track | None = None
    for sound in sounds:
        frames = len(sound.wet) // hop
        dry = sound.rows[0, : frames * hop].astype(np.float64).reshape(frames, hop)
        wet = sound.wet[: frames * hop].reshape(frames, hop)
        energy = np.sum(dry**2, axis=1)
        gain = np.sum(dry * wet, axis=1) / (energy + 1e-12)
        weights = energy / (energy + 1e-3 * energy.max(initial=0.0) + 1e-12)
        seconds = (np.arange(frames) + 0.5) * hop / sample_rate
        track = Track(seconds, gain[:, None], weights[:, None])
        whole = whole.joined(track) if whole else track
    assert whole is not None, "listen() gives at least one sound"
    return whole


def tremolo(sounds: list[Sound], sample_rate: int, sway: Sway) -> tuple[Tremolo, Fitted]:
    """Fit a sine, then a triangle, then any period, until the error is nothing."""
    base = Tremolo(rate_hz=sway.rate_hz, phase=sway.phase(), level=0.0, depth=1.0)
    best = _fitted(Free(base, ["rate_hz", "phase"]), sounds, sample_rate)
    for shape in ("triangle", "table"):
        if best[1].esr < GOOD:
            break
        tried, names = replace(best[0], level=0.0, depth=1.0), ["rate_hz", "phase"]
        if shape == "table":
            turns = best[0].phase + np.arange(POINTS) / POINTS
            points = np.sin(2.0 * np.pi * turns).astype(np.float32)
            tried = replace(tried, shape=shape, phase=0.0, period=points)
            names = ["rate_hz", "period"]
        else:
            tried = replace(tried, shape=shape)
        found = _fitted(Free(tried, names), sounds, sample_rate)
        if found[1].esr < 0.7 * best[1].esr:
            best = found
    return best


def _fitted(free: Free[Tremolo], sounds: list[Sound], sample_rate: int) -> tuple[Tremolo, Fitted]:
    """The dry sound's gain is the level, that of the swaying sound is the depth."""
    model = Model(free.make, free.steps)
    fitted = fit(model, sounds, sample_rate, free.start, 10)
    level, depth = float(fitted.dry[0]), float(fitted.wet[0])
    return replace(free.make(fitted.numbers), level=level, depth=depth), fitted
