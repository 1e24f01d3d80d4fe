"""Effects that move are found in pairs: their LFO, its phase, and what it moves."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("scipy")

import soundfile

from engine.boxes import play
from engine.boxes.lfo import advanced
from engine.boxes.modulated import Modulated
from engine.boxes.phaser import Phaser
from engine.boxes.tremolo import Tremolo
from engine.neural.compiled import compile_network
from models.effects.grey import modulation, tremolo
from models.effects.grey import phaser as phasers
from models.effects.grey.descent import Basis, Model, Sound, fit
from models.effects.grey.lfo import Track, find_sway, synchronise
from models.effects.grey.modulation import with_measured
from models.effects.grey.numbers import Free
from models.effects.grey.phaser import phaser
from models.effects.grey.recordings import akai, donner, esr
from models.pairs import Pairs, open_pairs

RATE = 48_000
PAIRS = Path(__file__).parents[4] / "shared" / "data" / "pairs"


def noise(seconds: float, seed: int = 3) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return (0.1 * rng.standard_normal(round(seconds * RATE))).astype(np.float32)


def folder(path: Path, dry: np.ndarray, wet: np.ndarray) -> Pairs:
    """A folder with one pair, as a reader opens it."""
    for name, sound in (("dry", dry), ("wet", wet)):
        (path / name).mkdir(parents=True)
        soundfile.write(path / name / "a.wav", sound, RATE, subtype="FLOAT")
    return open_pairs(path)


def guitar(file: Path, seconds: float) -> np.ndarray:
    sound, rate = soundfile.read(file, dtype="float32")
    assert rate == RATE
    return np.ascontiguousarray(sound[: round(seconds * RATE)])


def test_a_rate_is_found_and_not_its_half() -> None:
    seconds = np.arange(400) * 0.01
    values = 5.0 + np.sin(2 * np.pi * (1.7 * seconds + 0.2))
    sway = find_sway(Track(seconds, values[:, None], np.ones((400, 1))), 2)
    assert sway.rate_hz == pytest.approx(1.7, abs=0.01)
    assert sway.phase() == pytest.approx(0.2, abs=0.02)
    assert sway.depth() == pytest.approx(1.0, abs=0.02)


@pytest.mark.parametrize("frames", [0, 1, 5, 400])
def test_what_stands_still_or_is_too_short_does_not_sway(frames: int) -> None:
    values = np.full((frames, 1), 0.7)
    sway = find_sway(Track(np.arange(frames) * 0.01, values, np.ones((frames, 1))), 2)
    assert sway.explained <= 0.0 and sway.depth() < 1e-6


@pytest.mark.parametrize("finder", [tremolo, modulation, phasers])
def test_no_finder_falls_over_sound_that_goes_through_as_it_is(tmp_path: Path, finder: Any) -> None:
    for name in ("dry", "wet"):
        (tmp_path / name).mkdir()
        for number, seconds in enumerate((0.1, 1.5)):
            sound = noise(seconds, number)
            soundfile.write(tmp_path / name / f"{number}.wav", sound, 8000, subtype="FLOAT")
    assert finder.find(open_pairs(tmp_path)) is None


def test_numbers_of_a_box_are_found_from_near_by() -> None:
    truth = Modulated(rate_hz=2.0, centre_ms=3.0, depth_ms=0.5, feedback=0.4, dry=0.6, wet=-0.7)
    dry = noise(1.0)
    sound = Sound(dry[None], play(truth, dry, RATE).astype(np.float64))
    near = replace(truth, centre_ms=3.01, depth_ms=0.49, feedback=0.1, dry=0.0, wet=1.0)
    free = Free(near, ["centre_ms", "depth_ms", "feedback"])
    fitted = fit(Model(free.make, free.steps, Basis(), Basis()), [sound], RATE, free.start)
    np.testing.assert_allclose(fitted.numbers, [3.0, 0.5, 0.4], atol=1e-4)
    np.testing.assert_allclose([fitted.dry[0], fitted.wet[0]], [0.6, -0.7], atol=1e-4)


def test_a_tremolo_is_found_and_plays_as_a_network(tmp_path: Path) -> None:
    truth = Tremolo(rate_hz=4.3, phase=0.2, level=0.7, depth=0.3)
    dry = noise(4.0)
    found = tremolo.find(folder(tmp_path, dry, play(truth, dry, RATE)))
    assert found is not None
    assert found.validation_esr < 1e-8
    other = noise(1.0, 8)
    made = compile_network(found.network).play(other)
    assert esr(play(truth, other, RATE), made, 0) < 1e-8


def test_a_chorus_of_pedalboard_is_found_and_plays_a_guitar(
    tmp_path: Path, guitar_file: Path
) -> None:
    pedalboard = pytest.importorskip("pedalboard")
    effect = pedalboard.Chorus()
    dry = noise(4.0)
    found = modulation.find(folder(tmp_path, dry, effect(dry, RATE, reset=True)))
    assert found is not None
    held = guitar(guitar_file, 10.0)
    made = compile_network(found.network).play(held)
    assert esr(effect(held, RATE, reset=True), made, 0) < 1e-4


def test_a_phaser_of_pedalboard_is_found_and_plays_a_guitar(guitar_file: Path) -> None:
    pedalboard = pytest.importorskip("pedalboard")
    effect = pedalboard.Phaser(feedback=0.3)
    dry = noise(4.0)
    wet = effect(dry, RATE, reset=True).astype(np.float64)
    found = phaser([Sound(dry[None], wet)], RATE)
    assert found is not None
    held = guitar(guitar_file, 10.0)
    assert esr(effect(held, RATE, reset=True), play(found[0], held, RATE), 0) < 1e-4


@pytest.mark.parametrize(
    "box",
    [
        Modulated(rate_hz=0.9, feedback=0.3, interpolation="linear"),
        Phaser(rate_hz=0.7),
        Tremolo(rate_hz=5.0),
    ],
)
def test_a_model_is_brought_in_step_with_sound_from_another_time(box: Any) -> None:
    dry = noise(2.5)
    wet = play(advanced(box, 1_234_567, RATE), dry, RATE)
    found = synchronise(box, dry, wet, RATE, 1.0)
    assert esr(wet, play(box, dry, RATE), 0) > 0.001
    assert esr(wet, play(found, dry, RATE), 0) < 1e-4


def test_a_measured_lfo_is_mapped_to_the_delay() -> None:
    lfo = (0.5 + 0.4 * np.sin(np.arange(3 * RATE) * 2 * np.pi / RATE)).astype(np.float32)
    curve = np.geomspace(4.0, 1.0, 8).astype(np.float32)
    truth = Modulated(
        source="heard", curve=curve, curve_low=0.0, curve_high=1.0, centre_ms=0.0, depth_ms=1.0,
        feedback=0.3, dry=0.6, wet=0.5,
    )  # fmt: skip
    rows = np.stack([noise(3.0), lfo])
    wet = play(truth, rows, RATE).astype(np.float64)
    found = with_measured([Sound(rows[:, : 2 * RATE].copy(), wet[: 2 * RATE])], RATE)
    assert found is not None
    assert esr(wet.astype(np.float32), play(found.box, rows, RATE), 2 * RATE) < 0.01


@pytest.mark.parametrize("finder", [tremolo, phasers])
def test_a_level_that_a_measured_row_tells_is_no_error(
    tmp_path: Path, finder: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(phasers, "TRIED", 1)
    dry = noise(1.5)
    lfo = np.sin(2.0 * np.pi * 3.0 * np.arange(len(dry)) / RATE).astype(np.float32)
    pairs = folder(tmp_path, np.stack([dry, lfo], axis=1), (0.7 + 0.3 * lfo) * dry)
    assert pairs.pairs[0].controls == 1
    found = finder.find(pairs)
    if finder is tremolo:
        assert found is not None and found.validation_esr < 1e-4
        assert found.network.knobs == 0


def test_filters_around_a_delay_fit_into_the_box_at_any_rate() -> None:
    dry = noise(0.2)
    box = Modulated(rate_hz=2.0, centre_ms=5.0, depth_ms=1.0, feedback=0.2, dry=0.5, wet=0.5)
    sound = Sound(dry[None], play(box, dry, 96_000).astype(np.float64))
    assert modulation.analog(box, [sound], 96_000).esr < 1e-2


def test_what_does_not_move_is_not_taken_for_it(tmp_path: Path) -> None:
    dry = noise(2.0)
    pairs = folder(tmp_path, dry, np.tanh(12.0 * dry).astype(np.float32))
    for finder in (modulation, phasers, tremolo):
        assert finder.find(pairs) is None


def test_silence_is_no_effect(tmp_path: Path) -> None:
    silence = np.zeros(2 * RATE, np.float32)
    pairs = folder(tmp_path, silence, silence)
    for finder in (modulation, phasers, tremolo):
        assert finder.find(pairs) is None


def test_a_real_flanger_is_fitted_better_than_the_published_network() -> None:
    """Fitted to 4 s to be quick; the whole figure: python -m models.effects.grey.recordings."""
    place = PAIRS / "donner_flanger_wright"
    if not place.is_dir():
        pytest.skip("needs the real recordings in ../shared/data")
    figures = donner(place, seconds=4.0, free=False)
    assert figures["with_lfo"] < 0.0188


def test_a_real_tape_machine_is_explained_by_its_wandering_delay() -> None:
    place = PAIRS / "tape_akai_maxell"
    if not place.is_dir():
        pytest.skip("needs the real recordings in ../shared/data")
    figures = akai(place)
    for name in ("io1", "io2"):
        assert figures[name]["ours"] < 0.042 < figures[name]["dry_delayed"]
        assert figures[name]["other_file"] < 0.042
