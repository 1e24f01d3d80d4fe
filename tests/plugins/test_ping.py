"""The ping: impulses on time, whatever comes in."""

import numpy as np
import pytest

from engine.rack import Lane, Link, Rack
from engine.render import play


def rack(**settings):
    return Rack("test", lanes=(Lane("l", "stereo", (Link("ping", "ping", {}, settings),)),))


@pytest.mark.parametrize("rate", [44_100, 48_000])
@pytest.mark.parametrize("block", [32, 64, 333, 4096])
def test_a_half_scale_impulse_leaves_every_100_ms_from_frame_0_on(rate, block):
    noise = np.random.default_rng(1).uniform(-1, 1, (rate, 2)).astype(np.float32)
    out = play(rack(), noise, rate, block=block)
    expected = np.zeros((rate, 2), np.float32)
    expected[:: rate // 10] = 0.5
    assert np.array_equal(out, expected)


def test_the_gap_is_a_setting():
    out = play(rack(every_ms=1), np.zeros((4800, 2), np.float32), 48_000)
    assert np.array_equal(np.flatnonzero(out[:, 0]), np.arange(0, 4800, 48))
