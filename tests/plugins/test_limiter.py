"""The limiter: nothing over the ceiling, ever; gentle with everything else."""

import numpy as np
import pytest

from engine.rack import Lane, Link, Rack
from engine.render import Move, Renderer, play

RATE = 48_000


def rack(ahead=0, **knobs):
    link = Link("limiter", "limit", knobs, {"lookahead": ahead})
    return Rack("test", lanes=(Lane("l", "stereo", (link,)),))


def stereo(mono):
    return np.stack([mono, mono], axis=1).astype(np.float32)


def noise(frames=RATE, seed=2):
    return np.random.default_rng(seed).standard_normal((frames, 2)).astype(np.float32)


@pytest.mark.parametrize("ahead", [0, 1, 64, 256])
@pytest.mark.parametrize("ceiling", [0.0, -0.3, -6.0, -40.0])
def test_no_sample_ever_exceeds_the_ceiling(ceiling, ahead):
    bursts = noise() * np.random.default_rng(4).choice([0.01, 1.0, 8.0], (RATE // 100, 1)).repeat(
        100, 0
    )
    out = play(rack(ahead, ceiling_db=ceiling, release_ms=5.0), bursts.astype(np.float32), RATE)
    assert np.max(np.abs(out)) <= np.float32(10.0 ** (ceiling / 20.0))
    assert np.max(np.abs(out)) > 0.9 * 10.0 ** (ceiling / 20.0)


@pytest.mark.parametrize("ahead", [0, 200])
def test_what_stays_below_the_ceiling_passes_untouched(ahead):
    sound = np.clip(noise() * 0.2, -0.85, 0.85)
    assert np.array_equal(play(rack(ahead), sound, RATE), sound)


def test_it_is_not_late_unless_lookahead_is_set():
    assert Renderer(rack(), RATE, 2).table.latency == 0
    assert Renderer(rack(100), RATE, 2).table.latency == 100


@pytest.mark.parametrize("hz", [41.2, 55.0, 110.0, 440.0])
def test_a_sustained_low_note_is_turned_down_without_distortion(hz):
    t = np.arange(3 * RATE) / RATE
    out = play(rack(ceiling_db=-12.0), stereo(np.sin(2 * np.pi * hz * t)), RATE)[2 * RATE :, 0]
    basis = np.stack(
        [np.sin(2 * np.pi * hz * t[2 * RATE :]), np.cos(2 * np.pi * hz * t[2 * RATE :])]
    )
    fit = basis.T @ np.linalg.lstsq(basis.T, out, rcond=None)[0]
    thd = 10 * np.log10(np.sum((out - fit) ** 2) / np.sum(fit**2))
    assert thd < -80.0


def test_it_recovers_from_a_short_peak_at_the_release_time():
    level = np.full(RATE, 0.1)
    level[4800:4810] = 2.0
    out = play(rack(ceiling_db=0.0, release_ms=50.0), stereo(level), RATE)[:, 0]
    gain = out / level
    held = 4810 + int(0.031 * RATE)
    assert gain[4811] == pytest.approx(0.5, abs=0.001)
    assert gain[held + int(0.1 * RATE)] > 0.85  # two time constants and a slow rest
    assert gain[-1] > 0.99
    assert np.max(np.diff(gain[4811:])) < 0.001


def test_it_recovers_more_slowly_from_a_long_loud_passage():
    def gain_after(loud_frames):
        level = np.full(2 * RATE, 0.1)
        level[RATE - loud_frames : RATE] = 2.0
        out = play(rack(ceiling_db=0.0, release_ms=50.0), stereo(level), RATE)[:, 0]
        return out[RATE + int(0.15 * RATE)] / 0.1

    assert gain_after(10) > 0.85 > 0.75 > gain_after(RATE // 2)


def test_with_lookahead_the_gain_comes_down_before_the_peak_and_without_a_corner():
    level = np.full(RATE // 2, 0.5)
    level[4800:] = 1.5
    out = play(rack(128, ceiling_db=0.0), stereo(level), RATE)[:, 0]
    gain = out / level
    assert gain[4800 - 129] == 1.0
    assert gain[4800 - 64] == pytest.approx(1.0 - 0.5 * (1 - 1 / 1.5), abs=0.01)
    assert gain[4800] == pytest.approx(1 / 1.5, abs=1e-4)
    assert np.max(np.abs(np.diff(gain))) < 0.003


def test_the_louder_channel_turns_both_down():
    sound = noise() * np.array([1.0, 0.01], np.float32)
    out = play(rack(ceiling_db=-20.0), sound, RATE)
    np.testing.assert_allclose(out[:, 1] / sound[:, 1], out[:, 0] / sound[:, 0], rtol=1e-5)


def test_lowering_the_ceiling_does_not_duck_a_quiet_sound():
    sound = noise() * np.float32(0.005)
    out = play(rack(ceiling_db=0.0), sound, RATE, moves=[Move(9000, "l.limit.ceiling_db", -30.0)])
    assert np.array_equal(out, sound)


@pytest.mark.parametrize("ahead", [0, 100])
def test_it_comes_back_from_a_sample_that_is_nearly_infinite(ahead):
    level = np.full(4 * RATE, 0.1)
    level[100] = 3.2e38
    out = play(rack(ahead, ceiling_db=-6.0, release_ms=20.0), stereo(level), RATE)
    assert np.max(np.abs(out)) <= np.float32(10.0 ** (-6.0 / 20.0))
    assert out[-1, 0] == pytest.approx(0.1, rel=0.01)


@pytest.mark.parametrize("ahead", [0, 77])
@pytest.mark.parametrize("block", [32, 333, 4096])
def test_blocks_of_any_size_sound_the_same_while_knobs_move(block, ahead):
    sound = noise(20_000)
    moves = [
        Move(1000, "l.limit.ceiling_db", -30.0), Move(5000, "l.limit.ceiling_db", -3.0),
        Move(3000, "l.limit.release_ms", 500.0), Move(12_000, "l.limit.release_ms", 5.0),
    ]  # fmt: skip
    whole = play(rack(ahead), sound, RATE, moves=moves)
    assert np.array_equal(play(rack(ahead), sound, RATE, block=block, moves=moves), whole)
