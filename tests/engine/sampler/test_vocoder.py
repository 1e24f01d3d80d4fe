"""The channel vocoder is the bank of oscillators of section 3.2; and its coherent kin."""

from __future__ import annotations

from collections import namedtuple
from functools import cache

import numpy as np
import pytest

from engine.compiler import callable_kernel
from engine.sampler.errors import SamplerError
from engine.sampler.frames import bins_of, from_log, magnitudes, to_log
from engine.sampler.reference import oscillators
from engine.sampler.vocoder import BANK, COHERENT, sing, vocoder

RATE = 22_050


@pytest.fixture(scope="module")
def sung():
    compiled = callable_kernel(sing)

    @cache  # it is compiled anew for each class
    def state_of(*names):
        return namedtuple("State", names)  # noqa: PYI024 - names known only here

    def run(frames, hop, window, kind=BANK, padded=False, number=0):
        arrays = vocoder(window, hop, padded, frames.shape[1], kind, number)
        state = state_of(*arrays)(**arrays)
        out = np.zeros((len(frames), hop), np.float32)
        for k, frame in enumerate(np.ascontiguousarray(frames, np.float32)):
            compiled(state, frame, out[k])
        return out.ravel(), arrays

    return run


@pytest.mark.parametrize("hop", [56, 256, 300, 1024])
def test_one_transform_a_frame_is_the_bank_of_oscillators(sung, hop):
    frames = np.random.default_rng(1).random((12, 513))
    out, arrays = sung(frames, hop, 1024)
    wanted = oscillators(np.float32(frames), hop, 1024, arrays["voc_phase"])
    assert np.abs(out - wanted).max() <= 1e-6 * np.abs(wanted).max()


def test_only_peaks_sound(sung):
    slope = np.tile(np.linspace(1.0, 0.0, 512), (4, 1))
    assert not sung(slope, 256, 1024)[0].any()


def test_phases_are_by_chance_and_the_same_for_the_same_number(sung):
    frames = np.random.default_rng(1).random((6, 512))
    first, again, other = (sung(frames, 256, 1024, number=n)[0] for n in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert np.abs(first - other).max() > 0.1


@pytest.mark.parametrize("kind", [BANK, COHERENT])
@pytest.mark.parametrize("padded", [False, True])
def test_a_sine_comes_back_at_its_level(sung, kind, padded):
    bin_hz = RATE / (2048 if padded else 1024)
    tone = 0.5 * np.sin(2.0 * np.pi * 40 * bin_hz * np.arange(RATE) / RATE)
    out, _ = sung(magnitudes(tone, 1024, 256, padded), 256, 1024, kind, padded)
    assert np.std(out[4096:16_384]) == pytest.approx(0.5 / np.sqrt(2.0), rel=0.02)


def test_coherent_phases_keep_pitches_between_bins(sung):
    time = np.arange(2 * RATE) / RATE
    chord = 0.3 * np.sin(2 * np.pi * 440.7 * time) + 0.2 * np.sin(2 * np.pi * 2000.3 * time)
    frames = magnitudes(chord, 1024, 256, False)
    errors = []
    for kind in (BANK, COHERENT):
        again = magnitudes(sung(frames, 256, 1024, kind)[0][2048:], 1024, 256, False)
        count = min(len(again), len(frames) - 8)
        apart = np.linalg.norm(again[:count] - frames[8 : 8 + count])
        errors.append(20 * np.log10(apart / np.linalg.norm(frames[8 : 8 + count])))
    assert errors[1] < -30.0 < errors[0]


def test_what_lies_at_0_hz_is_heard_nowhere_else(sung):
    frames = np.zeros((12, 512))
    frames[:, 5] = 0.5  # its slope reaches down to 0 Hz
    frames[:, :5] = 0.1
    out, _ = sung(frames, 256, 1024, COHERENT)
    top = out[1024:2048] * (-1.0) ** np.arange(1024)
    assert abs(np.mean(top * np.hanning(1024))) < 1e-5


def test_silence_is_silent(sung):
    for kind in (BANK, COHERENT):
        assert not sung(np.zeros((5, 512)), 256, 1024, kind)[0].any()


def test_a_frame_of_a_sine_shows_its_amplitude_and_logarithms_come_back():
    tone = 0.5 * np.sin(2.0 * np.pi * 32 * np.arange(2048) / 1024)
    frames = magnitudes(tone, 1024, 256, False)
    assert frames.shape == (5, bins_of(1024, False)) == (5, 512)
    assert frames[0].max() == pytest.approx(0.5, abs=1e-4)
    np.testing.assert_allclose(from_log(to_log(frames)), frames, atol=1e-6)


def test_windows_that_no_transform_fits_are_refused():
    for size, padded in ((32, False), (16_384, False), (8192, True)):
        with pytest.raises(SamplerError, match=f"window_size = {size}"):
            vocoder(size, 16, padded)
