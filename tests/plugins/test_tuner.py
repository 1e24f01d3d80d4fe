"""The tuner: cents on steady tones and strings, soon, and nothing on noise."""

import numpy as np
import pytest

from engine.rack import Lane, Link, Rack
from engine.render import Move, Renderer, play

RATE = 48_000
STEP = 480


def rack(**knobs):
    return Rack("test", lanes=(Lane("l", "left", (Link("tuner", "tuner", knobs),)),))


def readings(sound, rate=RATE, **knobs):
    """What the screen shows every 10 ms: (times, 4) of hz, cents, note, clarity."""
    renderer = Renderer(rack(**knobs), rate, 1)
    shown = renderer.shared.control["readouts"][0, 0]
    found = []
    for first in range(0, len(sound), rate // 100):
        renderer.push(sound[first : first + rate // 100, None])
        found.append(shown[:4].copy())
    return np.array(found)


def cents(hz, true_hz):
    return 1200.0 * np.log2(np.maximum(hz, 1e-9) / true_hz)


def tone(hz, seconds=0.4, rate=RATE, fundamental=1.0):
    """Twenty harmonics of random phase that die away, the higher the sooner."""
    rng = np.random.default_rng(3)
    t = np.arange(int(seconds * rate)) / rate
    levels = [fundamental, *(1 / k for k in range(2, 21))]
    parts = [
        level * np.exp(-k * t / 2) * np.sin(2 * np.pi * k * hz * t + rng.uniform(0, 6.28))
        for k, level in enumerate(levels, 1)
        if k * hz < 0.45 * rate
    ]
    return (0.1 * np.sum(parts, axis=0)).astype(np.float32)


def string(hz, seconds=0.6):
    """Karplus and Strong's plucked string, tuned by an all-pass to a fraction of a sample."""
    rng = np.random.default_rng(11)
    length = int(RATE / hz - 0.1)
    delay = RATE / hz + 0.5 - length  # 0.6 to 1.6 samples; the mean of two gives back a half
    w = 2 * np.pi * hz / RATE
    c = np.sin((1 - delay) * w / 2) / np.sin((1 + delay) * w / 2)
    line, out, old, last = rng.uniform(-0.3, 0.3, length), [], 0.0, 0.0
    for n in range(int(seconds * RATE)):
        k = n % length
        x = 0.998 * 0.5 * (line[k] + line[(k + 1) % length])
        last = c * (x - last) + old
        old = x
        out.append(line[k])
        line[k] = last
    return np.array(out, np.float32)


@pytest.mark.parametrize(
    "hz", [30.0, 41.2, 82.41, 110.7, 196.0, 331.3, 440.0, 659.3, 1000.0, 1290.0]
)
def test_steady_tones_read_within_a_cent(hz):
    for sound in (tone(hz), tone(hz, fundamental=0.1), tone(hz, fundamental=20.0)):
        shown = readings(sound)
        np.testing.assert_array_less(np.abs(cents(shown[-15:, 0], hz)), 0.5)
        assert shown[-1, 3] > 0.95


@pytest.mark.parametrize("rate", [44_100, 96_000])
def test_other_sample_rates_read_the_same(rate):
    for hz in (32.0, 110.0, 987.0):
        assert abs(cents(readings(tone(hz, rate=rate), rate)[-1, 0], hz)) < 0.5


@pytest.mark.parametrize("hz", [55.0, 82.41, 146.83, 329.63])
def test_a_plucked_string_reads_within_a_cent(hz):
    np.testing.assert_array_less(np.abs(cents(readings(string(hz))[25:, 0], hz)), 1.0)


@pytest.mark.parametrize(("hz", "seconds"), [(30.0, 0.3), (82.41, 0.2), (440.0, 0.2)])
def test_it_settles_soon_after_a_note_begins(hz, seconds):
    for wait in (0, 333, 1777):
        shown = readings(np.concatenate([np.zeros(4800 + wait, np.float32), tone(hz)]))
        after = shown[(4800 + wait) // STEP + int(seconds * 100) :, 0]
        np.testing.assert_array_less(np.abs(cents(after, hz)), 1.0)


def test_note_and_cents_follow_the_reference():
    _, off, note, _ = readings(tone(440.0), a4_hz=440.0)[-1]
    assert (note, off) == (69, pytest.approx(0.0, abs=0.3))
    _, off, note, _ = readings(tone(440.0), a4_hz=444.0)[-1]
    assert (note, off) == (69, pytest.approx(cents(440.0, 444.0), abs=0.3))
    _, off, note, _ = readings(tone(82.41 * 2 ** (-40 / 1200)))[-1]
    assert (note, off) == (40, pytest.approx(-40.0, abs=0.5))


def test_nothing_is_shown_for_noise_or_silence_or_after_the_note():
    rng = np.random.default_rng(6)
    assert not np.any(readings((0.2 * rng.standard_normal(RATE)).astype(np.float32))[:, 0])
    assert not np.any(readings(np.full(RATE // 2, 0.3, np.float32))[50:, 0])
    after = readings(np.concatenate([tone(110.0), np.zeros(RATE // 3, np.float32)]))
    assert after[35, 0] > 0.0
    assert not np.any(after[-1])


def test_the_sound_passes_untouched_or_muted():
    sound = tone(110.0)[:, None]
    assert np.array_equal(play(rack(), sound, RATE)[:, :1], sound)
    assert not np.any(play(rack(mute=1.0), sound, RATE))


@pytest.mark.parametrize("block", [32, 333, 4096])
def test_blocks_of_any_size_sound_the_same_while_knobs_move(block):
    sound = tone(110.0)[:, None]
    moves = [Move(3000, "l.tuner.mute", 1.0), Move(9000, "l.tuner.mute", 0.0)]
    whole = play(rack(), sound, RATE, moves=moves)
    assert np.array_equal(play(rack(), sound, RATE, block=block, moves=moves), whole)
