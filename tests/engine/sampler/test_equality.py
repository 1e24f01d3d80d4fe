"""The kernels make what the dissertation's programs make, row by row."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from engine.sampler import matvec
from engine.sampler.dream import Dreamer
from engine.sampler.matvec import Tile
from engine.sampler.reference import literal, oscillators
from engine.sampler.storage import rounded

SAME = 1e-6
QUIET = {"dropout": False, "temperature": 0.0, "watchful": False}
ROWS = {"column": 3, "transpose": 5, "vector": 3, "spectrum": 2}


def apart(model, seed, samples=500, rows=2, warm=0, **options):
    """How far a dream is from the literal program's, of its peak or of 1."""
    dreamer = Dreamer(model, **QUIET, **options)
    split = len(seed) - warm
    dreamer.hear(seed[:split])
    dreamer.listen(seed[split:])
    made = dreamer.make(samples)
    wanted = literal(model, seed, samples, rows, warm)
    if model.approach == "spectrum":
        points, phase = dreamer.arrays["voc_loops"].shape[1], dreamer.arrays["voc_phase"]
        wanted = oscillators(wanted, model.hop_size, points, phase[:-1])[:samples]
    assert wanted.std() > 1e-3, "nothing is compared"
    return np.abs(made - wanted).max() / max(1.0, np.abs(wanted).max())


@pytest.mark.parametrize("storage", ["float32", "bfloat16", "int8"])
@pytest.mark.parametrize("approach", ROWS)
def test_one_row_makes_what_all_rows_of_the_dissertation_make(
    each_approach, seed, approach, storage
):
    model = rounded(each_approach[approach], storage)
    assert apart(model, seed, rows=ROWS[approach]) <= SAME


@pytest.mark.parametrize("approach", ROWS)
def test_layers_that_followed_the_seed_are_where_the_program_would_have_them(
    each_approach, seed, approach
):
    assert apart(each_approach[approach], seed, rows=ROWS[approach], warm=320) <= SAME


@pytest.mark.parametrize("inputs", [3, 63, 64, 65, 300])
def test_windows_of_any_length_are_heard_whole(make_model, seed, inputs):
    assert apart(make_model("column", inputs, layers=1), seed, 200) <= SAME


def test_a_window_is_added_to_a_layer_of_its_size(make_model, seed):
    model = make_model("column", 40, 40, residual=True, output_scale=np.float32([0.1]))
    assert apart(model, seed) <= SAME


def test_a_transpose_of_short_rows_mixes_what_was_said_within_a_block(make_model, seed):
    taps = np.float32([0.2, -0.3, 0.1, 0.5])
    assert apart(make_model("transpose", 10, taps=taps), seed, rows=4, warm=100) <= SAME


def test_spectra_may_be_padded_and_logarithms(make_model, seed):
    job = {"window_size": 100, "hop_size": 32, "zero_padding": True}
    mean, scale = np.full(128, -5.0, np.float32), np.full(128, 1.5, np.float32)
    model = make_model(
        "spectrum", 128, outputs=128, log=True, job=job, input_mean=mean, input_scale=scale,
        output_mean=mean, output_scale=scale,
    )  # fmt: skip
    assert apart(model, seed) <= SAME


def test_large_matrices_are_read_for_large_blocks(monkeypatch, make_model, seed):
    monkeypatch.setattr("engine.sampler.window.LARGE_BYTES", 0)
    model = make_model("column", 600)
    assert len(Dreamer(model, **QUIET).arrays["bank_ahead"]) == 256
    assert apart(model, seed, 700) <= SAME


@pytest.mark.parametrize("tile", [Tile(8, 4), Tile(4, 8), Tile(4, 4)])
def test_processors_with_shorter_vectors_make_the_same(monkeypatch, each_approach, seed, tile):
    for module in ("matvec", "window"):
        monkeypatch.setattr(f"engine.sampler.{module}.tile", lambda: tile)
    assert matvec.tile() == tile
    for storage in ("float32", "bfloat16", "int8"):
        for model in each_approach.values():
            assert apart(rounded(model, storage), seed, 150, ROWS[model.approach]) <= SAME


def test_a_prediction_that_is_out_of_all_bounds_stays_finite(make_model, seed):
    model = make_model("column", 40, 40, residual=True, layers=4)
    loud = replace(model, head=replace(model.head, kernel=model.head.kernel * 100))
    made = Dreamer(loud, **QUIET)
    made.hear(seed)
    assert np.isfinite(made.make(4000)).all()
