"""Sound from magnitudes: how near it comes, and that nothing depends on how it is asked for."""

from __future__ import annotations

import heapq
import json
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.compiler import callable_kernel
from engine.morph.errors import MorphError
from engine.morph.grid import GRIDS, Grid, magnitudes, to_db
from engine.morph.integrate import integrate, paths
from engine.morph.phase import Phaser, levels_of, phased

from .conftest import RATE, tone

NOTES = Path(__file__).parents[4] / "shared" / "data" / "notes" / "fluidr3_notes_16k"
QUALITY, LIVE = GRIDS["quality"], GRIDS["live"]


def convergence(sound, frames, grid):
    """Spectral convergence in dB: how far the magnitudes of ``sound`` are from those asked for."""
    cut = np.lib.stride_tricks.sliding_window_view(sound, grid.size)[:: grid.hop][: len(frames)]
    made = np.abs(np.fft.rfft(cut * grid.window)) * (4.0 / grid.size)
    return 20.0 * np.log10(np.linalg.norm(made - frames) / np.linalg.norm(frames))


def of_sound(sound, grid, **options):
    frames = magnitudes(sound, grid)
    return convergence(phased(frames, grid, **options), frames, grid)


@pytest.mark.parametrize(("grid", "most"), [(QUALITY, -34.0), (LIVE, -32.0)])
def test_magnitudes_of_synthesised_notes_come_back(grid, most):
    sounds = [tone(hertz) for hertz in (220.0, 311.1, 440.0, 587.3)]
    assert np.mean([of_sound(sound, grid) for sound in sounds]) <= most


def test_magnitudes_of_rendered_notes_come_back():
    if not (NOTES / "examples.json").is_file():
        pytest.skip("needs the notes in ../shared/data")
    names = sorted(json.loads((NOTES / "examples.json").read_text()))[::9]
    sounds = [soundfile.read(NOTES / "audio" / f"{n}.flac", frames=2 * RATE)[0] for n in names]
    assert np.mean([of_sound(sound, QUALITY) for sound in sounds]) <= -33.0


def test_corrections_bring_it_nearer():
    for sound in (tone(220.0), np.random.default_rng(3).normal(0.0, 0.1, 8000)):
        none, some = (of_sound(sound, QUALITY, corrections=n) for n in (0, 2))
        assert some < none - 1.0


@pytest.mark.parametrize("grid", [QUALITY, LIVE])
@pytest.mark.parametrize("hertz", [442.3, 1003.7])
def test_a_steady_tone_keeps_its_pitch_and_its_level(grid, hertz):
    time = np.arange(2 * RATE) / RATE
    sound = phased(magnitudes(0.4 * np.sin(2.0 * np.pi * hertz * time), grid), grid)
    part = sound[4000:28_000] * np.hanning(24_000)
    spectrum = np.abs(np.fft.rfft(part, 1 << 20))
    found = spectrum.argmax() * RATE / (1 << 20)
    assert abs(1200.0 * np.log2(found / hertz)) < 0.5
    assert np.std(sound[4000:28_000]) == pytest.approx(0.4 / np.sqrt(2.0), rel=0.01)


@settings(max_examples=30, deadline=None)
@given(cuts=st.lists(st.integers(0, 40), max_size=8), corrections=st.integers(0, 3))
def test_a_stream_is_what_is_made_offline_wherever_it_is_cut(cuts, corrections):
    frames = magnitudes(tone(330.0, 0.08), LIVE)
    whole = phased(frames, LIVE, corrections)
    levels, most = levels_of(frames)
    phaser, made = Phaser(LIVE, corrections), []
    edges = sorted({0, len(levels), *(min(cut, len(levels)) for cut in cuts)})
    for first, last in pairwise(edges):
        made.append(phaser.frames(levels[first:last]))
    stream = np.concatenate(made) * np.float32(most)
    np.testing.assert_array_equal(stream, whole[: len(stream)])


def test_what_comes_later_changes_nothing_before_it():
    frames = magnitudes(tone(330.0, 0.2), LIVE)
    changed = frames.copy()
    changed[60:] *= 0.1
    changed[60:, 30:] = 0.0
    one, other = phased(frames, LIVE), phased(changed, LIVE)
    np.testing.assert_array_equal(one[: 60 * 32], other[: 60 * 32])
    assert np.abs(one - other).max() > 0.01


@pytest.mark.parametrize("grid", [QUALITY, LIVE, GRIDS["thesis"]])
def test_silence_is_silent_and_the_end_rings_out(grid):
    assert not phased(np.zeros((5, grid.bins)), grid).any()
    phaser = Phaser(grid)
    phaser.frame(np.full(grid.bins, -20.0))
    silent = np.full((grid.overlap, grid.bins), -200.0, np.float32)
    rest = phaser.frames(silent)
    assert rest[: grid.hop].any() and not rest[-grid.hop :].any()


