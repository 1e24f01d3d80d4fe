"""The recorder's tap: what passes is what lies in the ring."""

import numpy as np
import pytest

from engine.rack import Lane, Link, Rack
from engine.render import Renderer
from engine.shared import TAP_FRAMES

RATE = 48_000


def rack(source="stereo"):
    chain = (Link("gain", "gain", {"gain_db": 6.0}), Link("tap", "tap"), Link("gain", "after"))
    return Rack("test", lanes=(Lane("l", source, chain),))


def noise(frames, channels=2):
    return np.random.default_rng(9).uniform(-0.4, 0.4, (frames, channels)).astype(np.float32)


@pytest.mark.parametrize("block", [32, 64, 333, 4096])
def test_the_ring_holds_what_passed_and_the_sound_is_untouched(block):
    renderer = Renderer(rack(), RATE, 2, block)
    ring = renderer.shared.tap(0)
    ring.arm(True)
    out = renderer.push(noise(10_000))
    assert np.array_equal(ring.read(), out)
    assert ring.dropped == 0


def test_a_mono_lane_fills_both_columns():
    renderer = Renderer(rack("left"), RATE, 1)
    ring = renderer.shared.tap(0)
    ring.arm(True)
    out = renderer.push(noise(1000, 1))
    assert np.array_equal(ring.read(), out[:, [0, 0]])


def test_it_writes_nothing_until_it_is_armed():
    renderer = Renderer(rack(), RATE, 2)
    ring = renderer.shared.tap(0)
    renderer.push(noise(1000))
    assert (ring.written, ring.dropped) == (0, 0)


def test_a_full_ring_drops_and_counts_and_goes_on_when_it_is_read():
    renderer = Renderer(rack(), RATE, 2)
    ring = renderer.shared.tap(0)
    ring.arm(True)
    out = renderer.push(noise(TAP_FRAMES + 6400))
    assert ring.dropped == 6400
    assert np.array_equal(ring.read(), out[:TAP_FRAMES])
    again = renderer.push(noise(6400))
    assert np.array_equal(ring.read(), again)  # past the end of the memory and round
    assert ring.written == TAP_FRAMES + 6400
