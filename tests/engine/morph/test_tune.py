"""A pitch that is known: partials that are nearly in tune are, others stay where they are."""

from __future__ import annotations

import numpy as np
import pytest

from engine.morph.grid import GRIDS, magnitudes, to_db
from engine.morph.phase import Phaser

from .conftest import RATE, tone

QUALITY, LIVE = GRIDS["quality"], GRIDS["live"]
SEMITONE = 2.0 ** (1.0 / 12.0)


def cents_of(sound, hertz):
    """How sharp the loudest partial near ``hertz`` is, by the top of its peak."""
    part = sound[-8192:] * np.hanning(8192)
    spectrum = np.abs(np.fft.rfft(part, 1 << 17))
    width = RATE / (1 << 17)
    low, high = (round(hertz * share / width) for share in (1.0 / SEMITONE, SEMITONE))
    at = low + int(np.argmax(spectrum[low : high + 1]))
    a, b, c = np.log(spectrum[at - 1 : at + 2])
    return 1200.0 * np.log2((at + 0.5 * (a - c) / (a - 2.0 * b + c)) * width / hertz)


def played(sound, grid, hertz):
    """Its frames as a sound again, told that their pitch is ``hertz``."""
    levels = to_db(magnitudes(sound, grid))[0]
    return Phaser(grid, hertz=hertz).frames(levels)[: len(sound)]


@pytest.mark.parametrize(
    ("grid", "hertz"),
    [
        (grid, hertz)
        for grid in (QUALITY, LIVE)
        for hertz in (65.4, 130.8, 261.6, 880.0)
        if hertz * grid.size / grid.rate > 2.0
    ],
)
@pytest.mark.parametrize("off", [-12.0, 12.0])
def test_a_note_that_is_out_of_tune_is_put_in_tune(grid, hertz, off):
    given = tone(hertz * 2.0 ** (off / 1200.0), 1.2, 0.8, 0.0)
    made = played(given, grid, hertz)
    assert abs(cents_of(made, hertz)) < 3.0


@pytest.mark.parametrize("grid", [QUALITY, LIVE])
def test_no_pitch_told_leaves_it_out_of_tune(grid):
    given = tone(261.6 * 2.0 ** (20.0 / 1200.0), 1.2, 0.8, 0.0)
    assert cents_of(played(given, grid, 0.0), 261.6) == pytest.approx(20.0, abs=1.0)


def test_partials_that_belong_to_no_pitch_stay():
    time = np.arange(round(1.2 * RATE)) / RATE
    bell = np.sin(2.0 * np.pi * 440.0 * time) + np.sin(2.0 * np.pi * 440.0 * 2.76 * time)
    made = played(0.3 * bell, QUALITY, 440.0)
    assert abs(cents_of(made, 440.0 * 2.76)) < 0.5


def test_noise_is_as_loud_as_it_was():
    noise = np.random.default_rng(2).normal(0.0, 0.1, 16_000)
    told, untold = (magnitudes(played(noise, QUALITY, hz), QUALITY)[16:-16] for hz in (440.0, 0.0))
    more = 10.0 * np.log10(np.square(told).sum() / np.square(untold).sum())
    assert abs(more) < 0.5


def test_a_pitch_may_change_while_it_sounds():
    levels = to_db(magnitudes(tone(261.6, 1.2, 0.8, 0.0), QUALITY))[0]
    phaser = Phaser(QUALITY, hertz=261.6)
    first = phaser.frames(levels[:100])
    phaser.arrays["phase_pitch"][0] = 0.0
    second = phaser.frames(levels[100:])
    sound = np.concatenate([first, second])
    steps = np.abs(np.diff(sound))
    assert steps[6300:6700].max() < 1.5 * steps[3000:6000].max()


def test_silence_with_a_pitch_is_silence():
    assert not Phaser(QUALITY, hertz=100.0).frames(np.full((9, QUALITY.bins), -200.0)).any()
