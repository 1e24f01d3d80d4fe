"""Guitar cabinets, rooms, anything that is an impulse response."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from engine.dsp.convolution import convolve, convolver
from engine.dsp.filters import (
    BUTTERWORTH,
    COEFFICIENTS,
    glide_filter,
    is_open,
    run_filter,
    set_highpass,
    set_lowpass,
    set_open,
)
from engine.dsp.resample import resample
from engine.kernel import Audio, kernel
from engine.params import Param, Ramp, Setting, final
from engine.plugin import Plugin, PluginError, Setup, State
from engine.soundfiles import SoundError, SoundReader

Response = npt.NDArray[np.float64]

LOWEST_HZ, HIGHEST_HZ = 20.0, 20_000.0
LONGEST_S = 10
RINGS_SECONDS = 0.25  # a cabinet does not, a room does
RATES = 8000, 384_000


@kernel
def set_cut(row: Any, hz: float, low: bool, rate: float) -> None:
    """Twelve decibels an octave below (``low``) or above ``hz``; open at the range's end."""
    if low:
        set_highpass(row, hz, BUTTERWORTH, rate)
    else:
        set_lowpass(row, hz, BUTTERWORTH, rate)
    if hz <= LOWEST_HZ * 1.0001 or hz >= HIGHEST_HZ * 0.9999:
        set_open(row)


@kernel
def cut(audio: Audio, hz: Ramp, key: Any, rows: Any, memory: Any, low: bool, rate: float) -> None:
    """Filter ``audio`` as the knob ``hz`` says; tunes only when the knob has moved."""
    if key[0] != hz.start or key[1] != hz.step:
        key[0], key[1] = hz.start, hz.step
        set_cut(rows[0], float(hz.start), low, rate)
        set_cut(rows[1], float(final(hz)), low, rate)
    if is_open(rows[0]) and is_open(rows[1]):
        for c in range(audio.shape[0]):
            memory[c, 0], memory[c, 1] = 0.0, 0.0
    elif hz.step == np.float32(0.0):
        run_filter(audio, audio.shape[1], rows[0], memory)
    else:
        glide_filter(audio, audio.shape[1], rows, memory, hz.at)


class Cabinet(Plugin):
    """A guitar cabinet or a room from its impulse response, without latency."""

    low_cut_hz = Param(20.0, 20.0, 1000.0, "Hz", taper="log", help="Cut below; 20 is off")
    high_cut_hz = Param(
        20_000.0, 1000.0, 20_000.0, "Hz", taper="log", help="Cut above; 20000 is off"
    )
    ir = Setting(
        "",
        kind="file",
        help="WAV or FLAC file, or builtin:open-back, builtin:closed-412, builtin:combo-110",
    )
    normalise = Setting(
        "on", "choice", choices=("on", "off"), help="Keep the loudness of the input"
    )

    def prepare(self, setup: Setup) -> State:
        response = load(str(self.ir), setup.folder, setup.sample_rate)
        if setup.channels == 1:
            response = response.mean(axis=0, keepdims=True)
        if self.normalise == "on":
            response = response / loudness(response, setup.sample_rate)
        seconds = audible(response) / setup.sample_rate
        self.tail = seconds if seconds > RINGS_SECONDS else 0.0
        return {
            "rate": float(setup.sample_rate),
            "keys": np.full((2, 2), np.inf, np.float32),
            "rows": np.zeros((2, 2, COEFFICIENTS)),
            "memory": np.zeros((2, setup.channels, 2)),
            **convolver(response, setup.channels),
        }

    @kernel
    def process(audio: Audio, knobs: Any, state: Any) -> None:
        s = state
        convolve(audio, s)
        cut(audio, knobs.low_cut_hz, s.keys[0], s.rows[0], s.memory[0], True, s.rate)
        cut(audio, knobs.high_cut_hz, s.keys[1], s.rows[1], s.memory[1], False, s.rate)


def load(name: str, folder: Path, rate: int) -> Response:
    """The response called ``name``, (1 or 2, taps) at ``rate``; raises PluginError."""
    if name == "" or name.startswith("builtin:"):
        key = name.removeprefix("builtin:") or "open-back"
        if key not in BUILTIN:
            raise PluginError(
                f"ir = {name!r} is not one of {', '.join(f'builtin:{k}' for k in BUILTIN)}"
            )
        return synthesise(BUILTIN[key], rate)
    sound, its_rate = _read(folder / name)
    taps = resample(sound, its_rate, rate)[: LONGEST_S * rate] * (its_rate / rate)
    return np.ascontiguousarray(taps.T)


def _read(path: Path) -> tuple[Response, int]:
    """The sound in a file, (frames, channels), and its rate; raises PluginError."""
    where = f"ir = {str(path)!r}"
    try:
        with SoundReader(path) as reader:
            rate = reader.rate
            if not RATES[0] <= rate <= RATES[1]:
                raise PluginError(
                    f"{where} has a sample rate of {rate} Hz; allowed is {RATES[0]} to {RATES[1]}"
                )
            if reader.channels > 2:
                raise PluginError(f"{where} has {reader.channels} channels; allowed is 1 or 2")
            # The rest of a long file is not read, but that it is all there has been checked.
            pieces = itertools.islice(reader.pieces(rate), LONGEST_S)
            sound = np.concatenate(list(pieces)).astype(np.float64)
    except SoundError as error:
        raise PluginError(f"ir = {error}") from None
    if not np.abs(sound).max() < 1e6:
        raise PluginError(f"{where} holds samples above 1000000; full scale is 1")
    if not sound.any():
        raise PluginError(f"{where} is silent; allowed is 1 sample to {LONGEST_S} s of sound")
    return sound, rate


