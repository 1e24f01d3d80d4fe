"""Answers in the key of who plays."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from engine.sampler.dream import Dreamer
from engine.sampler.errors import SamplerError
from engine.sampler.frames import magnitudes
from engine.sampler.key import pitches_of
from engine.sampler.model import Head
from engine.sampler.state import KEY, TUNED

RATE, WINDOW, HOP = 8000, 1024, 256


def tone(hertz: float, seconds: float = 1.0) -> Any:
    t = np.arange(round(RATE * seconds)) / RATE
    return (0.3 * np.sin(2 * np.pi * hertz * t)).astype(np.float32)


@pytest.fixture
def one_tone(make_model: Any) -> Any:
    """A model that always says a tone of 500 Hz, and has learnt nothing else."""
    sizes = np.zeros(512, np.float32)
    sizes[64] = 0.5
    known = pitches_of(magnitudes(tone(500.0), WINDOW, HOP, False), RATE)
    job = {"window_size": WINDOW, "hop_size": HOP, "pitches": [float(one) for one in known]}
    model = make_model("spectrum", 512, 4, layers=1, outputs=512, job=job)
    return replace(model, head=Head(np.zeros((512, 4), np.float32), sizes))


@pytest.mark.parametrize("semitones", [-6, -3, 0, 2, 5])
@pytest.mark.parametrize("tuned", [0, 1])
def test_a_dream_comes_in_the_key_that_was_heard(one_tone: Any, semitones: int, tuned: int) -> None:
    dreamer = Dreamer(one_tone)
    dreamer.arrays["dream_words"][TUNED] = tuned
    dreamer.listen(tone(500.0 * 2.0 ** (semitones / 12.0)))
    made = dreamer.make(8 * HOP + WINDOW)[-WINDOW:]
    ratio = 2.0 ** (tuned * semitones / 12.0)
    assert dreamer.arrays["dream_numbers"][KEY] == pytest.approx(ratio)
    loudest = int(np.argmax(np.abs(np.fft.rfft(made * np.hanning(WINDOW)))))
    assert abs(loudest * RATE / WINDOW - 500.0 * ratio) < RATE / WINDOW


def test_what_is_heard_is_heard_in_the_key_that_was_learnt(one_tone: Any) -> None:
    dreamer = Dreamer(one_tone)
    dreamer.arrays["dream_words"][TUNED] = 1
    dreamer.listen(tone(500.0 * 2.0 ** (4 / 12.0)))
    dreamer.make(HOP)
    dreamer.listen(tone(500.0 * 2.0 ** (4 / 12.0), 0.2))
    assert int(np.argmax(dreamer.arrays["dream_frame"])) in (63, 64, 65)


def test_a_model_that_tells_no_pitches_stays_as_it_is(one_tone: Any) -> None:
    job = {key: value for key, value in one_tone.job.items() if key != "pitches"}
    dreamer = Dreamer(replace(one_tone, job=job))
    dreamer.arrays["dream_words"][TUNED] = 1
    dreamer.listen(tone(700.0))
    dreamer.make(HOP)
    assert dreamer.arrays["dream_numbers"][KEY] == 1.0


@pytest.mark.parametrize("given", [[1.0], ["a"] * 12, [2.0] * 12, "all"])
def test_pitches_that_are_none_are_one_line(one_tone: Any, given: Any) -> None:
    with pytest.raises(SamplerError, match="pitches"):
        replace(one_tone, job={**one_tone.job, "pitches": given}).check()