@pytest.mark.parametrize("bin_number", [0, 1, 37, 127, 128])
def test_one_loud_bin_sounds_where_it_is(bin_number):
    levels = np.full((100, LIVE.bins), -200.0, np.float32)
    levels[:, bin_number] = 0.0
    sound = Phaser(LIVE).frames(levels)[1024:2048]
    assert np.isfinite(sound).all()
    spectrum = np.abs(np.fft.rfft(sound * np.hanning(1024)))
    assert abs(int(spectrum.argmax()) - 4 * bin_number) <= 3
    assert 0.3 < np.abs(sound).max() < 2.1


def test_a_constant_and_half_the_rate_come_back():
    for sound in (np.full(4000, 0.5), 0.5 * (-1.0) ** np.arange(4000)):
        assert of_sound(sound, QUALITY) < -25.0


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 1e30])
def test_what_is_no_number_is_survived(bad):
    phaser, good = Phaser(LIVE), np.full(LIVE.bins, -30.0)
    poisoned = good.copy()
    poisoned[[0, 5, 40, 128]] = bad
    sound = phaser.frames([good, poisoned, np.full(LIVE.bins, bad), *[good] * 30])
    assert np.isfinite(sound).all()
    assert np.isfinite(phased(np.full((4, LIVE.bins), bad), LIVE)).all()
    assert 1e-4 < np.abs(sound[-128:]).max() < 10.0


def test_a_voice_that_begins_anew_knows_nothing_of_before():
    levels = to_db(magnitudes(tone(330.0, 0.1), LIVE))[0]
    phaser = Phaser(LIVE)
    first = phaser.frames(levels)
    phaser.restart()
    np.testing.assert_array_equal(phaser.frames(levels), first)


def heap_phases(logs, before, slope, rise, rose, turns):
    """The heap of the paper, as it is written there."""
    count = len(logs)
    heap = [(-before[k], 0, k) for k in range(count)]
    heapq.heapify(heap)
    made = [None] * count
    while None in made:
        _, here, k = heapq.heappop(heap)
        if not here and made[k] is None:
            made[k] = turns[k] + 0.5 * (rise[k] + rose[k])
            heapq.heappush(heap, (-logs[k], 1, k))
        for n in (k - 1, k + 1) if here else ():
            if 0 <= n < count and made[n] is None:
                made[n] = made[k] + 0.5 * (n - k) * (slope[k] + slope[n])
                heapq.heappush(heap, (-logs[n], 1, n))
    return np.array(made)


@pytest.fixture(scope="module")
def kernels():
    return callable_kernel(paths), callable_kernel(integrate)


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), count=st.integers(3, 40), rough=st.floats(0.1, 8.0))
def test_two_walks_are_the_heap(kernels, seed, count, rough):
    rng = np.random.default_rng(seed)
    walks, integrates = kernels
    logs = rng.normal(0.0, rough, count).astype(np.float32)
    before = (logs + rng.normal(0.0, 1.0, count)).astype(np.float32)
    slope, rise, rose, turns = rng.uniform(-0.5, 0.5, (4, count)).astype(np.float32)
    wanted = heap_phases(logs, before, slope, rise, rose, turns)
    left, right, made = np.empty_like(logs), np.empty_like(logs), turns.copy()
    silent, loudest = np.float32(-100.0), int(logs.argmax())
    walks(logs, before, silent, loudest, left, right)
    integrates(before, silent, loudest, left, right, rise, rose, slope, made)
    apart = made - wanted
    np.testing.assert_allclose(apart - np.round(apart), 0.0, atol=2e-5)


def test_grids_that_do_not_exist_are_refused_in_one_line():
    for grid, told in (
        (Grid(500, 50), "size = 500"), (Grid(512, 100), "hop = 100"), (Grid(512, 512), "hop = 512"),
        (Grid(512, 64, 10), "rate = 10"), (Grid(8192, 1), "hop = 1 does not divide"),
    ):  # fmt: skip
        with pytest.raises(MorphError, match=told):
            Phaser(grid)
    with pytest.raises(MorphError, match="corrections = 99"):
        Phaser(LIVE, 99)
    with pytest.raises(MorphError, match=r"\(3, 7\)"):
        phased(np.zeros((3, 7)), LIVE)
    for sound in (np.zeros((4, 2)), np.zeros(0), np.array([0.0, np.nan])):
        with pytest.raises(MorphError):
            magnitudes(sound, LIVE)
