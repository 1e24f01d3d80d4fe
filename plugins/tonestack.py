"""The bass, middle and treble of a tube amplifier."""

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from engine.kernel import Audio, kernel
from engine.params import CELL, Choice, Param, final
from engine.plugin import Plugin, Setup, State

VOICES = ("tweed", "american", "british")
PARTS = np.array(
    [
        # treble pot, bass pot, middle pot, slope resistor; treble, bass, middle capacitor
        (250e3, 1e6, 25e3, 56e3, 250e-12, 20e-9, 20e-9),
        (250e3, 250e3, 10e3, 100e3, 250e-12, 100e-9, 47e-9),
        (220e3, 1e6, 22e3, 33e3, 470e-12, 22e-9, 22e-9),
    ]
)
"""Ohms and farads of the passive stack as three well-known families of amplifiers built it."""

NUMBERS = 13  # A (6, symmetric), B (3), C (3), D
AUDIO_TAPER = 99.0  # the bass pot: a tenth of its track at half a turn


@kernel
def solve(
    row: Any, parts: Any, bass: float, middle: float, treble: float, rate: float, makeup: float
) -> None:
    """Fill ``row`` (13) for one voice with the pots turned to these positions.

    With i the currents into the capacitors (treble, bass, middle), v their voltages and u the
    input, Kirchhoff's laws are R i = u - v with a symmetric R; the trapezoidal rule makes a
    capacitor i = G v - s, where G = 2 C rate and s' = 2 G v - s. In z = s / sqrt(G) and
    h = sqrt(G) the step is z' = A z + B u and y = C z + D u, where A = 1 - 2 S, B = 2 S h and
    S = (1 + sqrt(G) R sqrt(G))^-1.
    """
    low = parts[1] * (100.0**bass - 1.0) / AUDIO_TAPER + (1.0 - middle) * parts[2]
    ground = middle * parts[2]
    slope = parts[3] + ground
    h0 = math.sqrt(2.0 * parts[4] * rate)
    h1 = math.sqrt(2.0 * parts[5] * rate)
    h2 = math.sqrt(2.0 * parts[6] * rate)
    a = 1.0 + h0 * h0 * (parts[0] + low + ground)
    b = h0 * h1 * (low + ground)
    c = h0 * h2 * ground
    d = 1.0 + h1 * h1 * (slope + low)
    e = h1 * h2 * slope
    f = 1.0 + h2 * h2 * slope
    s00, s01, s02 = d * f - e * e, c * e - b * f, b * e - c * d
    scale = 1.0 / (a * s00 + b * s01 + c * s02)
    s00, s01, s02 = s00 * scale, s01 * scale, s02 * scale
    s11, s12, s22 = (a * f - c * c) * scale, (b * c - a * e) * scale, (a * d - b * b) * scale
    row[0], row[1], row[2] = 1.0 - 2.0 * s00, -2.0 * s01, -2.0 * s02
    row[3], row[4], row[5] = 1.0 - 2.0 * s11, -2.0 * s12, 1.0 - 2.0 * s22
    row[6] = 2.0 * (s00 * h0 + s01 * h1 + s02 * h2)
    row[7] = 2.0 * (s01 * h0 + s11 * h1 + s12 * h2)
    row[8] = 2.0 * (s02 * h0 + s12 * h1 + s22 * h2)
    through = makeup * (1.0 / h0 + (1.0 - treble) * parts[0] * h0)
    row[9] = through * s00 - makeup / h0
    row[10], row[11] = through * s01, through * s02
    row[12] = makeup - through * 0.5 * row[6]


@kernel
def aim(row: Any, voice: float, bass: float, middle: float, treble: float, state: Any) -> None:
    """Fill ``row`` for a voice, or for the mean of two while it changes."""
    first = min(int(voice), len(VOICES) - 1)
    solve(row, state.parts[first], bass, middle, treble, state.rate, state.makeup[first])
    share = voice - first
    if share > 0.0:
        other = state.other
        solve(
            other, state.parts[first + 1], bass, middle, treble, state.rate, state.makeup[first + 1]
        )
        for n in range(NUMBERS):
            row[n] += share * (other[n] - row[n])


