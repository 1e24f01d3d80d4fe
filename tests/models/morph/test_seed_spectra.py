"""Spectrograms of notes: dB under their maximum, bands, and the way back to sound."""

from __future__ import annotations

import librosa
import numpy as np
import pytest

from engine.morph.errors import MorphError
from models.morph.seed.griffin import convergence, griffin_lim
from models.morph.seed.spectra import Transform

from .seed_notes import RATE, SMALL, notes, tone

THESIS = Transform()
SHAPES = [THESIS, SMALL, Transform(window="hamming"), Transform(n_fft=512, hop=100)]


@pytest.mark.parametrize("transform", SHAPES)
def test_spectra_are_those_of_librosa(transform: Transform) -> None:
    sound = tone(60, 6.0, 1.0)
    expected = librosa.stft(
        sound, n_fft=transform.n_fft, hop_length=transform.hop, window=transform.window
    )
    found = transform.spectra(sound)[0]
    assert found.shape == expected.shape == (transform.n_fft // 2 + 1, transform.frames(len(sound)))
    np.testing.assert_allclose(found, expected, atol=2e-4)


def test_values_are_decibels_under_the_maximum_which_is_kept() -> None:
    sound = tone(57, 6.0, 1.0)
    values, references = THESIS.values(np.stack([sound, 0.1 * sound]))
    magnitude = np.abs(librosa.stft(sound, n_fft=1024, hop_length=512))[:-1]
    expected = librosa.amplitude_to_db(magnitude, ref=np.max, top_db=80.0)
    np.testing.assert_allclose(80.0 * (values[0] - 1.0), expected, atol=0.02)
    np.testing.assert_allclose(values[1], values[0], atol=1e-4)
    np.testing.assert_allclose(references, [magnitude.max(), 0.1 * magnitude.max()], rtol=1e-3)
    assert values.min() == 0.0 and values.max() == 1.0


@pytest.mark.parametrize("transform", SHAPES)
def test_a_sound_comes_back_with_its_own_phase(transform: Transform) -> None:
    given = notes(2, (60,)).sounds
    values, references = transform.values(given)
    magnitudes = transform.magnitudes(values, references)
    made = transform.sounds(magnitudes, transform.phases(given), given.shape[1])
    off = np.square(made - given).sum() / np.square(given).sum()
    assert 10.0 * np.log10(off) < -45.0


def test_silence_is_the_floor_and_comes_back_as_silence() -> None:
    values, references = THESIS.values(np.zeros((1, 16_000)))
    assert not values.any()
    assert not THESIS.magnitudes(values, references).any()


@pytest.mark.parametrize("mels", [40, 128, 256])
def test_no_band_is_empty_and_bands_come_back_as_bands(mels: int) -> None:
    transform = Transform(mels=mels)
    given = notes(1, (60,)).sounds
    values, references = transform.values(given)
    assert values.shape[1] == mels == len(transform.centres_hz)
    again = transform.shown(transform.magnitudes(values, references))
    wanted = transform.linear(values) * references[0]
    assert np.linalg.norm(again - wanted) < 0.05 * np.linalg.norm(wanted)


def test_fast_griffin_lim_is_nearer_than_the_plain_one_and_both_than_chance() -> None:
    sound = tone(62, 5.0, 1.0)
    wanted = np.abs(THESIS.spectra(sound))
    found = [
        convergence(griffin_lim(wanted, THESIS, len(sound), rounds=r, momentum=m), wanted, THESIS)
        for r, m in ((0, 0.0), (32, 0.0), (32, 0.99))
    ]
    assert found[2] < found[1] < found[0] - 3.0
    assert found[2] < -15.0


def test_griffin_lim_agrees_with_librosas() -> None:
    sound = tone(62, 5.0, 1.0)
    wanted = np.abs(THESIS.spectra(sound))
    ours = convergence(griffin_lim(wanted, THESIS, len(sound)), wanted, THESIS)
    made = librosa.griffinlim(
        wanted[0], n_iter=32, hop_length=512, length=len(sound), random_state=0, pad_mode="constant"
    )
    assert abs(ours - convergence(made, wanted, THESIS)) < 3.0


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"n_fft": 1000}, "n_fft = 1000"),
        ({"n_fft": 16}, "n_fft = 16"),
        ({"hop": 0}, "hop = 0"),
        ({"hop": 1000}, "hop = 1000"),
        ({"window": "round"}, "window = 'round'"),
        ({"window": "kaiser"}, "window = 'kaiser'"),
        ({"mels": 3}, "mels = 3"),
        ({"top_db": 0.0}, "top_db = 0"),
        ({"rate": 0}, "rate = 0"),
    ],
)
def test_what_cannot_be_made_is_told_in_one_line(given: dict[str, object], told: str) -> None:
    with pytest.raises(MorphError, match="allowed") as raised:
        Transform(**given)  # type: ignore[arg-type]
    assert told in str(raised.value) and "\n" not in str(raised.value)


def test_frames_are_counted_as_they_are_made() -> None:
    for samples in (1, 511, 512, 16_000, 64_000):
        sound = np.ones(samples, np.float32)
        assert THESIS.values(sound)[0].shape[2] == THESIS.frames(samples)
    assert THESIS.frames(4 * RATE) == 126
