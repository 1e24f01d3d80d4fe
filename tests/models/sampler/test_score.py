"""Sounds whose grades are known: each must fall where it should."""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

pytest.importorskip("scipy")
pytest.importorskip("librosa")

from engine.sampler.errors import SamplerError
from models.sampler.score import LIMITS, Scored, Source, score
from models.sampler.score.controls import Control, controls, mosaic

RATE, SECONDS = 22_050, 10.0
NAMES = (
    "source", "source, EQ", "source + noise", "white noise", "pink noise", "sine",
    "mosaic 250 ms", "mosaic 4 s", "hard cuts 100 ms", "20 clicks/s", "1 s loop",
    "other instrument", "second half",
)  # fmt: skip
SCALES = {"strings": (0, 2, 4, 7, 9, 12, 14), "reeds": (0, 3, 5, 7, 10, 12, 15)}
DATA = Path(__file__).parents[4] / "shared" / "data" / "music"
RECORDED = {
    "piano": "mutopia-rendered/clair_first30s_piano.flac",
    "guitar": "mutopia-rendered/carcassi_op60_7_nylon_guitar.flac",
}


def played(kind: str, seconds: float = SECONDS, rate: int = RATE, seed: int = 0) -> Any:
    """Random notes of a scale: plucked strings, or reeds that are blown and have vibrato."""
    rng = np.random.default_rng(seed)
    made = 1e-4 * rng.standard_normal(round(seconds * rate))
    at = 0.0
    while at < seconds - 0.1:
        hertz = 196.0 * 2 ** (rng.choice(SCALES[kind]) / 12)
        length = float(rng.uniform(0.3, 1.2))
        note = _plucked(hertz, rate) if kind == "strings" else _blown(hertz, length, rate)
        note *= rng.uniform(0.3, 1.0)
        first = round(at * rate)
        note = note[: len(made) - first]
        made[first : first + len(note)] += note
        at += length * (0.35 if kind == "strings" else 1.0)
    return 0.5 * made / np.abs(made).max()


def _plucked(hertz: float, rate: int, seconds: float = 1.5) -> Any:
    t = np.arange(round(seconds * rate)) / rate
    tones = [
        np.exp(-t * (2.0 + 1.2 * k)) * np.sin(2 * np.pi * hertz * k * (1 + 2e-4 * k * k) * t) / k
        for k in range(1, 24)
        if hertz * k < 0.45 * rate
    ]
    return np.sum(tones, axis=0) * np.minimum(1.0, t / 0.004)


def _blown(hertz: float, seconds: float, rate: int) -> Any:
    t = np.arange(round(seconds * rate)) / rate
    turn = 2 * np.pi * hertz * t + 0.3 * np.sin(2 * np.pi * 5.5 * t)
    tones = [np.sin(k * turn) / k**0.7 for k in range(1, 16, 2) if hertz * k < 0.4 * rate]
    return np.sum(tones, axis=0) * np.minimum(1.0, np.minimum(t / 0.05, t[::-1] / 0.05))


@lru_cache(maxsize=1)
def synthesised() -> dict[str, Control]:
    source, other = played("strings"), played("reeds", seed=1)
    return {control.name: control for control in controls(source, RATE, other)}


@lru_cache(maxsize=4)
def known(length: int) -> Source:
    return Source(played("strings")[:length], RATE)


@lru_cache(maxsize=len(NAMES))
def scored(name: str) -> Scored:
    control = synthesised()[name]
    return score(control.sound, known(len(control.source)))


@pytest.mark.parametrize("name", NAMES)
def test_a_sound_of_known_worth_is_graded_so(name: str) -> None:
    assert synthesised()[name].holds(scored(name)), scored(name).values


@pytest.mark.parametrize("name", RECORDED)
def test_sounds_made_of_a_recording_are_graded_so(name: str) -> None:
    librosa = pytest.importorskip("librosa")
    heard = {}
    for each, file in RECORDED.items():
        if not (DATA / file).is_file():
            pytest.skip("needs the real recordings in ../shared/data")
        sound, rate = soundfile.read(DATA / file, frames=9 * 44_100)
        heard[each] = librosa.resample(sound.mean(1), orig_sr=rate, target_sr=RATE)
    other = next(sound for each, sound in heard.items() if each != name)
    source = Source(heard[name], RATE)
    missed = []
    for control in controls(heard[name], RATE, other):
        against = source if control.source is heard[name] else Source(control.source, RATE)
        if not control.holds(score(control.sound, against)):
            missed.append(control.name)
    assert not missed


