"""The figures: closed forms, the libraries that define them, and what is refused."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

pytest.importorskip("scipy")

from models.judging import metrics
from models.judging.metrics import JudgeError
from models.judging.spectra import mel_filters

RATE = 48_000


def noise(frames: int = RATE, seed: int = 0, level: float = 0.1) -> Any:
    return (level * np.random.default_rng(seed).standard_normal(frames)).astype(np.float32)


def test_esr_is_0_for_equal_1_for_silence_and_a_quarter_at_half_the_level() -> None:
    sound = noise()
    assert metrics.esr(sound, sound) == 0.0
    assert metrics.esr(sound, np.zeros_like(sound)) == 1.0
    assert metrics.esr(sound, 0.5 * sound) == pytest.approx(0.25)


def test_an_inverted_output_has_esr_4_and_no_stft_distance_at_all() -> None:
    sound = noise()
    assert metrics.esr(sound, -sound) == pytest.approx(4.0)
    assert metrics.mrstft(sound, -sound) == 0.0
    assert metrics.mel_distance(sound, -sound, RATE) == 0.0


def test_pre_emphasis_weighs_an_error_by_its_filter_at_that_frequency() -> None:
    times = np.arange(RATE) / RATE
    low, high = np.sin(2 * np.pi * 100 * times), 0.1 * np.sin(2 * np.pi * 10_000 * times)
    gains = [abs(1 - 0.85 * np.exp(-2j * np.pi * f / RATE)) ** 2 for f in (100, 10_000)]
    expected = 0.01 * gains[1] / gains[0]
    assert metrics.esr(low, low + high, 0.85) == pytest.approx(expected, rel=1e-2)


def test_mae_and_dc_are_what_an_offset_makes_them() -> None:
    sound = noise()
    assert metrics.mae(sound, sound + 0.25) == pytest.approx(0.25, rel=1e-6)
    power = float(np.mean(np.square(sound, dtype=np.float64)))
    assert metrics.dc(sound, sound + 0.25) == pytest.approx(0.0625 / power, rel=1e-5)
    assert metrics.dc_offset(np.full(100, -0.5)) == -0.5


@pytest.mark.parametrize("seed", [0, 1])
def test_the_stft_distance_is_auralosss(seed: int) -> None:
    torch, freq = pytest.importorskip("torch"), pytest.importorskip("auraloss.freq")
    wanted, made = noise(30_001, seed), np.tanh(5 * noise(30_001, seed)) + noise(30_001, 9, 1e-3)
    wanted[5000:9000] = made[5000:9000] = 0.0
    as_batch = [torch.from_numpy(np.float32(sound))[None, None] for sound in (made, wanted)]
    theirs = float(freq.MultiResolutionSTFTLoss()(*as_batch))
    assert metrics.mrstft(wanted, made) == pytest.approx(theirs, rel=1e-3)


def test_half_the_level_is_a_spectral_convergence_of_a_half_and_a_log_of_two() -> None:
    assert metrics.mrstft(noise(), 0.5 * noise()) == pytest.approx(0.5 + np.log(2), rel=1e-3)


@pytest.mark.parametrize(("rate", "size"), [(48_000, 2048), (44_100, 2048), (96_000, 4096)])
def test_the_mel_bands_are_librosas(rate: int, size: int) -> None:
    filters = pytest.importorskip("librosa").filters
    theirs = filters.mel(sr=rate, n_fft=size, n_mels=128)
    np.testing.assert_allclose(mel_filters(rate, size, 128), theirs, atol=1e-6)


def test_the_mel_distance_is_what_librosas_spectrograms_differ_by() -> None:
    librosa = pytest.importorskip("librosa")
    wanted, made = noise(), np.tanh(8 * noise())
    wanted[10_000:30_000] = 0.0

    def power(sound: Any) -> Any:
        return librosa.feature.melspectrogram(
            y=np.float64(sound), sr=RATE, n_fft=2048, hop_length=512, pad_mode="reflect"
        )

    floor = power(wanted).max() * 1e-8
    in_db = [10 * np.log10(np.maximum(power(sound), floor)) for sound in (wanted, made)]
    expected = float(np.mean(np.abs(in_db[0] - in_db[1])))
    assert metrics.mel_distance(wanted, made, RATE) == pytest.approx(expected, rel=1e-3)


def test_six_db_quieter_is_a_mel_distance_of_six_db() -> None:
    assert metrics.mel_distance(noise(), 0.5 * noise(), RATE) == pytest.approx(6.0206, abs=1e-3)


def test_compare_tells_how_much_nearer_the_model_is_in_db() -> None:
    dry = noise()
    wet = np.tanh(8 * dry)
    figures = metrics.compare(dry, wet, wet + 0.1 * (dry - wet), RATE)
    assert figures.esr.better_db == pytest.approx(20.0, abs=1e-3)
    assert figures.mae.better_db == pytest.approx(20.0, abs=1e-3)
    assert figures.mrstft.model < figures.mrstft.clean
    assert metrics.compare(dry, wet, dry, RATE).mel_db.better_db == 0.0


def test_figures_are_json_even_of_a_model_that_is_the_effect() -> None:
    dry = noise()
    told = json.loads(json.dumps(metrics.compare(dry, np.tanh(dry), np.tanh(dry), RATE).as_json()))
    assert told["esr"]["model"] == 0.0 and told["esr"]["better_db"] == metrics.MOST_DB
    assert set(told) == {"esr", "esr_emphasised", "mae", "dc", "mrstft", "mel_db"}


def test_a_model_that_runs_away_is_far_and_the_figures_are_finite() -> None:
    dry = noise()
    told = metrics.compare(dry, np.tanh(dry), np.float64(dry) * 1e30, RATE).as_json()
    assert all(np.isfinite(list(one.values())).all() for one in told.values())
    assert all(told[name]["better_db"] < -10 for name in ("esr", "mae", "mrstft", "mel_db"))


def test_figures_of_two_sounds_are_as_of_one_after_the_other() -> None:
    sounds = [noise(seed=seed, level=level) for seed, level in ((0, 0.1), (1, 0.3))]
    wet = [np.tanh(4 * sound) for sound in sounds]
    made = [np.tanh(3 * sound) for sound in sounds]
    each = [metrics.compare(*three, RATE) for three in zip(sounds, wet, made, strict=True)]
    whole = metrics.compare(*(np.concatenate(part) for part in (sounds, wet, made)), RATE)
    both = metrics.together(each)
    assert both.frames == whole.frames
    for name in ("esr", "esr_emphasised", "mae"):
        assert getattr(both, name).model == pytest.approx(getattr(whole, name).model, rel=1e-3)
        assert getattr(both, name).clean == pytest.approx(getattr(whole, name).clean, rel=1e-3)


def test_a_cube_below_nyquist_does_not_alias_and_above_it_does() -> None:
    clean = metrics.alias_levels(lambda sound: np.float64(sound) ** 3, RATE, (1318.5, 9001.0))
    assert clean[1318.5] < -90.0
    # sin^3 is 3/4 of the note and 1/4 of its third, which folds at 9 kHz: a ninth of the energy
    assert clean[9001.0] == pytest.approx(10 * np.log10(1 / 9), abs=0.1)


def test_a_hard_clip_aliases_and_its_oversampled_twin_less() -> None:
    from scipy.signal import resample

    def clip(sound: Any) -> Any:
        return np.clip(20 * sound, -1, 1)

    def oversampled(sound: Any) -> Any:
        return resample(clip(resample(np.float64(sound), 8 * len(sound))), len(sound))

    assert metrics.alias_level(oversampled, RATE) < metrics.alias_level(clip, RATE) - 12.0


@pytest.mark.parametrize("shift", [0.0, 3.0, -17.25, 0.4])
def test_a_shift_is_found_to_a_hundredth_of_a_sample(shift: float) -> None:
    spectrum = np.fft.rfft(noise(8192))
    spectrum[3000:] = 0.0
    turned = spectrum * np.exp(-2j * np.pi * np.arange(len(spectrum)) / 8192 * shift)
    target, output = np.fft.irfft(spectrum), -np.fft.irfft(turned)
    assert metrics.shift_between(target, output, 100) == pytest.approx(shift, abs=0.01)


@pytest.mark.parametrize(
    ("target", "output", "said"),
    [
        (np.zeros(4000), noise(4000), "the target is silent"),
        (noise(4000), noise(4001), "4000 frames and the output 4001"),
        (noise(4000), np.full(4000, np.nan), "the output is nan at frame 0"),
        (noise(4000).reshape(2, -1), noise(4000), "(2, 2000)"),
        (noise(0), noise(0), "no frames"),
        (noise(600), noise(600), "600 frames are too short"),
    ],
)
def test_what_cannot_be_compared_is_refused_in_one_line(
    target: Any, output: Any, said: str
) -> None:
    with pytest.raises(JudgeError) as refused:
        metrics.mrstft(target, output)
    assert said in str(refused.value) and "\n" not in str(refused.value)
