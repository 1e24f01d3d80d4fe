"""Pitch shifters are found by their pairs, and only they."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("scipy")

from engine.boxes.pitch import PitchShift
from models.effects.grey.fitting import Heard
from models.effects.grey.partials import rough_cents, sharpened_cents
from models.effects.grey.pitch import find, shifted
from models.pairs import open_pairs
from models.pairs.wav import wav_bytes, write_whole

RATE = 48_000


def plucks(seconds: float, seed: int) -> np.ndarray:
    """Plucked notes of twelve falling partials, three a second, over a recording's noise."""
    rng = np.random.default_rng(seed)
    sound = np.zeros(int(seconds * RATE))
    for k in range(int(3 * seconds)):
        first = k * RATE // 3
        time = np.arange(len(sound) - first) / RATE
        pitch = 110.0 * 2.0 ** (rng.integers(0, 24) / 12.0)
        for n in range(1, 13):
            sound[first:] += np.sin(2.0 * np.pi * n * pitch * time) * np.exp(-n * time * 2.0) / n
    return (0.1 * sound + 1e-4 * rng.standard_normal(len(sound))).astype(np.float32)


def folder(path: Path, effect: object) -> Path:
    """Two pairs of what ``effect`` makes of plucks."""
    for k, seconds in enumerate((2.0, 3.0)):
        dry = plucks(seconds, k)
        write_whole(path / "dry" / f"{k}.wav", wav_bytes(dry, RATE))
        write_whole(path / "wet" / f"{k}.wav", wav_bytes(effect(dry), RATE))
    return path


@pytest.mark.parametrize("semitones", [12.0, -5.3])
def test_pedalboards_pitch_shift_is_found_and_imitated(tmp_path: Path, semitones: float) -> None:
    pedalboard = pytest.importorskip("pedalboard")
    effect = pedalboard.Pedalboard([pedalboard.PitchShift(semitones=semitones)])
    pairs = open_pairs(folder(tmp_path, lambda dry: effect(dry, RATE)))
    found = find(pairs)
    assert found is not None
    box = found.network.ops[0].box
    assert isinstance(box, PitchShift)
    assert abs(1200.0 * np.log2(box.ratio) - 100.0 * semitones) < 2.0
    assert found.latency_samples == box.latency_samples

    metrics = pytest.importorskip("models.judging.metrics")
    dry = plucks(3.0, 9)
    wet = effect(dry, RATE)
    ours = metrics.mel_distance(wet, shifted(box, dry, RATE), RATE)
    assert ours < 0.1 * metrics.mel_distance(wet, dry, RATE)


def test_a_file_that_begins_with_silence_is_no_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("models.effects.grey.pitch.SECONDS", 1.0)

    def octave(dry: np.ndarray) -> np.ndarray:
        return np.append(dry[::2], dry[::2])[: len(dry)]

    silence = np.zeros(round(1.1 * RATE), np.float32)
    for k, before in enumerate((silence, silence[:0])):
        dry = plucks(1.0, k)
        for kind, sound in (("dry", dry), ("wet", octave(dry))):
            write_whole(tmp_path / kind / f"{k}.wav", wav_bytes(np.append(before, sound), RATE))
    find(open_pairs(tmp_path))


def test_what_shifts_no_pitch_is_none(tmp_path: Path) -> None:
    pairs = open_pairs(folder(tmp_path, lambda dry: np.tanh(8.0 * dry)))
    assert find(pairs) is None


def test_intervals_are_measured_to_cents() -> None:
    box = PitchShift(2.0 ** (321.5 / 1200.0), onset=2.0, spread=0.0)
    sounds = [Heard(plucks(2.0, 1), shifted(box, plucks(2.0, 1), RATE))]
    rough = rough_cents(sounds, RATE)
    assert rough is not None
    assert abs(rough - 321.5) < 10.0
    assert abs(sharpened_cents(sounds, RATE, rough) - 321.5) < 1.5
