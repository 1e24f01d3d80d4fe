"""Convolution in partitions is convolution, whatever the length, the chunks and the channels."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from conftest import noise, rack

from engine.dsp.convolution import HOP, SIZES, convolve, convolver, offset
from engine.kernel import Audio, kernel
from engine.params import Setting
from engine.plugin import Plugin, Setup, State
from engine.rack import Link
from engine.render import play

RATE = 48_000
EDGES = [1, 2, 63, 64, 65, 959, 960, 961, 2049, 8128, 20_415, 20_417, 33_000]
responses: dict[str, np.ndarray] = {}


class Convolver(Plugin):
    """Convolve with a response of this module."""

    key = Setting("")

    def prepare(self, setup: Setup) -> State:
        return convolver(responses[self.key], setup.channels)

    @kernel
    def process(audio: Audio, knobs: Any, state: Any) -> None:
        convolve(audio, state)


def response(taps: int, channels: int = 1) -> np.ndarray:
    rng = np.random.default_rng(taps)
    return rng.standard_normal((channels, taps)) * np.exp(-4.0 * np.arange(taps) / taps)


def link(use: Callable[..., Link], taps: np.ndarray) -> Link:
    key = str(len(responses))
    responses[key] = taps
    return use(Convolver, key=key)


def convolved(sound: np.ndarray, taps: np.ndarray) -> np.ndarray:
    size = 1 << (len(sound) + taps.shape[1]).bit_length()
    spectra = np.fft.rfft(sound.T.astype(np.float64), size) * np.fft.rfft(taps, size)
    return np.fft.irfft(spectra, size).T[: len(sound)]


@pytest.mark.parametrize("taps", EDGES)
def test_every_length_is_exact_to_the_last_tap(use: Callable[..., Link], taps: int) -> None:
    h = response(taps)
    sound = noise(taps + 9000)
    wanted = convolved(sound, h)
    made = play(rack(link(use, h)), sound, RATE)[:, :1]
    assert np.abs(made - wanted).max() < 1e-5 * np.abs(wanted).max()


@pytest.mark.parametrize("channels", [1, 2])
def test_a_response_serves_two_channels_or_each_has_its_own(
    use: Callable[..., Link], channels: int
) -> None:
    h = response(3000, channels)
    sound = noise(8000, 2)
    wanted = convolved(sound, h)
    made = play(rack(link(use, h), source="stereo"), sound, RATE)
    assert np.abs(made - wanted).max() < 1e-5 * np.abs(wanted).max()


def test_the_first_tap_is_heard_at_once(use: Callable[..., Link]) -> None:
    sound = noise(500)
    made = play(rack(link(use, np.ones((1, 1)))), sound, RATE)
    np.testing.assert_array_equal(made[:, :1], sound)


@pytest.mark.parametrize("taps", [64, 1500, 33_000])
def test_chunks_do_not_matter(use: Callable[..., Link], taps: int) -> None:
    chain = rack(link(use, response(taps, 2)), source="stereo")
    sound = noise(45_000, 2)
    whole = play(chain, sound, RATE, 64)
    for block in (1, 32, 333, 4096) if taps < 2000 else (333, 4096):
        np.testing.assert_array_equal(play(chain, sound, RATE, block), whole)


def test_ten_seconds_are_exact(use: Callable[..., Link]) -> None:
    h = np.zeros((1, 10 * RATE))
    places = [0, 70, 1000, 9000, 100_000, 10 * RATE - 1]
    h[0, places] = [1.0, -0.5, 0.25, 0.5, -1.0, 0.75]
    sound = np.zeros((10 * RATE + 100, 1), np.float32)
    sound[17] = 0.5
    wanted = np.zeros(len(sound))
    wanted[17 : 17 + h.shape[1]] = 0.5 * h[0]
    made = play(rack(link(use, h)), sound, RATE, 4096)[:, 0]
    assert np.abs(made - wanted).max() < 1e-5 * 0.5


def test_partitions_begin_where_the_ones_before_them_end() -> None:
    for taps in EDGES:
        state = convolver(response(taps), 1)
        counts = [state[f"conv_{size}_line"].shape[1] for size in SIZES]
        ends = np.array(counts) * SIZES
        served = HOP
        for size, end in zip(SIZES, ends, strict=True):
            if end:
                assert served == offset(size)
                served += int(end)
        assert served >= taps


def test_work_is_spread_over_the_hops() -> None:
    """Each partition's units are dealt out so that no hop has more than one above the mean."""
    for count in (1, 17, 115):
        for size in SIZES[1:]:
            share, units = size // HOP, 2 * (2 * 7 + count)
            dealt = [units * (k + 1) // share - units * k // share for k in range(share)]
            assert sum(dealt) == units
            assert max(dealt) <= units / share + 1
