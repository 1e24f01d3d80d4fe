"""Measures of spectra and morphs, each with a sound that must fail it."""

from functools import cache
from pathlib import Path

import numpy as np
import pytest

from engine.morph.errors import MorphError
from models.morph.measures import (
    Pca,
    between_db,
    centroid_hz,
    cents,
    convergence_db,
    crossfade,
    decibels,
    heard,
    judge_path,
    linear,
    lsd_db,
    magnitudes,
    mfcc,
    mfcc_distance,
    residual,
    rmse_db,
    together,
)
from models.morph.measures.path import line_error, monotone, step_cv

SHARED = Path(__file__).parents[4] / "shared" / "data" / "notes" / "fluidr3_notes_16k"
RATE = 16_000
SHARES = np.linspace(0.0, 1.0, 9)
PAIRS = (
    (48, "organ_electronic_000", "reed_acoustic_000"),
    (60, "flute_acoustic_000", "string_acoustic_001"),
    (66, "synth_lead_synthetic_000", "vocal_acoustic_001"),
)


def harmonic(pitch=60.0, slope=1.0, seconds=1.5, partials=20, detune=0.0):
    """Partials that fall as k ** -slope; ``detune`` in cents."""
    base = 440.0 * 2.0 ** ((pitch - 69 + detune / 100.0) / 12.0)
    t = np.arange(round(RATE * seconds)) / RATE
    made = np.zeros(len(t))
    for k in range(1, partials + 1):
        if base * k < 0.45 * RATE:
            made += k**-slope * np.sin(2 * np.pi * base * k * t + k * k)
    return (0.1 * made * np.minimum(1.0, (seconds - t) / 0.1)).astype(np.float32)


def test_a_spectrum_is_that_of_librosa():
    librosa = pytest.importorskip("librosa")
    sound = np.random.default_rng(1).standard_normal(9000).astype(np.float32)
    wanted = np.abs(librosa.stft(sound, n_fft=1024, hop_length=512)).T
    np.testing.assert_allclose(magnitudes(sound), wanted, atol=1e-3)
    wanted = librosa.feature.mfcc(y=sound, sr=RATE).T
    np.testing.assert_allclose(mfcc(sound, RATE), wanted, atol=1e-2)
    wanted = librosa.feature.spectral_centroid(y=sound, sr=RATE).mean()
    assert centroid_hz(sound, RATE) == pytest.approx(wanted, rel=0.02)


def test_decibels_are_below_the_own_maximum_down_to_a_floor():
    found = decibels(np.array([[10.0, 1.0, 0.0]]))
    np.testing.assert_allclose(found, [[0.0, -20.0, -80.0]], atol=1e-5)
    np.testing.assert_allclose(linear(found, 10.0), [[10.0, 1.0, 1e-3]], rtol=1e-5)
    assert (decibels(np.zeros((2, 3))) == -80.0).all()


def test_distances_of_spectra_are_their_formulas():
    target = np.array([[0.0, -20.0], [-40.0, -40.0]])
    made = target + np.array([[3.0], [0.0]])
    assert rmse_db(target, made) == pytest.approx(3.0 / np.sqrt(2.0))
    assert lsd_db(target, made) == pytest.approx(1.5)
    assert rmse_db(target, target) == lsd_db(target, target) == 0.0
    assert convergence_db(linear(target), np.zeros((2, 2))) == pytest.approx(0.0)
    assert convergence_db(linear(target), 0.9 * linear(target)) == pytest.approx(-20.0, abs=1e-4)
    assert convergence_db(linear(target), linear(target)) == -160.0


def test_frames_without_sound_are_told_from_those_with():
    np.testing.assert_array_equal(heard(np.array([[-80.0, -74.0], [-76.0, -80.0]])), [True, False])


@pytest.mark.parametrize("measure", [rmse_db, lsd_db, convergence_db, mfcc_distance])
def test_spectra_of_other_sizes_are_not_compared(measure):
    with pytest.raises(MorphError, match="cannot be compared"):
        measure(np.ones((3, 4)), np.ones((2, 4)))


def test_silence_has_no_centroid_no_share_and_no_pitch():
    silence = np.zeros(16000, np.float32)
    with pytest.raises(MorphError, match="silent"):
        centroid_hz(silence, RATE)
    with pytest.raises(MorphError, match="silent"):
        convergence_db(np.zeros((2, 2)), np.ones((2, 2)))
    with pytest.raises(MorphError, match="silent"):
        residual(silence, harmonic(), harmonic())
    assert np.isnan(cents(silence, 60, RATE))


@pytest.mark.parametrize("pitch", [36, 48, 61, 84])
@pytest.mark.parametrize("detune", [-31.0, 0.0, 4.5])
def test_cents_are_those_a_note_is_detuned_by(pitch, detune):
    assert cents(harmonic(pitch, detune=detune), pitch, RATE) == pytest.approx(detune, abs=0.15)


def test_cents_know_no_octave_errors_and_hear_a_missing_fundamental():
    base = harmonic(60, partials=20) - harmonic(60, partials=1)
    assert cents(base, 60, RATE) == pytest.approx(0.0, abs=0.15)


