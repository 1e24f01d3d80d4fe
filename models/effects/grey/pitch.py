"""Finds pitch shifters: by how much, and with which window and chunks they do it.

Everything is decided by the mel distance, since no two shifters agree on phases: what is
nearest to the wet sound is kept, and nothing where the dry sound is about as near.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from engine.boxes import play
from engine.boxes.pitch import PitchShift
from models.effects.grey import Found
from models.effects.grey.fitting import Audio, Heard, box_network, error, hear, held_out
from models.effects.grey.partials import rough_cents, sharpened_cents
from models.judging.errors import JudgeError
from models.judging.metrics import mel_distance
from models.judging.sounds import shift_between
from models.pairs import Pairs

SOUNDS, SECONDS = 4, 6.0
"""How much of the training sound is looked at: so many files, of each the beginning."""

NEARER = 0.5
"""The effect is taken for a pitch shift where ours is at most this share as far as the dry."""

ENOUGH = 0.02
"""And this share is near enough: other windows are not tried."""

LEAST_CENTS = 30.0
MOST_LEAD = 2400
WINDOWS = (1024, 4096)
GROOMED_DB = 0.3
TAPS = 64
BANDS_PER_OCTAVE = 3


def find(pairs: Pairs) -> Found | None:
    """The effect as a pitch shifter; None where it turns knobs or is of another kind."""
    if pairs.knobs:
        return None
    sounds, rate = _beginnings(pairs), pairs.sample_rate
    cents = rough_cents(sounds, rate)
    if cents is None or not LEAST_CENTS <= abs(cents) <= 2400.0 - LEAST_CENTS:
        return None
    exact = sharpened_cents(sounds, rate, cents)
    clean = _mean(mel_distance(heard.wet, heard.dry, rate) for heard in sounds)
    box, near = _nearest(
        [PitchShift(_ratio(c), primed=rate) for c in _readings(exact)], sounds, rate
    )
    if not near <= NEARER * clean:
        return None
    if near > ENOUGH * clean:
        box, near = _tuned(box, near, sounds, rate)
    kept = held_out(pairs)
    esr = error(lambda dry: shifted(box, dry, rate), kept)
    why = (
        f"Its pitch is {1200.0 * math.log2(box.ratio):+.1f} cents; measured were {exact:+.1f}.",
        f"Its window is {box.window} samples; chunks lie as after {box.primed} frames of silence.",
        f"In training its mel distance is {near:.3g} dB; the clean sound's is {clean:.3g} dB.",
        _judged(box, kept, rate),
    )
    network = box_network(box, rate)
    return Found("pitch", network, why, esr, latency_samples=box.latency_samples)


def shifted(box: PitchShift, dry: Audio, rate: int) -> Audio:
    """What ``box`` makes of a whole sound (frames,), its latency taken off."""
    late = np.zeros(box.latency_samples, np.float32)
    return play(box, np.concatenate([dry, late]), rate)[len(late) :]


def _beginnings(pairs: Pairs) -> list[Heard]:
    """The first seconds of some training files, where the places of chunks are still known."""
    given = pairs.split("train")
    chosen = given[:: max(1, len(given) // SOUNDS)][:SOUNDS]
    most = round(SECONDS * pairs.sample_rate)
    sounds = [hear(pair) for pair in chosen]
    return [Heard(heard.dry[:most], heard.wet[:most]) for heard in sounds if heard.wet[:most].any()]


def _ratio(cents: float) -> float:
    return float(2.0 ** (cents / 1200.0))


def _readings(cents: float) -> list[float]:
    """What a measured pitch may mean: whole semitones, whole cents, or itself."""
    near = {100.0 * round(cents / 100.0), float(round(cents))}
    return [c for c in near if abs(c - cents) < 10.0] + [cents]


def _nearest(
    boxes: Iterable[PitchShift], sounds: Sequence[Heard], rate: int
) -> tuple[PitchShift, float]:
    """The box of these that is nearest, with its lead, and its mel distance in dB."""
    tried = [_led(box, sounds, rate) for box in boxes]
    return min(tried, key=lambda found: found[1])


def _led(box: PitchShift, sounds: Sequence[Heard], rate: int) -> tuple[PitchShift, float]:
    """The box with the lead that lays its sound on the wet sound, and its mel distance."""
    made = [shifted(box, heard.dry, rate) for heard in sounds]
    leads = [
        round(shift_between(heard.wet, sound, MOST_LEAD))
        for heard, sound in zip(sounds, made, strict=True)
        if sound.any()
    ]
    tried = {0, *leads, int(np.median(leads))} if leads else {0}
    allowed = [lead for lead in tried if box.lead + lead >= -box.delay]

    def far(lead: int) -> float:
        return _mean(
            mel_distance(heard.wet, _moved(sound, lead), rate)
            for heard, sound in zip(sounds, made, strict=True)
        )

    distances = {lead: far(lead) for lead in sorted(allowed, key=abs)}
    best = min(distances, key=lambda lead: distances[lead])
    return replace(box, lead=box.lead + best), distances[best]


def _moved(sound: Audio, lead: int) -> Audio:
    """The sound ``lead`` frames earlier, as long as before."""
    if lead >= 0:
        return np.append(sound[lead:], np.zeros(lead, np.float32))
    return np.append(np.zeros(-lead, np.float32), sound[:lead])


def _tuned(
    box: PitchShift, near: float, sounds: Sequence[Heard], rate: int
) -> tuple[PitchShift, float]:
    """The box with other windows, no onsets, an equaliser and the like: what is nearer."""
    changes: list[Callable[[PitchShift], PitchShift]] = [
        lambda old: replace(old, primed=0, lead=0),
        *(lambda old, w=window: replace(old, window=w, lead=0) for window in WINDOWS),
        lambda old: replace(old, onset=2.0),
        lambda old: replace(old, onset=2.0, spread=0.0),
        lambda old: _equalised(old, sounds, rate),
    ]
    for change in changes:
        tried = change(box)
        if tried is not box:
            tried, distance = _led(tried, sounds, rate)
            if distance < near:
                box, near = tried, distance
    return box, near


def _equalised(box: PitchShift, sounds: Sequence[Heard], rate: int) -> PitchShift:
    """The box with the minimum-phase filter that makes its mean spectrum the wet sound's.

    The box itself where they are within GROOMED_DB. Minimum phase by the folded cepstrum:
    Oppenheim and Schafer, Discrete-Time Signal Processing, section 13.
    """
    size = 4096
    wanted = _power([heard.wet for heard in sounds], size)
    made = _power([shifted(box, heard.dry, rate) for heard in sounds], size)
    known = np.minimum(wanted, made) > 1e-8 * wanted.max()
    gain = 0.5 * np.log(np.where(known, wanted, 1.0) / np.where(known, made, 1.0))
    if np.abs(gain).max() * 20.0 / math.log(10.0) < GROOMED_DB:
        return box
    cepstrum = np.fft.irfft(gain)
    cepstrum[1 : size // 2] *= 2.0
    cepstrum[size // 2 + 1 :] = 0.0
    response = np.fft.irfft(np.exp(np.fft.rfft(cepstrum)))
    fade = np.minimum(1.0, 2.0 - 2.0 * np.arange(TAPS) / TAPS)
    return replace(box, taps=(response[:TAPS] * fade).astype(np.float32))


def _power(sounds: Sequence[Audio], size: int) -> NDArray[np.float64]:
    """Mean power spectrum (size / 2 + 1,) of sounds, smoothed over a third of an octave."""
    rows = [s[: len(s) // size * size].reshape(-1, size) * np.hanning(size) for s in sounds]
    power = np.mean(np.square(np.abs(np.fft.rfft(np.concatenate(rows), axis=1))), axis=0) + 1e-20
    total = np.append(0.0, np.cumsum(power))
    bins, half = np.arange(len(power)), 2.0 ** (0.5 / BANDS_PER_OCTAVE)
    low = np.minimum(bins / half, bins - 1.0).clip(0).astype(int)
    high = np.minimum(np.maximum(bins * half, bins + 1.0), len(power) - 1).astype(int) + 1
    return np.asarray((total[high] - total[low]) / (high - low))


def _judged(box: PitchShift, sounds: Sequence[Heard], rate: int) -> str:
    rows = []
    for heard in sounds:
        made = [sound[heard.first :] for sound in (shifted(box, heard.dry, rate), heard.dry)]
        with suppress(JudgeError):  # silence, or too short
            rows.append([mel_distance(heard.counted, sound, rate) for sound in made])
    if not rows:
        return "There is no held-out sound."
    ours, clean = np.mean(rows, axis=0)
    return (
        f"On held-out sound its mel distance is {ours:.3g} dB; the clean sound's is {clean:.3g} dB."
    )


def _mean(values: Iterable[float]) -> float:
    return float(np.mean(list(values)))


__all__ = ["find", "shifted"]
