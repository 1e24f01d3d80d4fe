"""Stems told apart by examples, and phases found for magnitudes."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from models.style.errors import StyleError
from models.style.frames import Analysis
from models.style.phase import METHODS, by_descent, convergence_db, griffin_lim, table
from models.style.separate import separate
from models.style.settings import Settings
from models.style.sound import (
    recording,
)

from .style_sounds import RATE, breathy, plucked

QUICK = Settings(iterations=8, device="cpu")


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def separation_db(stem: np.ndarray, found: np.ndarray) -> float:
    return float(10 * np.log10((stem**2).sum() / ((stem - found) ** 2).sum()))


def test_two_stems_are_told_apart_by_examples_of_themselves():
    made = np.random.default_rng(0)
    notes = plucked(2.0, partials=6)
    hits = 0.2 * made.standard_normal(2 * RATE) * np.exp(-(np.arange(2 * RATE) % 7000) / 600)
    mix = recording(notes + hits, RATE, "mix")
    examples = [recording(each, RATE) for each in (notes, hits)]
    found = separate(mix, examples, Settings(iterations=40, device="cpu"))
    for stem, recovered in zip((notes, hits), found.stems, strict=True):
        assert separation_db(stem, recovered.samples[0]) > separation_db(stem, notes + hits) + 5.0
    total = sum(stem.samples for stem in found.stems)
    np.testing.assert_allclose(total[0], mix.samples[0], atol=1e-3)


def test_one_example_leaves_the_rest_as_the_second_stem():
    notes, noise = plucked(1.5, partials=2), 0.5 * breathy(1.5)
    found = separate(recording(notes + noise, RATE), [recording(notes, RATE)], QUICK)
    assert len(found.stems) == 2
    assert separation_db(notes, found.stems[0].samples[0]) > separation_db(notes, notes + noise)


def test_phases_are_found_and_the_fast_rounds_are_faster():
    sound, analysis = torch.from_numpy(plucked(1.0)), Analysis()
    wanted = analysis.magnitudes(sound)
    plain = griffin_lim(wanted, analysis, len(sound), 50)
    fast = griffin_lim(wanted, analysis, len(sound), 50, 0.99)
    linear = by_descent(wanted, analysis, len(sound), 50, logarithmic=False)
    levels = [convergence_db(each, wanted, analysis) for each in (plain, fast, linear)]
    assert levels[1] < levels[0] < -10.0 and levels[1] < -20.0 and levels[2] < -15.0


def test_rounds_from_the_sound_itself_leave_it_as_it_is():
    sound, analysis = torch.from_numpy(plucked(1.0)), Analysis()
    wanted = analysis.magnitudes(sound)
    kept = griffin_lim(wanted, analysis, len(sound), 3, start=sound)
    assert convergence_db(kept, wanted, analysis) < -80.0


def test_the_table_has_a_row_for_every_method_and_count():
    rows = list(table(torch.from_numpy(plucked(0.6)), Analysis(), (2, 4)))
    assert [(row.method, row.rounds) for row in rows] == [(m, n) for m in METHODS for n in (2, 4)]


def test_magnitudes_of_another_length_are_told():
    with pytest.raises(StyleError, match="magnitudes of shape"):
        griffin_lim(torch.ones(5, 1025), Analysis(), 22_050, 1)
