"""Finds chorus, flanger and vibrato: a delay that sways, followed first and then fitted."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.signal import butter, sosfilt

from engine.boxes.modulated import MOST_TAPS, Modulated, one
from engine.modelfiles.model import Knob
from engine.neural.network import Network, Signal, Stage
from models.effects.grey import Found
from models.effects.grey.descent import SLOWEST, Basis, Fitted, Model, Sound, fit
from models.effects.grey.fitting import box_network
from models.effects.grey.lfo import Sway, Track, find_sway
from models.effects.grey.numbers import Free
from models.effects.grey.sounds import held_error, listen, silent
from models.effects.grey.tracking import SIZES, Correlogram, correlogram, follow
from models.pairs import Pairs

LONGEST_MS = 40.0
SECONDS = 8.0  # of training sound that are fitted
CLEAR = 0.5  # of a track's variance must be a periodic sway
SWAYS_MS = 0.05  # less is no modulation
POINTS = 32  # of a learnt period
CURVE = 12  # points from a measured LFO to the delay
EARLY = 6  # frames that the line is read too early where filters around it are learnt
LOOP = 10  # taps in the loop then
GOOD = 1e-4  # error-to-signal ratio at which nothing more is tried
ON_TRACK = 0.1  # error-to-signal ratio below which the LFO must be right
EXPLAINS = 0.8  # of the error of a sound that does not move; more is no sway
LOWS_HZ = (250.0, 1200.0, 5000.0)
BELIEVED = 0.3  # error-to-signal ratio above which it is no such effect
SLOW_MS = (0.34, 0.9, 2.3, 5.7, 13.6)  # coupling capacitors: corners of 12 to 470 Hz


@dataclass(frozen=True)
class Candidate:
    """A box, and how well it explains what it was fitted to."""

    box: Modulated
    esr: float


def find(pairs: Pairs) -> Found | None:
    """Chorus, flanger, vibrato: free-running from the beginning of each file, or with its LFO.

    The phase is that at the beginning of each file.
    """
    rate = pairs.sample_rate
    sounds = listen(pairs, SECONDS)
    if pairs.knobs or silent(sounds):
        return None
    measured = len(sounds[0].rows) > 1
    best = with_measured(sounds, rate) if measured else free_running(sounds, rate)
    if best is None or best.esr > BELIEVED:
        return None
    error = held_error(best.box, pairs)
    return Found("modulated delay", network(best.box, rate), why(best), error, 0, knobs(best.box))


def network(box: Modulated, sample_rate: int) -> Network:
    """The box alone, hearing its LFO as the network's second row where it needs one."""
    if not box.controls:
        return box_network(box, sample_rate)
    given, made = Signal(2), Signal(1)
    return Network(given, made, [Stage((given,), made, box, sample_rate)])


def knobs(box: Modulated) -> tuple[Knob, ...]:
    """The LFO is a knob of the network where it is heard."""
    low, high = box.curve_low, box.curve_high
    return (Knob("lfo", low, high, 0.5 * (low + high), low, high),) if box.controls else ()


def why(best: Candidate) -> tuple[str, ...]:
    """What was found, in sentences."""
    box = best.box
    low, high = box.reach
    swings = sorted((box.centre_ms + box.depth_ms * low, box.centre_ms + box.depth_ms * high))
    by = f"at {box.rate_hz:.4g} Hz" if box.source == "lfo" else "with the measured LFO"
    return (
        f"A delay sways between {max(swings[0], 0):.2f} and {swings[1]:.2f} ms {by}.",
        f"{box.loop_gain:.2f} of it goes round again at most.",
        f"It leaves an error of {best.esr:.2g} of the signal on what it was fitted to.",
    )


def free_running(sounds: list[Sound], sample_rate: int) -> Candidate | None:
    """Follow the delay, take its period for the LFO, then fit all to the sound."""
    starts = [start for size in SIZES if (start := _sway(sounds, sample_rate, size))]
    clear = [start for start in starts if start.explained > CLEAR]
    if not clear:
        return None
    best = None
    for sway in sorted(clear, key=lambda sway: -sway.explained)[:2]:
        fitted = _digital(sounds, sample_rate, sway)
        if fitted is not None and (best is None or fitted.esr < best.esr):
            best = fitted
        if best is not None and best.esr < ON_TRACK:
            break
    if best is None:
        return None
    if best.esr > GOOD:
        shaped = shape(best.box, sounds, sample_rate)
        best = shaped if shaped.esr < 0.7 * best.esr else best
    if best.esr > 10.0 * GOOD:
        rich = analog(best.box, sounds, sample_rate)
        best = rich if rich.esr < 0.7 * best.esr else best
    return best


