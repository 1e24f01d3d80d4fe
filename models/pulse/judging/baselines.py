"""What a follower must beat: clocks that do not listen, and trackers that people use.

A baseline is given the whole excerpt; only ``frozen`` looks at its beats.
"""

from __future__ import annotations

import sys
from collections.abc import Callable

import numpy as np

from models.pulse.judging.announced import Announced, Sound, Times, Tracker
from models.pulse.judging.excerpts import RATE, SECONDS, Excerpt
from models.pulse.judging.scores import FROM_SECONDS

Baseline = Callable[[Excerpt], Announced]

METRONOME_BPM = 120.0
WINDOW_SECONDS, TURN_SECONDS = 8.0, 0.5
HOP = 512


def listening(tracker: Tracker) -> Baseline:
    """A tracker that hears the sound and nothing else."""
    return lambda excerpt: tracker(excerpt.sound, RATE)


def frozen(excerpt: Excerpt) -> Announced:
    """A clock set right at 5 s, by one who knows the beats, and left alone."""
    known = excerpt.beats[excerpt.beats <= FROM_SECONDS]
    period = float(np.diff(known[-5:]).mean())
    beats = np.arange(known[-1], SECONDS, period)
    return Announced(beats, beats)


def metronome(excerpt: Excerpt) -> Announced:
    """120 beats a minute from the start on, whatever is played."""
    beats = np.arange(0.0, SECONDS, 60.0 / METRONOME_BPM)
    return Announced(beats, beats)


def librosa_windows(sound: Sound, rate: int) -> Announced:
    """librosa's offline tracker on the last 8 s, every half second; what it finds goes on."""
    from librosa.beat import beat_track
    from librosa.onset import onset_strength

    strength = onset_strength(y=sound, sr=rate, hop_length=HOP)
    beats: list[float] = []
    for now in np.arange(2.0, len(sound) / rate, TURN_SECONDS):
        last = int(now * rate / HOP)
        first = max(0, last - round(WINDOW_SECONDS * rate / HOP))
        if not strength[first:last].any():
            continue
        _, found = beat_track(onset_envelope=strength[first:last], sr=rate, hop_length=HOP)
        beats += _going_on((found + first) * HOP / rate, now, beats[-1] if beats else -1.0)
    return Announced(np.array(beats), np.array(beats))


def _going_on(found: Times, now: float, before: float) -> list[float]:
    """The beats of the next half second, if it goes on as found; none close to the last."""
    if len(found) < 2:
        return []
    period = float(np.median(np.diff(found)))
    ahead = found[-1] + period * np.arange(1, 100)
    due = ahead[(ahead > now) & (ahead <= now + TURN_SECONDS)]
    made: list[float] = []
    for beat in due:
        if beat - (made[-1] if made else before) > 0.4 * period:
            made.append(float(beat))
    return made


def aubio(sound: Sound, rate: int) -> Announced:
    """aubio's tempo tracker as it runs live: 512 samples at a time."""
    from aubio import tempo

    track = tempo("default", 1024, HOP, rate)
    beats, emitted, sure = [], [], []
    for first in range(0, len(sound) - HOP + 1, HOP):
        if track(sound[first : first + HOP])[0]:
            beats.append(track.get_last_s())
            emitted.append((first + HOP) / rate)
            sure.append(track.get_confidence())
    return Announced(np.array(beats), np.array(emitted), np.array(sure))


def btrack(sound: Sound, rate: int) -> Announced:
    """BTrack, which tells beats at the end of the hop in which it decides; 44.1 kHz only."""
    import btrack_beat_tracker

    assert rate == 44100, rate
    beats = np.asarray(btrack_beat_tracker.detect_beats(sound.astype(np.float64)))
    return Announced(beats, beats)


BASELINES: dict[str, Baseline] = {
    "frozen clock": frozen,
    "metronome": metronome,
    "librosa": listening(librosa_windows),
    "aubio": listening(aubio),
    "BTrack": listening(btrack),
}
NEEDS = {
    "librosa": ("librosa", "librosa"),
    "aubio": ("aubio", "aubio"),
    "BTrack": ("btrack_beat_tracker", "btrack-beat-tracker"),
}
"""Module, and the package that has it."""


def installed() -> dict[str, Baseline]:
    """Those that can run here; standard error says which are left out."""
    from importlib.util import find_spec

    found = {}
    for name, baseline in BASELINES.items():
        module, package = NEEDS.get(name, ("", ""))
        if module and find_spec(module) is None:
            print(f"pulse: {name} is left out: {package} is not installed", file=sys.stderr)
            continue
        found[name] = baseline
    return found


__all__ = ["BASELINES", "Baseline", "frozen", "installed", "listening", "metronome"]