def test_a_source_is_free_of_artefacts_and_as_itself_but_a_copy() -> None:
    itself = scored("source")
    assert itself.grades == {"C1": "High", "C2": "High", "C3": "Low", "C4": "High"}
    assert not itself.passed
    assert itself.values["copy"] > 0.9 * SECONDS


def test_seams_between_vectors_are_heard_by_their_period() -> None:
    source = known(round(SECONDS * RATE))
    rng = np.random.default_rng(3)
    vectors = mosaic(source.sound, RATE, rng, 1024 / RATE, 0.0)
    odd = mosaic(source.sound, RATE, rng, 1200 / RATE, 0.0)
    assert score(vectors, source).values["seam"] > LIMITS["seam"].medium
    assert score(odd, source).values["seam"] < LIMITS["seam"].high
    assert score(odd, source, periods=[1200]).values["seam"] > LIMITS["seam"].medium


def test_a_copy_is_found_at_another_rate_and_level_and_told_where() -> None:
    import librosa

    source = known(round(SECONDS * RATE))
    piece = librosa.resample(source.sound[4 * RATE : 9 * RATE], orig_sr=RATE, target_sr=16_000)
    found = score(0.1 * piece, source, 16_000)
    assert found.rate == 16_000
    assert found.values["copy"] == pytest.approx(5.0, abs=0.4)
    assert found.values["cover"] > 0.95
    assert "as at 4.0 s of the source" in found.notes[0]


def test_offset_and_clipping_cost_the_first_criterion() -> None:
    source = known(round(SECONDS * RATE))
    fine = mosaic(source.sound, RATE, np.random.default_rng(0), 0.25, 0.02)
    assert score(fine + 0.1, source).value_grades["dc"] == "Low"
    driven = np.clip(8.0 * fine, -1.0, 1.0)
    assert score(driven, source).value_grades["clip"] == "Low"
    assert score(fine, source).grades["C1"] == "High"


def test_a_dream_that_stands_still_is_stuck() -> None:
    source = known(round(SECONDS * RATE))
    vector = source.sound[3 * RATE : 3 * RATE + 1024] * np.hanning(1024)
    stands = np.tile(vector, 220)[: round(SECONDS * RATE)]
    assert score(stands, source).grades["C4"] == "Low"


def test_a_figure_that_comes_again_and_again_is_stuck_though_never_quite_the_same() -> None:
    source = known(round(SECONDS * RATE))
    rng = np.random.default_rng(5)
    figure = source.sound[4 * RATE : 4 * RATE + round(0.65 * RATE)]
    times = [figure[: len(figure) - rng.integers(0, 400)] for _ in range(16)]
    caught = np.concatenate([rng.uniform(0.7, 1.0) * time for time in times])
    assert score(caught, source).grades["C4"] == "Low"
    assert scored("mosaic 250 ms").grades["C4"] == "High"


@pytest.mark.parametrize("sound", [np.zeros(RATE), np.full(RATE, np.nan)])
def test_silence_and_numbers_that_are_none_are_low(sound: Any) -> None:
    found = score(sound, known(round(SECONDS * RATE)))
    assert not found.passed
    assert found.notes
    json.dumps(found.as_json(), allow_nan=False)


def test_long_sounds_are_scored_in_pieces_and_the_worst_is_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from models.sampler.score import source as pieces

    monkeypatch.setattr(pieces, "PIECE_S", 4.0)
    source = known(round(SECONDS * RATE))
    fine = mosaic(source.sound, RATE, np.random.default_rng(0), 0.25, 0.02)
    copied = np.concatenate([fine[: 4 * RATE], source.sound[: 4 * RATE]])
    found = score(copied, source)
    assert found.values["copy"] > 3.5
    assert found.seconds == pytest.approx(8.0)


@pytest.mark.parametrize(
    ("sound", "told"),
    [
        (np.zeros(RATE), "silent"),
        (np.full(RATE, np.inf), "not finite"),
        (np.ones(100), "0.5 s are needed"),
    ],
)
def test_a_source_that_cannot_be_one_is_told_in_a_line(sound: Any, told: str) -> None:
    with pytest.raises(SamplerError, match=told):
        Source(sound, RATE)


def test_merit_puts_what_passes_above_what_does_not() -> None:
    passes = [scored(name).merit for name in NAMES if scored(name).passed]
    fails = [scored(name).merit for name in NAMES if not scored(name).passed]
    assert passes and fails
    assert min(passes) >= 0.5 > max(fails)


def test_a_score_survives_json() -> None:
    one = scored("mosaic 250 ms")
    again = Scored.from_json(json.loads(json.dumps(one.as_json(), allow_nan=False)))
    assert again.grades == one.grades and again.grade == one.grade
    assert again.merit == pytest.approx(one.merit, abs=1e-3)