def _sway(sounds: list[Sound], sample_rate: int, size: int) -> Sway | None:
    track = delays(sounds, sample_rate, size)
    sway = find_sway(track, 6 if size == SIZES[0] else 2)
    return sway if sway.depth() > SWAYS_MS else None


def delays(sounds: list[Sound], sample_rate: int, size: int) -> Track:
    """The delay in ms of all sounds, followed; its weight is how clearly it is seen."""
    whole: Track | None = None
    for sound in sounds:
        if len(sound.wet) < 4 * size:
            continue
        track = delay_track(see(sound, sample_rate, size), sample_rate)
        whole = whole.joined(track) if whole else track
    assert whole is not None, "silent() lets no such short sounds pass"
    return whole


def see(sound: Sound, sample_rate: int, size: int) -> Correlogram:
    """A sound's correlogram up to LONGEST_MS."""
    longest = round(LONGEST_MS * sample_rate / 1000.0)
    return correlogram(sound.rows[0], sound.wet.astype(np.float32), sample_rate, longest, size)


def delay_track(seen: Correlogram, sample_rate: int) -> Track:
    """The delay in ms along one correlogram."""
    path, likeness = follow(seen)
    milliseconds = path * 1000.0 / sample_rate
    return Track(seen.seconds, milliseconds[:, None], (likeness**2)[:, None])


def _digital(sounds: list[Sound], sample_rate: int, sway: Sway) -> Candidate | None:
    """Numbers only: rate, phase, delay, depth, feedback; which interpolation fits better."""
    centre, depth = float(sway.coefficients[0, 0]), sway.depth()
    if not 0.0 < centre < LONGEST_MS or depth > LONGEST_MS:
        return None
    box = Modulated(
        rate_hz=sway.rate_hz, phase=sway.phase(), centre_ms=centre, depth_ms=depth, dry=0, wet=1
    )
    names = ["rate_hz", "phase", "centre_ms", "depth_ms", "feedback"]
    if sway.explained > 0.5 and _bent(sway):
        points = (sway.points(POINTS) - centre) / depth
        box = replace(box, shape="table", phase=0.0, period=points.astype(np.float32))
        names = ["rate_hz", "period", "feedback"]
    near = approach(Free(box, names), sounds, sample_rate)
    if near is None:
        return None
    linear = Free(replace(near, interpolation="linear"), names)
    best = _fitted(linear, sounds, sample_rate, Basis(), Basis(), 12)
    if GOOD < best.esr < ON_TRACK:
        cubic = Free(replace(best.box, interpolation="cubic", dry=0.0, wet=1.0), names)
        other = _fitted(cubic, sounds, sample_rate, Basis(), Basis(), 4)
        best = min(best, other, key=lambda candidate: candidate.esr)
    return best


def approach(free: Free[Modulated], sounds: list[Sound], sample_rate: int) -> Modulated | None:
    """Fit to low frequencies first: a fit finds its way only from within half a wave.

    None where a delay that moves explains little that the sound itself does not.
    """
    for highest in LOWS_HZ:
        low = [lowered(sound, highest, sample_rate) for sound in sounds]
        model = Model(free.make, free.steps)
        fitted = fit(model, low, sample_rate, free.start, 8, 0.02)
        if fitted.esr > EXPLAINS * still_error(low):
            return None
        free = Free(free.make(fitted.numbers), free.names)
    return free.box


def still_error(sounds: list[Sound]) -> float:
    """The error-to-signal ratio of the dry sound at its best gain."""
    dry = np.concatenate([sound.rows[0, sound.first :].astype(np.float64) for sound in sounds])
    wet = np.concatenate([sound.wet[sound.first :] for sound in sounds])
    energy = float(np.sum(dry**2) * np.sum(wet**2))
    return 1.0 - float(np.sum(dry * wet)) ** 2 / max(energy, 1e-30)


def lowered(sound: Sound, highest_hz: float, sample_rate: int) -> Sound:
    """A sound without what is above ``highest_hz``, dry and wet alike."""
    edge = min(highest_hz, 0.45 * sample_rate)
    sections = butter(4, edge, fs=sample_rate, output="sos")
    rows = sound.rows.copy()
    rows[0] = sosfilt(sections, sound.rows[0])
    return Sound(rows, sosfilt(sections, sound.wet), sound.first)


def _bent(sway: Sway) -> bool:
    """Whether higher harmonics carry a hundredth of the sway."""
    power = np.sum(sway.coefficients[1:, 0] ** 2)
    return bool(len(sway.coefficients) > 5 and sway.depth() ** 2 < 0.99 * power)


