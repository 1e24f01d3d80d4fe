"""Linear effects, echoes and compressors are found from pairs; nothing else is taken for one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("scipy")
soundfile = pytest.importorskip("soundfile")

from engine.boxes import play  # noqa: E402
from engine.boxes.compressor import Compressor  # noqa: E402
from engine.boxes.echo import Echo  # noqa: E402
from engine.boxes.fir import Fir  # noqa: E402
from engine.neural.network import Stage  # noqa: E402
from models.effects.grey import compression, echo, fitting, linear, tail  # noqa: E402
from models.effects.grey.identify import identify  # noqa: E402
from models.pairs import Pairs, open_pairs  # noqa: E402

RATE = 48_000
Effect = Callable[[np.ndarray], np.ndarray]
Folder = Callable[..., Pairs]


def sweep(seconds: float) -> np.ndarray:
    """20 Hz to 22 kHz, exponential."""
    t, rate = np.arange(round(seconds * RATE)) / RATE, np.log(1100.0)
    return 0.5 * np.sin(2 * np.pi * 20.0 * seconds / rate * (np.exp(t / seconds * rate) - 1.0))


def notes(seconds: float, seed: int) -> np.ndarray:
    """Plucked tones at many levels, softly noisy."""
    rng = np.random.default_rng(seed)
    frames = round(seconds * RATE)
    sound = 1e-3 * rng.standard_normal(frames)
    for start in range(0, frames, RATE // 4):
        t = np.arange(min(RATE, frames - start)) / RATE
        pitch, size = 110.0 * 2.0 ** rng.uniform(0, 3), 10.0 ** rng.uniform(-2.0, -0.3)
        for k in range(1, 9):
            wave = np.sin(2 * np.pi * pitch * k * t + rng.uniform(0, 6))
            sound[start : start + len(t)] += size / k * wave * np.exp(-(3.0 + 2.0 * k) * t)
    return sound


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    """Pairs to train on: a sweep, silence, notes. Held out: other notes."""

    def make(effect: Effect, swept: bool = True) -> Pairs:
        train = notes(3.0, 1)
        if swept:
            train = np.concatenate([sweep(3.0), np.zeros(RATE), train])
        held = notes(2.0, 2)
        rows = []
        for name, sound in (("train", train), ("validation", held)):
            dry = sound.astype(np.float32)
            for kind, data in (("dry", dry), ("wet", effect(dry))):
                (tmp_path / kind).mkdir(exist_ok=True)
                path = tmp_path / kind / f"{name}.wav"
                soundfile.write(path, data, RATE, subtype="FLOAT")
            rows.append(name)
        pairs = open_pairs(tmp_path)
        whole = {pair.whole.name: pair.whole for pair in pairs.pairs}
        split = tuple(replace(whole[name], split=name) for name in rows)
        return replace(pairs, pairs=split)

    return make


def box_of(found: Any) -> Any:
    op = found.network.ops[0]
    assert isinstance(op, Stage)
    return op.box


def test_an_impulse_response_is_found_to_a_millionth(folder: Folder) -> None:
    taps = (np.random.default_rng(0).standard_normal(3000) * np.exp(-np.arange(3000) / 400)).astype(
        np.float32
    )
    found = linear.find(folder(lambda dry: play(Fir(0.1 * taps), dry, RATE)))
    assert found is not None and found.validation_esr < 1e-6
    assert np.abs(box_of(found).taps[:2000] - 0.1 * taps[:2000]).max() < 1e-3
    assert any("linear" in line for line in found.why)


def test_noise_in_the_recording_does_not_lengthen_the_response(folder: Folder) -> None:
    noise = np.random.default_rng(3)

    def effect(dry: np.ndarray) -> np.ndarray:
        wet = np.convolve(dry, [0.5, 0.3, -0.2])[: len(dry)]
        return wet + 1e-3 * noise.standard_normal(len(dry))

    found = linear.find(folder(effect))
    assert found is not None and len(box_of(found).taps) < 4800
    assert np.allclose(box_of(found).taps[:3], [0.5, 0.3, -0.2], atol=3e-3)


def test_sound_that_ends_before_its_echoes_do_is_no_reason_for_a_wrong_response() -> None:
    rng = np.random.default_rng(5)
    taps = rng.standard_normal(2000) * np.exp(-np.arange(2000) / 500.0)
    sounds = []
    for _ in range(6):
        dry = rng.standard_normal(5000).astype(np.float32)
        wet = np.convolve(dry, taps)[:5000].astype(np.float32)
        sounds.append(fitting.Heard(dry, wet))
    found = identify(sounds, 2000)
    assert found is not None and np.abs(found.taps - taps[: len(found.taps)]).max() < 1e-3


def test_silence_is_not_an_effect(folder: Folder) -> None:
    pairs = folder(np.zeros_like)
    assert all(finder.find(pairs) is None for finder in (linear, echo, compression, tail))


def test_an_echo_is_found_with_its_loop(folder: Folder) -> None:
    tone = np.array([0.1, 0.3, 0.1], np.float32)
    box = Echo(6000, np.array([0.7], np.float32), tone, np.array([0.2, 0.4, 0.1], np.float32))
    found = echo.find(folder(lambda dry: play(box, dry, RATE)))
    assert found is not None and found.validation_esr < 1e-8
    assert box_of(found).delay_samples == 6000
    assert np.allclose(box_of(found).echo[:3], tone, atol=1e-4)


def test_a_compressor_is_found_with_its_numbers(folder: Folder) -> None:
    box = Compressor("branching", -24.0, 0.75, 6.0, 4.0, 8.0, 90.0)
    found = compression.find(folder(lambda dry: play(box, dry, RATE), swept=False))
    assert found is not None and found.validation_esr < 1e-5
    made = box_of(found)
    assert made.detector == "branching"
    assert made.threshold_db == pytest.approx(-24.0, abs=0.5)
    assert made.attack_ms == pytest.approx(8.0, rel=0.05)
    assert made.release_ms == pytest.approx(90.0, rel=0.05)


def test_a_compressor_is_found_in_notes_of_less_than_a_second(tmp_path: Path) -> None:
    box = Compressor("branching", -24.0, 0.75, 6.0, 4.0, 8.0, 90.0)
    time = np.arange(round(0.5 * RATE)) / RATE
    for k in range(5):
        dry = (0.2 + 0.15 * k) * np.exp(-6.0 * time) * np.sin(2.0 * np.pi * 150.0 * (k + 1) * time)
        for kind, sound in (("dry", dry), ("wet", play(box, dry, RATE))):
            (tmp_path / kind).mkdir(exist_ok=True)
            soundfile.write(tmp_path / kind / f"{k}.wav", sound, RATE, subtype="FLOAT")
    found = compression.find(open_pairs(tmp_path))
    assert found is not None and found.validation_esr < 1e-3
    short = [fitting.Heard(sound, sound) for sound in (np.zeros(100, np.float32),)]
    assert compression.moving(short, RATE, 3) == []


def test_a_distortion_is_nothing_that_is_looked_for_here(folder: Folder) -> None:
    pairs = folder(lambda dry: np.tanh(20.0 * dry))
    assert echo.find(pairs) is None and compression.find(pairs) is None and tail.find(pairs) is None


def test_what_a_linear_box_leaves_is_left_to_a_network(folder: Folder) -> None:
    box = Fir(np.array([0.0, 0.5], np.float32))
    pairs = folder(lambda dry: play(box, dry, RATE) + 0.1 * dry**3)
    rest = fitting.residual(pairs, box)
    dry, wet = rest.split("validation")[0].load()
    assert np.abs(wet - 0.1 * dry**3).max() < 1e-6


def test_a_linear_network_and_another_one_are_heard_together() -> None:
    from engine.neural.compiled import compile_network
    from engine.neural.network import Activate, Conv, Network, Signal, Term

    given, made = Signal(2), Signal(1)
    weights = np.array([[[1.0], [0.5]]], np.float32)
    net = Network(given, made, [Conv(made, (Term(given, weights),), steps=(Activate("tanh"),))])
    taps = np.array([0.2, 0.1, 0.4], np.float32)
    both = fitting.with_residual(fitting.box_network(Fir(taps), RATE), net)
    both.check()
    sound = np.stack([0.3 * notes(0.1, 7), np.full(4800, 0.4)]).astype(np.float32)
    wanted = np.convolve(sound[0], taps)[:4800] + np.tanh(sound[0] + 0.2)
    assert np.abs(compile_network(both).play(sound) - wanted).max() < 1e-5


def test_a_long_tail_dies_away_as_fast_in_each_octave() -> None:
    t, rng = np.arange(4 * RATE) / RATE, np.random.default_rng(8)
    taps = 0.02 * rng.standard_normal(len(t)) * 10.0 ** (-3.0 * t / 5.0)
    start, late = tail.from_response(taps, RATE)
    impulse = np.zeros(8 * RATE, np.float32)
    impulse[0] = 1.0
    made = (play(start, impulse, RATE) + play(late, impulse, RATE)).astype(float)
    assert np.abs(made[: RATE // 2] - taps[: RATE // 2]).max() < 1e-5
    middle = {hz: time for hz, time in tail.decays(made, RATE).items() if 250.0 <= hz <= 8000.0}
    assert all(time == pytest.approx(5.0, rel=0.1) for time in middle.values()), middle
    level = [np.mean(np.square(sound[2 * RATE : 3 * RATE])) for sound in (taps, made)]
    assert abs(10.0 * np.log10(level[1] / level[0])) < 1.5


@pytest.mark.parametrize(
    ("name", "settings", "finder", "worst"),
    [
        ("PeakFilter", {"cutoff_frequency_hz": 800.0, "gain_db": 9.0}, linear, 1e-7),
        ("Reverb", {"room_size": 0.3}, linear, 1e-4),
        ("Delay", {"delay_seconds": 0.1, "feedback": 0.5, "mix": 0.5}, echo, 1e-10),
        ("Compressor", {"threshold_db": -24.0, "ratio": 4.0}, compression, 1e-6),
    ],
)
def test_a_public_effect_is_found(
    folder: Folder, name: str, settings: dict[str, float], finder: Any, worst: float
) -> None:
    pedalboard = pytest.importorskip("pedalboard")

    def effect(dry: np.ndarray) -> np.ndarray:
        padded = np.pad(dry, (RATE // 2, 0))[None]
        return getattr(pedalboard, name)(**settings).process(padded, RATE)[0, RATE // 2 :]

    found = finder.find(folder(effect, swept=finder is not compression))
    assert found is not None and found.validation_esr < worst
