"""The tone stack: the circuit's transfer function, and knobs that move freely."""

import numpy as np
import pytest

from engine.rack import Lane, Link, Rack
from engine.render import Move, play
from plugins.tonestack import PARTS, VOICES, response

RATE = 48_000
SIZE = 1 << 14


def rack(**knobs):
    return Rack("test", lanes=(Lane("l", "stereo", (Link("tonestack", "tone", knobs),)),))


def measured(hz, rate=RATE, **knobs):
    """Complex response at frequencies of an analogue circuit, warped as the bilinear rule does."""
    impulse = np.zeros((SIZE, 2), np.float32)
    impulse[0] = 1.0
    out = play(rack(**knobs), impulse, rate)[:, 0].astype(np.float64)
    turns = np.arctan(np.pi * hz / rate) / np.pi
    return np.exp(-2j * np.pi * turns[:, None] * np.arange(SIZE)) @ out


def published(parts, hz, bass, middle, treble):
    """Equation 1 of Yeh and Smith 2006, in the paper's own symbols."""
    R1, R2, R3, R4, C1, C2, C3 = parts
    t, m = treble, middle
    l = (100.0**bass - 1.0) / 99.0  # noqa: E741
    b1 = t * C1 * R1 + m * C3 * R3 + l * (C1 * R2 + C2 * R2) + (C1 * R3 + C2 * R3)
    b2 = (
        t * (C1 * C2 * R1 * R4 + C1 * C3 * R1 * R4)
        - m**2 * (C1 * C3 * R3**2 + C2 * C3 * R3**2)
        + m * (C1 * C3 * R1 * R3 + C1 * C3 * R3**2 + C2 * C3 * R3**2)
        + l * (C1 * C2 * R1 * R2 + C1 * C2 * R2 * R4 + C1 * C3 * R2 * R4)
        + l * m * (C1 * C3 * R2 * R3 + C2 * C3 * R2 * R3)
        + (C1 * C2 * R1 * R3 + C1 * C2 * R3 * R4 + C1 * C3 * R3 * R4)
    )
    C = C1 * C2 * C3
    b3 = (
        l * m * C * (R1 * R2 * R3 + R2 * R3 * R4)
        + (m - m**2) * C * (R1 * R3**2 + R3**2 * R4)
        + t * (1 - m) * C * R1 * R3 * R4
        + t * l * C * R1 * R2 * R4
    )
    a1 = C1 * R1 + C1 * R3 + C2 * R3 + C2 * R4 + C3 * R4 + m * C3 * R3 + l * (C1 * R2 + C2 * R2)
    a2 = (
        m * (C1 * C3 * R1 * R3 - C2 * C3 * R3 * R4 + C1 * C3 * R3**2 + C2 * C3 * R3**2)
        + l * m * (C1 * C3 * R2 * R3 + C2 * C3 * R2 * R3)
        - m**2 * (C1 * C3 * R3**2 + C2 * C3 * R3**2)
        + l * (C1 * C2 * R2 * R4 + C1 * C2 * R1 * R2 + C1 * C3 * R2 * R4 + C2 * C3 * R2 * R4)
        + (C1 * C2 * R1 * R4 + C1 * C3 * R1 * R4 + C1 * C2 * R3 * R4)
        + (C1 * C2 * R1 * R3 + C1 * C3 * R3 * R4 + C2 * C3 * R3 * R4)
    )
    a3 = (
        l * m * C * (R1 * R2 * R3 + R2 * R3 * R4)
        - m**2 * C * (R1 * R3**2 + R3**2 * R4)
        + m * C * (R3**2 * R4 + R1 * R3**2 - R1 * R3 * R4)
        + l * C * R1 * R2 * R4
        + C * R1 * R3 * R4
    )
    s = 2j * np.pi * hz
    return (b1 * s + b2 * s**2 + b3 * s**3) / (1 + a1 * s + a2 * s**2 + a3 * s**3)