def _fitted(
    free: Free[Modulated],
    sounds: list[Sound],
    sample_rate: int,
    dry: Basis,
    wet: Basis,
    rounds: int,
) -> Candidate:
    model = Model(free.make, free.steps, dry, wet)
    return finished(free, model, fit(model, sounds, sample_rate, free.start, rounds))


def finished(free: Free[Modulated], model: Model, fitted: Fitted) -> Candidate:
    """The box with the filters around it that were fitted too."""
    box = free.make(fitted.numbers)
    dry, wet = model.dry.response(fitted.dry), model.wet.response(fitted.wet)
    if len(dry) == len(wet) == 1:
        box = replace(box, dry=float(dry[0]), wet=float(wet[0]), dry_taps=one(), wet_taps=one())
    else:
        box = replace(box, dry=1.0, wet=1.0, dry_taps=dry, wet_taps=wet)
    return Candidate(box, fitted.esr)


def shape(box: Modulated, sounds: list[Sound], sample_rate: int) -> Candidate:
    """Let the LFO have any shape: one period of POINTS, from the sine on."""
    if box.shape != "table":
        turns = box.phase + np.arange(POINTS) / POINTS
        points = np.sin(2.0 * np.pi * turns).astype(np.float32)
        box = replace(box, shape="table", period=points, phase=0.0)
    free = Free(replace(box, dry=0.0, wet=1.0), ["rate_hz", "period", "feedback"])
    return _fitted(free, sounds, sample_rate, Basis(), Basis(), 8)


def analog(box: Modulated, sounds: list[Sound], sample_rate: int) -> Candidate:
    """A bucket brigade: filters on the sound, on the line, in the loop and before the line."""
    loop = np.zeros(LOOP, np.float32)
    loop[EARLY - 1] = box.feedback
    early = EARLY * 1000.0 / sample_rate
    base = replace(
        box,
        feedback=1.0,
        loop_taps=loop,
        highpass_hz=20.0,
        interpolation="cubic",
        centre_ms=max(box.centre_ms - early, 0.0) if box.source == "lfo" else box.centre_ms,
        curve=box.curve - np.float32(early) if len(box.curve) else box.curve,
        dry=0.0,
        wet=1.0,
        dry_taps=one(),
        wet_taps=one(),
    )
    moving = ["curve"] if len(box.curve) else ["rate_hz", "period"]
    if not len(box.curve) and box.shape != "table":
        moving = ["rate_hz", "phase", "centre_ms", "depth_ms"]
    free = Free(base, [*moving, "loop_taps", "highpass_hz"])
    slow = [tau * sample_rate / 1000.0 for tau in SLOW_MS]
    held = tuple(tau for tau in slow if 24 + SLOWEST * tau <= MOST_TAPS)  # by the box
    return _fitted(free, sounds, sample_rate, Basis(16, held), Basis(24, held), 10)


def with_measured(sounds: list[Sound], sample_rate: int) -> Candidate | None:
    """The first control is a measured LFO: learn the way from it to the delay."""
    track = delays(sounds, sample_rate, SIZES[0])
    swept = _swept(sounds, sample_rate)
    low, high = float(swept.min()), float(swept.max())
    if high - low < 1e-6:
        return None
    weights = np.sqrt(track.weights[:, 0])
    rough = np.polynomial.Chebyshev.fit(swept, track.values[:, 0], 3, w=weights)
    points = rough(np.linspace(low, high, CURVE))
    box = Modulated(
        source="heard", curve=np.maximum(points, 0.05).astype(np.float32), curve_low=low,
        curve_high=high, centre_ms=0.0, depth_ms=1.0, dry=0.0, wet=1.0,
    )  # fmt: skip
    free = Free(box, ["curve", "feedback"])
    simple = _fitted(free, sounds, sample_rate, Basis(4), Basis(4), 8)
    if simple.esr < GOOD:
        return simple
    rich = analog(simple.box, sounds, sample_rate)
    return rich if rich.esr < 0.7 * simple.esr else simple


def _swept(sounds: list[Sound], sample_rate: int) -> NDArray[np.float64]:
    """The measured LFO at the times of ``delays``."""
    parts = []
    for sound in sounds:
        if len(sound.wet) >= 4 * SIZES[0]:
            seconds = see(sound, sample_rate, SIZES[0]).seconds
            at = np.minimum((seconds * sample_rate).astype(np.int64), len(sound.wet) - 1)
            parts.append(sound.rows[1, at].astype(np.float64))
    return np.concatenate(parts)
