"""One recording of a real device: what is played, and how the return is brought in line.

A take is a second of silence, a marker, the dry sounds with gaps between, and the marker again.
The marker is a chirp, which is found in any noise, and clicks, which tell the frame.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from models.pairs.errors import PairsError
from models.pairs.latency import correlation
from models.pairs.stages import Audio

Wave = NDArray[np.float64]

LEAD_S = 1.0  # silence, in which the noise is measured
CHIRP_S, CHIRP_HZ, CHIRP_PEAK = 0.25, (300.0, 3000.0), 0.5
CLICKS_S = (0.35, 0.45, 0.6)  # after the marker's begin
CLICK_PEAK = 0.8
MARKER_S = 0.75
GAP_S = 1.0
LONGEST_TRIP_S = 1.0
FOUND = 0.2  # likeness of the return to the chirp
NEAR_S = 0.01
ZEROS = 16  # in a row, while something plays: a block was lost
NOISY_DB, LOUD_HUM = -60.0, 8.0


@dataclass(frozen=True)
class Session:
    """How a device is plugged in. Inputs and outputs count from 1."""

    device: str = "default"
    send: int = 1
    channel: int = 1
    level_db: float = 0.0
    knobs: Mapping[str, float] = field(default_factory=dict)
    latency: int | None = None  # of the round trip, where it is known


@dataclass(frozen=True)
class Sheet:
    """What to play, and in which frames the sounds begin."""

    sound: Audio
    starts: tuple[int, ...]
    markers: tuple[int, int]
    rate: int


def marker(rate: int) -> Audio:
    """A chirp from 300 to 3000 Hz and three clicks, up, down and up."""
    sound = np.zeros(round(MARKER_S * rate), np.float32)
    time = np.arange(round(CHIRP_S * rate)) / rate
    first, last = CHIRP_HZ
    phase = 2.0 * np.pi * (first * time + 0.5 * (last - first) / CHIRP_S * time**2)
    sound[: len(time)] = CHIRP_PEAK * np.sin(phase) * np.hanning(len(time))
    for place, sign in zip(CLICKS_S, (1.0, -1.0, 1.0), strict=True):
        sound[round(place * rate)] = sign * CLICK_PEAK
    return sound


def sheet(sounds: list[Audio], rate: int, level_db: float) -> Sheet:
    """The take of several dry sounds; raises PairsError if the level makes them clip."""
    gain = 10.0 ** (level_db / 20.0)
    top = max(float(np.abs(sound).max()) for sound in sounds) * gain
    if not top <= 1.0:  # a level that is not a number is not played either
        raise PairsError(f"--level {level_db:g} dB: the dry sounds would clip by {top:.2f} to 1")
    gap, mark = np.zeros(round(GAP_S * rate), np.float32), marker(rate)
    parts = [np.zeros(round(LEAD_S * rate), np.float32), mark]
    starts = []
    for sound in sounds:
        starts.append(sum(map(len, parts)))
        parts += [(sound * gain).astype(np.float32), gap]
    markers = (len(parts[0]), sum(map(len, parts)))
    tail = np.zeros(round(LONGEST_TRIP_S * rate), np.float32)
    return Sheet(np.concatenate((*parts, mark, tail)), tuple(starts), markers, rate)


def round_trip(played: Sheet, returned: Audio, which: int = 0) -> int:
    """Frames from playing a marker to its return; PairsError if it did not come."""
    rate, begin = played.rate, played.markers[which]
    most = round(LONGEST_TRIP_S * rate)
    chirp = marker(rate)[: round(CHIRP_S * rate)]
    heard = returned[begin : begin + most + len(chirp)].astype(np.float64)
    if not len(heard) or not np.any(heard):
        raise PairsError("nothing came back: only silence was recorded; check cables and inputs")
    likeness = _local(heard, chirp.astype(np.float64), most)
    if likeness.max() < FOUND:
        raise PairsError("the marker did not come back; check cables, inputs and levels")
    rough = int(np.argmax(likeness))
    noise = float(np.abs(returned[: round(0.9 * LEAD_S * rate)]).max())
    exact = [_click(returned, begin + round(at * rate), rough, noise, rate) for at in CLICKS_S]
    told = [frames for frames in exact if frames is not None]
    return int(np.median(told)) if told else rough


def _local(heard: Wave, chirp: Wave, most: int) -> Wave:
    """Likeness, 0 to 1, of the chirp to each stretch of ``heard`` as long as it."""
    likeness = correlation(heard, chirp)[:most] * np.sqrt(np.sum(heard**2))
    energy = np.concatenate(([0.0], np.cumsum(heard**2)))
    ends = np.minimum(np.arange(most) + len(chirp), len(heard))
    power = energy[ends] - energy[np.minimum(np.arange(most), len(heard))]
    floor = 1e-6 * float(np.max(power)) + 1e-20  # what is as good as silent is like nothing
    return np.asarray(likeness / np.sqrt(np.maximum(power, floor)))


def _click(returned: Audio, played: int, rough: int, noise: float, rate: int) -> int | None:
    """How late the first sound of a click is; the chirp tells where to look."""
    near = round(NEAR_S * rate)
    first = max(0, played + rough - near)
    heard = np.abs(returned[first : played + rough + near])
    if not len(heard) or heard.max() < 4.0 * noise + 1e-6:
        return None
    return first + int(np.argmax(heard > max(2.0 * noise, 0.02 * heard.max()))) - played


def warnings(played: Sheet, returned: Audio, trip: int, flags: list[str]) -> list[str]:
    """What a listener should know of a recording before learning from it."""
    rate, said = played.rate, list(flags)
    top = np.abs(returned) >= 0.999
    if np.sum(top[1:] & top[:-1]) >= 3:
        said.append("the input clipped; turn down the interface's input gain and record again")
    still = returned[: round(0.9 * LEAD_S * rate)]
    noise = level_db(still)
    if noise > NOISY_DB:
        said.append(f"the noise is at {noise:.0f} dB; it will be learnt, too")
    if noise > NOISY_DB - 20.0 and (hum := _hum(still, rate)):
        said.append(f"the noise is mostly hum of {hum} Hz; another power supply or outlet may help")
    try:
        drift = round_trip(played, returned, 1) - trip
    except PairsError:
        said.append("the marker at the end did not come back: sound was lost on the way")
    else:
        if abs(drift) > 1:
            said.append(f"the end is {drift:+} frames off: frames were lost, or two clocks drift")
    if lost := _zeros(played.sound, returned, trip):
        said.append(f"{lost} dropouts: the return is exactly zero while something plays")
    return said


def level_db(sound: Audio) -> float:
    """The level of a sound in dBFS RMS, at least -200."""
    return float(10.0 * np.log10(np.mean(np.square(sound, dtype=np.float64)) + 1e-20))


def _hum(still: Audio, rate: int) -> int:
    """50 or 60 if most of the noise is that frequency and its first multiples, else 0."""
    power = np.abs(np.fft.rfft(still * np.hanning(len(still)))) ** 2
    hz = np.fft.rfftfreq(len(still), 1.0 / rate)
    for mains in (50, 60):
        near = np.abs(hz[:, None] - mains * np.arange(1, 7)).min(axis=1) < 3.0
        if power[near].sum() > LOUD_HUM * power[~near & (hz > 20.0)].sum():
            return mains
    return 0


def _zeros(played: Audio, returned: Audio, trip: int) -> int:
    """How many runs of zeros the return has where what was played is not near zero."""
    heard = returned[trip : trip + len(played)]
    edges = np.flatnonzero(np.diff(np.concatenate(([False], heard == 0.0, [False])).astype(int)))
    runs = zip(edges[::2], edges[1::2], strict=True)
    return sum(
        b - a >= ZEROS and float(np.abs(played[a:b]).mean()) > 1e-3 and bool(np.any(heard[b:]))
        for a, b in runs
    )