def loudness(response: Response, rate: int) -> float:
    """How much louder pink noise of 60 Hz to 10 kHz is after ``response`` than before."""
    size = max(1 << (response.shape[1] - 1).bit_length(), 4096)
    power = (np.abs(np.fft.rfft(response, size)) ** 2).mean(axis=0)
    hz = np.fft.rfftfreq(size, 1.0 / rate)
    pink = np.divide(1.0, hz, where=(hz >= 60.0) & (hz <= 10_000.0), out=np.zeros_like(hz))
    return max(float(np.sqrt((power * pink).sum() / pink.sum())), 1e-9)


def audible(response: Response) -> int:
    """Frames until a response has fallen to 60 dB below its loudest for good."""
    loud = np.abs(response).max(axis=0)
    return int(np.flatnonzero(loud >= 1e-3 * loud.max())[-1]) + 1


Bells = tuple[tuple[float, float, float], ...]  # Hz, dB, Q
BUILTIN: dict[str, dict[str, Any]] = {
    "open-back": {
        "resonance": (105.0, 1.4),
        "roll_off": (5200.0, 5),
        "bells": (
            (170.0, 2.0, 0.9),
            (420.0, -4.0, 0.9),
            (1300.0, -1.5, 1.5),
            (2300.0, 5.0, 1.4),
            (3700.0, 4.5, 2.2),
            (4700.0, -2.5, 4.0),
        ),
        "echoes": ((0.00043, -0.16), (0.00121, 0.11), (0.0027, -0.07)),
        "seed": 12,
    },
    "closed-412": {
        "resonance": (88.0, 1.1),
        "roll_off": (4700.0, 7),
        "bells": (
            (125.0, 2.5, 1.2),
            (400.0, -5.5, 0.8),
            (800.0, -1.5, 2.0),
            (1700.0, 1.5, 1.5),
            (2700.0, 6.5, 1.3),
            (3900.0, 3.0, 3.0),
        ),
        "echoes": ((0.00031, 0.18), (0.00074, -0.13), (0.0019, 0.08), (0.0034, -0.05)),
        "seed": 412,
    },
    "combo-110": {
        "resonance": (135.0, 1.2),
        "roll_off": (5600.0, 4),
        "bells": (
            (260.0, 2.0, 1.0),
            (520.0, -3.0, 1.0),
            (1900.0, 3.5, 1.2),
            (3200.0, 5.5, 1.8),
            (5000.0, -3.0, 3.0),
        ),
        "echoes": ((0.00052, -0.14), (0.00143, 0.09)),
        "seed": 110,
    },
}
"""Cabinets we design: a box, a cone's breakup, the roll-off of its coil, the near reflections."""


def synthesise(design: dict[str, Any], rate: int) -> Response:
    """Minimum-phase response (1, taps) of a designed cabinet; 43 ms.

    Phase from the cepstrum of the magnitude (Oppenheim and Schafer, Discrete-Time Signal
    Processing, chapter 13).
    """
    size = 1 << (rate // 2).bit_length()
    hz: Response = np.asarray(np.fft.rfftfreq(size, 1.0 / rate), np.float64)
    logs = np.log(np.maximum(_magnitude(design, hz), 1e-5))
    cepstrum = np.fft.irfft(logs, size)
    cepstrum[1 : size // 2] *= 2.0
    cepstrum[size // 2 + 1 :] = 0.0
    taps = np.fft.irfft(np.exp(np.fft.rfft(cepstrum)), size)[: 2048 * rate // 48_000]
    fade = len(taps) // 4
    taps[-fade:] *= 0.5 + 0.5 * np.cos(np.pi * np.arange(1, fade + 1) / fade)
    return np.asarray(taps)[None, :]


def _magnitude(design: dict[str, Any], hz: Response) -> Response:
    low_hz, q = design["resonance"]
    high_hz, order = design["roll_off"]
    s = 1j * hz / low_hz
    box = np.abs(s * s / (s * s + s / q + 1.0))
    coil = (1.0 + (hz / high_hz) ** (2 * order)) ** -0.5
    octaves = np.log2(np.maximum(hz, 1.0))
    db = np.zeros_like(hz)
    for middle, gain, width in design["bells"]:
        db += gain / (1.0 + (2.0 * width * (octaves - np.log2(middle))) ** 2)
    db += _breakup(design["seed"], octaves) * np.clip(octaves - np.log2(700.0), 0.0, 1.0)
    room = 1.0 + sum(g * np.exp(-2j * np.pi * hz * t) for t, g in design["echoes"])
    return np.asarray((box + 0.003) * (coil + 3e-4) * 10.0 ** (db / 20.0) * np.abs(room))


def _breakup(seed: int, octaves: Response) -> Response:
    """The cone's uneven modes: ripples in dB over the octaves, the same for a seed."""
    rng = np.random.default_rng(seed)
    ripples = zip(rng.uniform(2.0, 9.0, 6), rng.uniform(0.0, 2.0 * np.pi, 6), strict=True)
    return np.asarray(sum(0.55 * np.sin(2.0 * np.pi * k * octaves / 3.0 + p) for k, p in ripples))
