"""Diagonal state spaces: their arithmetic, in every tile and at any block."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from modelfiles.interpreter import played

from engine import native
from engine.neural import emit
from engine.neural.compiled import Compiled, compile_network
from engine.neural.limits import check_size
from engine.neural.network import Conv, Network, NetworkError, Signal, Ssm, Term
from engine.neural.plan import Plan
from engine.neural.tile import Tile

TILES = [Tile(16, 8, 2, 16, 2), Tile(8, 6, 2, 8, 1), Tile(4, 4, 4, 4, 2)]


def layer(channels: int, states: int, seed: int = 1, slowest: float = 0.99) -> Network:
    """One layer with random poles; the first of each channel is ``slowest``."""
    rng = np.random.default_rng(seed)
    size, angle = (
        rng.uniform(0.3, slowest, (channels, states)),
        rng.uniform(0, 3, (channels, states)),
    )
    size[:, 0], angle[:, 0] = slowest, 1e-3
    a = np.stack([size * np.cos(angle), size * np.sin(angle)], -1).astype(np.float32)
    c = rng.standard_normal(a.shape).astype(np.float32)
    x, y = Signal(channels), Signal(channels)
    network = Network(x, y, [Ssm(x, y, a, c, rng.standard_normal(channels).astype(np.float32))])
    network.check()
    return network


def at(network: Network, tile: Tile) -> Compiled:
    plan = Plan(network, tile)
    place, kept = native.link(native.emit_vectors(emit.write(plan, False)))
    compiled = Compiled(network, plan, place)
    compiled.kept = kept  # type: ignore[attr-defined]
    return compiled


def noise(channels: int, frames: int = 1500) -> Any:
    rng = np.random.default_rng(3)
    return (0.3 + rng.standard_normal((channels, frames))).astype(np.float32)


@pytest.mark.parametrize(
    ("channels", "states"), [(1, 1), (1, 64), (3, 2), (16, 4), (17, 5), (32, 8), (50, 9)]
)
def test_every_tile_makes_the_samples_of_the_recurrence(channels: int, states: int) -> None:
    network, sound = layer(channels, states), noise(channels)
    wanted = played(network, sound)
    first = None
    for tile in TILES:
        compiled = at(network, tile)
        made = np.atleast_2d(compiled.play(sound))
        np.testing.assert_allclose(made, wanted, atol=1e-5 * np.abs(wanted).max(), rtol=0)
        for block in (1, 11, 37):
            compiled.reset()
            np.testing.assert_array_equal(np.atleast_2d(compiled.play(sound, block)), made)
        first = made if first is None else first
        np.testing.assert_array_equal(made, first)


def test_slow_poles_keep_a_hundred_thousandth() -> None:
    network, sound = layer(16, 4, slowest=0.9999), noise(16, 60_000)
    made, wanted = compile_network(network).play(sound), played(network, sound)
    peaks = np.abs(wanted).max(axis=1, keepdims=True)
    assert (np.abs(made - wanted) / peaks).max() < 1e-5


def test_a_network_settles_until_its_slowest_state_has_faded() -> None:
    network = layer(2, 3, slowest=0.9999)
    assert network.is_recurrent
    assert 130_000 < network.fading_frames < 145_000  # ln(1e-6) / ln(0.9999)
    assert network.receptive_field == 1
    biased, x = layer(2, 3, slowest=0.9999), Signal(1)
    ssm = biased.ops[0]
    bias, ones = np.ones(2, np.float32), np.ones((2, 1, 1), np.float32)
    whole = Network(x, biased.output, [Conv(biased.input, (Term(x, ones),), bias), ssm])
    compiled = compile_network(whole)
    compiled.settle(48_000)
    made = compiled.play(np.zeros(64))
    np.testing.assert_allclose(made[:, 0], made[:, -1], rtol=1e-4)


def test_dead_state_spaces_are_dropped_and_sizes_counted() -> None:
    network = layer(16, 4)
    ssm = network.ops[0]
    assert isinstance(ssm, Ssm)
    network.ops.append(Ssm(ssm.target, Signal(16), ssm.a, ssm.c, ssm.d))
    assert network.without_dead_work().ops == [ssm]
    assert network.weights == 2 * (2 * 16 * 4 * 2 + 16)
    assert network.multiply_adds == 2 * (16 * 4 * 6 + 16)
    check_size(network)


def test_state_spaces_that_do_not_fit_are_refused() -> None:
    x = Signal(2)
    good, d = np.zeros((2, 3, 2), np.float32), np.zeros(2, np.float32)
    for a, c, target, complaint in (
        (good + 1, good, Signal(2), "unit circle"),
        (good, good[:, :2], Signal(2), "must both be"),
        (good[:1], good[:1], Signal(2), "a has 1, must have 2"),
        (good, good, Signal(3), "target has 3"),
        (good, good + np.inf, Signal(2), "not finite"),
        (good + np.nan, good, Signal(2), "unit circle"),
    ):
        with pytest.raises(NetworkError, match=complaint):
            Network(x, target, [Ssm(x, target, a, c, d)]).check()