def test_a_sine_of_another_pitch_has_no_cents():
    t = np.arange(RATE) / RATE
    sine = np.sin(2 * np.pi * 370.0 * t) * np.hanning(RATE)
    assert np.isnan(cents(sine, 60, RATE))


def test_a_crossfade_has_no_residual_and_another_timbre_has():
    one, other = harmonic(slope=2.0), harmonic(slope=0.4)
    assert residual(crossfade(one, other, 0.3), one, other) < 0.01
    formant = harmonic(slope=1.0, partials=3)
    assert residual(formant, one, harmonic(67)) > 0.2


def test_even_steps_have_no_spread_and_a_jump_has():
    assert step_cv(np.ones(8)) == 0.0
    assert step_cv(np.array([1.0, 0, 0, 0])) > 1.5
    with pytest.raises(MorphError, match="not all the same"):
        step_cv(np.zeros(8))


def test_a_centroid_that_turns_back_is_not_monotone():
    assert monotone(np.linspace(100.0, 200.0, 9)) == 1.0
    assert monotone(np.array([200.0, 150, 160, 120, 100])) == 0.75
    assert line_error(np.linspace(100.0, 200.0, 9)) == pytest.approx(0.0)
    assert line_error(np.array([100.0, 190.0, 200.0])) == pytest.approx(0.4)
    assert np.isnan(monotone(np.array([100.0, 120.0, 101.0])))  # there is no way to go


def test_a_path_off_its_pitch_is_told_from_recordings_off_theirs():
    ends = (harmonic(slope=2.0, detune=-8.0), harmonic(slope=0.5, detune=8.0))
    even = [harmonic(slope=2.0 - 1.5 * t, detune=-8.0 + 16.0 * t) for t in SHARES[::4]]
    figures = judge_path(even, ends, RATE, 60)
    assert figures.cents_worst == pytest.approx(8.0, abs=0.2) and figures.drift_worst < 0.3
    assert figures.endpoint < 1e-3 and figures.monotone == 1.0
    bent = [even[0], harmonic(detune=20.0), even[2]]
    assert judge_path(bent, ends, RATE, 60).drift_worst == pytest.approx(20.0, abs=0.3)


def test_principal_components_are_the_best_linear_code():
    rng = np.random.default_rng(2)
    rows = rng.standard_normal((300, 3)) @ rng.standard_normal((3, 40)) + 5.0
    pca = Pca.fit(rows, 3)
    np.testing.assert_allclose(pca.decode(pca.encode(rows)), rows, atol=1e-3)
    np.testing.assert_allclose(pca.axes @ pca.axes.T, np.eye(3), atol=1e-4)
    left = [np.square(rows - p.decode(p.encode(rows))).mean() for p in (pca.first(1), pca.first(2))]
    assert left[0] > left[1] > 0.1
    with pytest.raises(MorphError, match="1 to 39"):
        Pca.fit(rows[:40], 41)


def test_components_of_few_long_rows_are_those_of_the_covariance():
    rows = np.random.default_rng(3).standard_normal((20, 30)).astype(np.float32)
    wide = Pca.fit(rows, 5)
    values = np.linalg.svd(rows - rows.mean(axis=0), full_matrices=False)[2][:5]
    np.testing.assert_allclose(np.abs(np.sum(wide.axes * values, axis=1)), 1.0, atol=1e-3)


@cache
def _paths(crossed):
    """Figures of paths between notes of one pitch: audio mixed, or dB spectra interpolated."""
    librosa = pytest.importorskip("librosa")
    from models.morph.notes import read_notes

    notes = read_notes(SHARED)
    found = []
    for pitch, *names in PAIRS:
        ends = [next(n for n in notes if n.instrument == i and n.pitch == pitch) for i in names]
        one, other = (end.sound()[:32000] for end in ends)
        spectra = [magnitudes(sound, 1024, 256) for sound in (one, other)]
        peaks = [spectrum.max() for spectrum in spectra]
        path = []
        for share in SHARES:
            if crossed:
                path.append(crossfade(one, other, share))
                continue
            made = between_db(*map(decibels, spectra), share)
            level = peaks[0] ** (1.0 - share) * peaks[1] ** share
            path.append(
                librosa.griffinlim(
                    linear(made, level).T, n_iter=8, n_fft=1024, length=len(one), random_state=0
                )
            )
        found.append(judge_path(path, (one, other), RATE, pitch))
    return together(found)


@pytest.mark.skipif(not SHARED.exists(), reason="needs the notes in ../shared/data")
def test_the_spread_of_steps_tells_a_morph_from_a_crossfade():
    crossed, between = _paths(True), _paths(False)
    assert 0.4 < crossed.step_cv < 1.1  # 0.78 over twelve pairs of whole notes
    assert 0.07 < between.step_cv < 0.2  # 0.14
    assert crossed.residual < between.residual  # 0.06 and 0.18 over the twelve
    assert crossed.endpoint < 1e-6 < between.endpoint < 30.0  # 0 and 14 with Griffin-Lim
    assert between.directness > 0.9 and crossed.directness > 0.8  # 0.97 and 0.93
    assert between.cents_median < 12.0


def test_no_paths_have_no_mean():
    with pytest.raises(MorphError, match="there are none"):
        together([])