HZ = np.geomspace(30.0, 15_000.0, 40)
POSITIONS = [(0.5, 0.5, 0.5), (0, 0, 0), (1, 1, 1), (0.2, 0.9, 0.4), (1, 0, 0.7), (0, 1, 1)]


@pytest.mark.parametrize("voice", range(len(VOICES)))
def test_the_circuit_we_solve_is_the_published_one(voice):
    for knobs in POSITIONS:
        found, expected = response(PARTS[voice], HZ, *knobs), published(PARTS[voice], HZ, *knobs)
        np.testing.assert_allclose(found, expected, rtol=1e-9)


@pytest.mark.parametrize("rate", [44_100, 96_000])
@pytest.mark.parametrize("voice", range(len(VOICES)))
def test_it_sounds_like_its_circuit(voice, rate):
    hz = np.geomspace(200.0, 15_000.0, 30)  # an impulse of a third of a second tells no lower
    makeup = np.mean(
        np.log(np.abs(response(PARTS[voice], np.geomspace(80, 5000, 64), 0.5, 0.5, 0.5)))
    )
    for bass, middle, treble in POSITIONS:
        found = measured(hz, rate, voice=voice, bass=bass, middle=middle, treble=treble)
        expected = response(PARTS[voice], hz, bass, middle, treble) / np.exp(makeup)
        np.testing.assert_allclose(found, expected, atol=2e-3 * np.max(np.abs(expected)))


@pytest.mark.parametrize(("knob", "hz"), [("bass", 80.0), ("middle", 500.0), ("treble", 5000.0)])
def test_each_knob_lifts_its_own_part(knob, hz):
    quiet, loud = (abs(measured(np.array([hz]), **{knob: at}))[0] for at in (0.1, 0.9))
    assert 20 * np.log10(loud / quiet) > 5.0


def test_with_all_knobs_at_half_it_is_about_as_loud_as_its_input():
    for voice in range(len(VOICES)):
        gains = np.abs(measured(np.geomspace(80.0, 5000.0, 40), voice=voice))
        assert np.mean(20 * np.log10(gains)) == pytest.approx(0.0, abs=0.3)


def test_changing_voice_under_a_tone_makes_no_click():
    tone = 0.25 * np.sin(2 * np.pi * 220.0 * np.arange(RATE) / RATE)
    moves = [Move(12_000, "l.tone.voice", 2.0), Move(30_000, "l.tone.voice", 0.0)]
    out = play(rack(), np.stack([tone, tone], 1).astype(np.float32), RATE, moves=moves)[1000:, 0]
    assert np.max(np.abs(np.diff(out, n=2))) < 3 * 0.25 * (2 * np.pi * 220.0 / RATE) ** 2


def test_knobs_thrown_about_under_full_scale_noise_stay_bounded():
    rng = np.random.default_rng(8)
    noise = rng.uniform(-1, 1, (RATE, 2)).astype(np.float32)
    moves = [
        Move(frame, f"l.tone.{name}", float(rng.integers(0, 3 if name == "voice" else 2)))
        for frame in range(0, RATE, 320)
        for name in ("voice", "bass", "middle", "treble")
    ]
    out = play(rack(), noise, RATE, moves=moves)
    assert np.all(np.isfinite(out))
    assert np.max(np.abs(out)) < 20.0


@pytest.mark.parametrize("block", [32, 333, 4096])
def test_blocks_of_any_size_sound_the_same_while_knobs_move(block):
    sound = np.random.default_rng(5).uniform(-1, 1, (20_000, 2)).astype(np.float32)
    moves = [
        Move(1000, "l.tone.bass", 1.0), Move(1500, "l.tone.voice", 2.0),
        Move(6000, "l.tone.middle", 0.0), Move(9000, "l.tone.treble", 0.1),
    ]  # fmt: skip
    whole = play(rack(), sound, RATE, moves=moves)
    assert np.array_equal(play(rack(), sound, RATE, block=block, moves=moves), whole)
