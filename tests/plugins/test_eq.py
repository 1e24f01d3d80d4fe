"""The equaliser: decibels where it says, nothing elsewhere, and no zipper while knobs move."""

import numpy as np
import pytest
from scipy.signal import butter, sosfilt

from engine.rack import Lane, Link, Rack
from engine.render import Move, play

RATE = 48_000
SIZE = 1 << 15
EVERYTHING = dict(
    low_cut_hz=60.0, low_hz=150.0, low_db=5.0, mid1_hz=400.0, mid1_db=-7.0, mid1_q=2.0,
    mid2_hz=2500.0, mid2_db=9.0, mid2_q=4.0, high_hz=6000.0, high_db=-4.0, high_cut_hz=12_000.0,
)  # fmt: skip


def rack(**knobs):
    return Rack("test", lanes=(Lane("l", "stereo", (Link("eq", "eq", knobs),)),))


def response_db(hz, rate=RATE, **knobs):
    """Gain at each frequency, measured on an impulse."""
    impulse = np.zeros((SIZE, 2), np.float32)
    impulse[0] = 1.0
    out = play(rack(**knobs), impulse, rate)[:, 0].astype(np.float64)
    t = np.arange(SIZE) / rate
    return np.array(
        [20 * np.log10(abs(np.exp(-2j * np.pi * f * t) @ out)) for f in np.atleast_1d(hz)]
    )


def noise(frames):
    return np.random.default_rng(1).uniform(-1, 1, (frames, 2)).astype(np.float32)


def test_flat_it_passes_every_bit():
    sound = noise(5000)
    assert np.array_equal(play(rack(), sound, RATE), sound)


@pytest.mark.parametrize(("name", "hz"), [("low_cut_hz", 80.0), ("high_cut_hz", 3000.0)])
def test_a_cut_is_3_01_db_down_at_its_frequency_and_falls_12_db_an_octave(name, hz):
    away = 1 / 8 if name == "low_cut_hz" else 2.0
    at, far, further = response_db(
        [hz, hz * away, hz * away**2 if away > 1 else hz / 4], **{name: hz}
    )
    assert at == pytest.approx(-3.01, abs=0.01)
    if name == "low_cut_hz":
        assert far - further == pytest.approx(-12.0, abs=0.3)
    else:
        assert further < far - 12.0  # steeper towards Nyquist
        assert far == pytest.approx(-12.3, abs=1.0)


@pytest.mark.parametrize("db", [-18.0, -3.0, 6.0, 18.0])
@pytest.mark.parametrize("band", ["mid1", "mid2"])
def test_a_bell_has_its_height_at_its_middle_and_half_of_it_at_its_edges(band, db):
    q, hz, g = 2.0, 1000.0, np.tan(np.pi * 1000.0 / RATE)
    half = np.arcsinh(0.5 / q)
    edges = [RATE / np.pi * np.arctan(g * np.exp(s * half)) for s in (-1, 1)]
    knobs = {f"{band}_hz": hz, f"{band}_db": db, f"{band}_q": q}
    low, middle, high = response_db([edges[0], hz, edges[1]], **knobs)
    assert middle == pytest.approx(db, abs=0.01)
    assert low == pytest.approx(db / 2, abs=0.02)
    assert high == pytest.approx(db / 2, abs=0.02)
    np.testing.assert_allclose(response_db([20.0, 20_000.0], **knobs), 0.0, atol=0.15)


@pytest.mark.parametrize("db", [-12.0, 12.0])
def test_shelves_have_half_their_height_at_their_frequency_and_all_of_it_beyond(db):
    far, at, near = response_db([5.0, 200.0, 10_000.0], low_hz=200.0, low_db=db)
    np.testing.assert_allclose([far, at, near], [db, db / 2, 0.0], atol=0.02)
    near, at, far = response_db([100.0, 4000.0, 22_000.0], high_hz=4000.0, high_db=db)
    np.testing.assert_allclose([near, at, far], [0.0, db / 2, db], atol=0.02)


def test_bands_add_up():
    hz = np.geomspace(30.0, 18_000.0, 30)
    parts = [
        ("low_cut_hz",), ("low_hz", "low_db"), ("mid1_hz", "mid1_db", "mid1_q"),
        ("mid2_hz", "mid2_db", "mid2_q"), ("high_hz", "high_db"), ("high_cut_hz",),
    ]  # fmt: skip
    alone = sum(response_db(hz, **{name: EVERYTHING[name] for name in part}) for part in parts)
    np.testing.assert_allclose(response_db(hz, **EVERYTHING), alone, atol=0.01)


@pytest.mark.parametrize("rate", [22_050, 44_100, 96_000])
def test_the_frequencies_hold_at_other_sample_rates(rate):
    at = response_db([2500.0, 60.0], rate, mid2_hz=2500.0, mid2_db=9.0, low_cut_hz=60.0)
    np.testing.assert_allclose(at, [9.0, -3.01], atol=0.05)


def test_a_boost_undoes_a_cut():
    sound = noise(20_000)
    links = tuple(
        Link("eq", f"eq{k}", {"mid1_db": 12.0 * s, "low_db": 9.0 * s})
        for k, s in enumerate((1, -1))
    )
    out = play(Rack("test", lanes=(Lane("l", "stereo", links),)), sound, RATE)
    np.testing.assert_allclose(out, sound, atol=1e-5)


def test_turning_a_bell_up_and_down_under_a_tone_makes_no_click():
    tone = 0.25 * np.sin(2 * np.pi * 500.0 * np.arange(RATE) / RATE)
    moves = [Move(n, "l.eq.mid1_db", 12.0 * (n // 4800 % 2)) for n in range(4800, 40_000, 4800)]
    out = play(rack(), np.stack([tone, tone], 1).astype(np.float32), RATE, moves=moves)[:, 0]
    high = butter(6, 4000.0, "high", fs=RATE, output="sos")  # a click is wide-band, the tone is not
    assert 20 * np.log10(np.max(np.abs(sosfilt(high, out)[2000:]))) < -75.0


def test_sweeping_everything_as_fast_as_knobs_go_stays_bounded():
    rng = np.random.default_rng(8)
    from plugins.eq import Equaliser

    names = [n for n in Equaliser.params if n not in ("bypass", "wet", "level_db")]
    moves = [
        Move(
            frame,
            f"l.eq.{name}",
            float(rng.choice([Equaliser.params[name].minimum, Equaliser.params[name].maximum])),
        )
        for frame in range(0, RATE, 640)
        for name in names
    ]
    out = play(rack(), noise(RATE), RATE, moves=moves)
    assert np.all(np.isfinite(out))
    assert np.max(np.abs(out)) < 10 ** (18.0 * 4 / 20)


@pytest.mark.parametrize("block", [32, 333, 4096])
def test_blocks_of_any_size_sound_the_same_while_knobs_move(block):
    sound = noise(20_000)
    start = dict(mid1_db=6.0, high_cut_hz=9000.0)
    moves = [
        Move(1000 + 700 * n, f"l.eq.{name}", value)
        for n, (name, value) in enumerate(EVERYTHING.items())
    ]
    moves += [Move(12_000, "l.eq.low_cut_hz", 20.0), Move(13_000, "l.eq.mid1_db", 0.0)]
    whole = play(rack(**start), sound, RATE, moves=moves)
    assert np.array_equal(play(rack(**start), sound, RATE, block=block, moves=moves), whole)