class ToneStack(Plugin):
    """Bass, middle and treble as the passive stack of a tube amplifier: they share the sound.

    The circuit of Yeh and Smith, Discretization of the '59 Fender Bassman Tone Stack, DAFx
    2006: the same third-order transfer function under the bilinear transform, but kept as the
    circuit's three capacitors. Its step never lengthens the state, nor does a mean of two such
    steps, so knobs move freely. What the stack loses between 80 Hz and 5 kHz with all knobs
    at half is made up for.
    """

    voice = Choice("tweed", VOICES, smooth_ms=40.0, help="Whose resistors and capacitors")
    bass = Param(0.5, help="Position of the bass pot")
    middle = Param(0.5, help="Position of the middle pot")
    treble = Param(0.5, help="Position of the treble pot")

    def prepare(self, setup: Setup) -> State:
        return {
            "rate": float(setup.sample_rate),
            "parts": PARTS,
            "makeup": np.array([_makeup(parts) for parts in PARTS]),
            "key": np.full(8, np.inf, np.float32),
            "rows": np.zeros((2, NUMBERS)),
            "other": np.zeros(NUMBERS),
            "memory": np.zeros((setup.channels, 3)),
        }

    @kernel
    def process(audio: Audio, knobs: Any, state: Any) -> None:
        channels = audio.shape[0]
        v, b, m, t = knobs.voice, knobs.bass, knobs.middle, knobs.treble
        key, rows, memory = state.key, state.rows, state.memory
        still = v.step == 0.0 and b.step == 0.0 and m.step == 0.0 and t.step == 0.0
        now = (v.start, b.start, m.start, t.start, v.step, b.step, m.step, t.step)
        moved = False
        for n in range(8):
            moved = moved or key[n] != now[n]
        if moved:
            for n in range(8):
                key[n] = now[n]
            aim(rows[0], float(v.start), float(b.start), float(m.start), float(t.start), state)
            aim(rows[1], float(final(v)), float(final(b)), float(final(m)), float(final(t)), state)
        if still and channels == 2:
            stereo(audio, rows[0], memory)
        else:
            for c in range(channels):
                glide(audio[c], rows, memory[c], state.other, v.at, 0.0 if still else 1.0 / CELL)


@kernel
def stereo(audio: Any, row: Any, memory: Any) -> None:
    """Both channels side by side, at rest."""
    s00, s01, s02, s11, s12, s22 = row[0], row[1], row[2], row[3], row[4], row[5]
    b0, b1, b2, c0, c1, c2, d = row[6], row[7], row[8], row[9], row[10], row[11], row[12]
    x0, x1, x2 = memory[0, 0], memory[0, 1], memory[0, 2]
    y0, y1, y2 = memory[1, 0], memory[1, 1], memory[1, 2]
    for i in range(audio.shape[1]):
        u, v = float(audio[0, i]), float(audio[1, i])
        audio[0, i] = (c0 * x0 + c1 * x1) + (c2 * x2 + d * u)
        audio[1, i] = (c0 * y0 + c1 * y1) + (c2 * y2 + d * v)
        x0, x1, x2 = (
            (s00 * x0 + s01 * x1) + (s02 * x2 + b0 * u),
            (s01 * x0 + s11 * x1) + (s12 * x2 + b1 * u),
            (s02 * x0 + s12 * x1) + (s22 * x2 + b2 * u),
        )
        y0, y1, y2 = (
            (s00 * y0 + s01 * y1) + (s02 * y2 + b0 * v),
            (s01 * y0 + s11 * y1) + (s12 * y2 + b1 * v),
            (s02 * y0 + s12 * y1) + (s22 * y2 + b2 * v),
        )
    memory[0, 0], memory[0, 1], memory[0, 2] = x0, x1, x2
    memory[1, 0], memory[1, 1], memory[1, 2] = y0, y1, y2


@kernel
def glide(x: Any, rows: Any, memory: Any, now: Any, at: int, slope: float) -> None:
    """One channel, while the numbers go from ``rows[0]`` to ``rows[1]`` over a cell."""
    first, last = rows[0], rows[1]
    x0, x1, x2 = memory[0], memory[1], memory[2]
    for i in range(x.shape[0]):
        f = (at + i + 1) * slope
        for n in range(NUMBERS):
            now[n] = first[n] + f * (last[n] - first[n])
        u = float(x[i])
        x[i] = (now[9] * x0 + now[10] * x1) + (now[11] * x2 + now[12] * u)
        x0, x1, x2 = (
            (now[0] * x0 + now[1] * x1) + (now[2] * x2 + now[6] * u),
            (now[1] * x0 + now[3] * x1) + (now[4] * x2 + now[7] * u),
            (now[2] * x0 + now[4] * x1) + (now[5] * x2 + now[8] * u),
        )
    memory[0], memory[1], memory[2] = x0, x1, x2


def response(
    parts: npt.NDArray[np.float64],
    hz: npt.NDArray[np.float64],
    bass: float,
    middle: float,
    treble: float,
) -> npt.NDArray[np.complex128]:
    """The transfer function of the circuit itself at ``hz``, without any sample rate."""
    r1, r2, r3, slope, c1, c2, c3 = parts
    low = r2 * (100.0**bass - 1.0) / AUDIO_TAPER + (1.0 - middle) * r3
    ground = middle * r3
    found = np.zeros(len(hz), np.complex128)
    for n, s in enumerate(2j * np.pi * hz):
        z = np.array(
            [
                [r1 + low + ground + 1 / (s * c1), low + ground, ground],
                [low + ground, slope + low + ground + 1 / (s * c2), slope + ground],
                [ground, slope + ground, slope + ground + 1 / (s * c3)],
            ]
        )
        i1 = np.linalg.solve(z, np.ones(3))[0]
        found[n] = 1.0 - i1 / (s * c1) - (1.0 - treble) * r1 * i1
    return found


def _makeup(parts: npt.NDArray[np.float64]) -> float:
    hz = np.geomspace(80.0, 5000.0, 64)
    return float(np.exp(-np.mean(np.log(np.abs(response(parts, hz, 0.5, 0.5, 0.5))))))
