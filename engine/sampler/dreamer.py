"""A model as the state of a dream: for a plugin's node, or for Python beside it (dream.py)."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from engine.sampler.chance import chance
from engine.sampler.compiled import TABLE, table_of
from engine.sampler.frames import window_of
from engine.sampler.key import key_state
from engine.sampler.model import APPROACHES, Array, SamplerModel
from engine.sampler.plan import CELLS, plan_of
from engine.sampler.state import (
    APPROACH,
    AT,
    BLOCK,
    CALM,
    COLUMN,
    DROPPING,
    FIRST,
    FRESH,
    HOP,
    IN_MEAN,
    IN_SCALE,
    INPUTS,
    KEEP_IN,
    KEEP_OUT,
    KEPT,
    KEY,
    KICKS,
    LAST,
    LEARNS,
    LOG,
    NUMBERS,
    OUT_MEAN,
    OUT_SCALE,
    OUTPUTS,
    PARTS,
    PLAN_WORDS,
    REBUILD,
    SLICED,
    SPECTRUM,
    SQUASH,
    TAPS_BIAS,
    TEMPERATURE,
    TRANSPOSE,
    WATCHING,
    WORDS,
)
from engine.sampler.vocoder import vocoder
from engine.sampler.watchdog import FADE_SECONDS, watchdog
from engine.sampler.window import CONSTANT as OF_WINDOW
from engine.sampler.window import window_arrays
from engine.shared import aligned

POOL_SECONDS = 4.0
SLACK = 4096
"""Samples the line takes before it is moved to its front."""
CONSTANT = ("dream_weights", *OF_WINDOW)
"""State arrays that no kernel writes, and that may be megabytes."""


def dream_state(
    model: SamplerModel, *, seed_number: int = 0, temperature: float = 1.0, dropout: bool = True,
    watchful: bool = True, sliced: bool = False, coherent: bool = False, prefix: str = "",
) -> dict[str, Any]:  # fmt: skip
    """State arrays of ``compiled.play``; compiles what is not in the cache.

    ``sliced``: vector and spectrum spread each step over the hop before the one it makes, so no
    block pays for a whole one; what is made comes a hop later, after a hop of silence.
    ``watchful``: a dream that is stuck starts again from what was last heard. ``coherent``: the
    vocoder keeps phases. ``prefix`` goes before all names.
    Raises SamplerError if the model can not be played.
    """
    model.check()
    approach = APPROACHES.index(model.approach)
    windowed = approach in (COLUMN, TRANSPOSE)
    plan = plan_of(model, windowed)
    bank, bank_words = window_arrays(model if windowed else None)
    words = np.zeros(PLAN_WORDS, np.int64)
    for place, value in bank_words.items():
        words[place] = value
    kept = _kept(model, words)
    words[[APPROACH, INPUTS, OUTPUTS, HOP, FIRST, LAST, KEPT]] = (
        approach, model.inputs, model.outputs, model.hop_size, plan.first, plan.last, kept,
    )  # fmt: skip
    words[SQUASH], words[LEARNS] = model.squash == "tanh", model.learns_spread
    words[LOG], words[SLICED] = model.log, sliced and not windowed
    cells = plan.calls[plan.calls[:, 0] == CELLS]
    state = {
        "dream_plan": words,
        "dream_words": np.zeros(WORDS, np.int64),
        "dream_numbers": _numbers(model, temperature),
        "dream_memory": plan.memory,
        "dream_weights": plan.weights,
        "dream_calls": plan.calls,
        "dream_states": np.concatenate([cells[:, [2, 4]], cells[:, [3, 4]]]),
        "dream_chance": chance(seed_number),
        "dream_line": _line(model, kept, windowed),
        "dream_pool": np.zeros(max(round(POOL_SECONDS * model.rate), kept), np.float32),
        "dream_one": np.zeros(1, np.float32),
        "dream_spread": model.spread,
        "dream_standard": _standard(model),
        "dream_made": np.zeros(1 if windowed else model.hop_size, np.float32),
        "dream_tail": np.zeros(model.overlap + 1, np.float32),
        "dream_next": np.zeros(max(1, model.overlap), np.float32),
        "dream_fade": _fade(max(1, model.overlap)),
        "dream_taps": model.taps,
        **_mixing(model, approach == TRANSPOSE, bank["bank_ahead"].shape[0]),
        **bank,
        **_spectral(model, approach == SPECTRUM, coherent, seed_number),
        **watchdog(model.rate),
    }
    start = state["dream_words"]
    start[AT], start[REBUILD], start[FRESH] = kept, 1, 1
    start[DROPPING], start[WATCHING] = dropout, watchful
    state[TABLE] = table_of(state)
    return {prefix + name: array for name, array in state.items()}


def _kept(model: SamplerModel, words: npt.NDArray[np.int64]) -> int:
    """Samples that a window reaches back."""
    if model.approach == "spectrum":
        return model.window_size
    return max(model.inputs, int(words[BLOCK] * words[PARTS]) + 1)


def _numbers(model: SamplerModel, temperature: float) -> npt.NDArray[np.float64]:
    numbers = np.zeros(NUMBERS)
    numbers[IN_MEAN], numbers[IN_SCALE] = model.input_mean[0], model.input_scale[0]
    numbers[OUT_MEAN], numbers[OUT_SCALE] = model.output_mean[0], model.output_scale[0]
    numbers[KEEP_IN], numbers[KEEP_OUT] = model.input_dropout, model.output_dropout
    numbers[TEMPERATURE], numbers[TAPS_BIAS] = temperature, model.taps_bias
    numbers[KICKS], numbers[KEY] = model.kicks, 1.0
    numbers[CALM] = np.exp(-1.0 / (FADE_SECONDS * model.rate))
    return numbers


def _line(model: SamplerModel, kept: int, windowed: bool) -> Array:
    """Silence before all sound."""
    silence = -model.input_mean[0] / model.input_scale[0] if windowed else 0.0
    return np.full(kept + max(SLACK, kept), silence, np.float32)


def _fade(count: int) -> Array:
    """Raised cosine from 0 to 1, which adds to one with itself backwards."""
    t = (np.arange(count) + 0.5) / count
    return np.asarray(0.5 - 0.5 * np.cos(np.pi * t), np.float32)


def _standard(model: SamplerModel) -> Array:
    rows = np.ones((4, max(model.inputs, model.outputs)), np.float32)
    given = (model.input_mean, model.input_scale, model.output_mean, model.output_scale)
    for row, values, count in zip(rows, given, (model.inputs,) * 2 + (model.outputs,) * 2,
                                  strict=True):  # fmt: skip
        row[:count] = values
    return rows


def _mixing(model: SamplerModel, mixes: bool, block: int) -> dict[str, Any]:
    if not mixes:
        return {"dream_said": np.zeros((0, 1), np.float32),
                "dream_mixed": np.zeros((0, 1), np.float32)}  # fmt: skip
    rows = 2 if model.learns_spread else 1
    past = (len(model.taps) - 1) * model.inputs + block
    size = 1 << (past - 1).bit_length()
    return {"dream_said": np.zeros((rows, size), np.float32),
            "dream_mixed": np.zeros((rows, block), np.float32)}  # fmt: skip


def _spectral(
    model: SamplerModel, spectral: bool, coherent: bool, seed_number: int
) -> dict[str, Any]:
    """The analysis of what is heard, and the vocoder; the smallest there are for other models."""
    window, hop, padded = 128, 1, False
    if spectral:
        window, hop, padded = model.window_size, model.hop_size, model.zero_padding
    sung = vocoder(window, hop, padded, kind=int(coherent), seed_number=seed_number)
    points = sung["voc_loops"].shape[1]
    return {
        "dream_window": window_of(window).astype(np.float32),
        "dream_padded": np.zeros(points, np.float32),
        "dream_bins": np.zeros((2, points // 2 + 1), np.float32),
        "dream_frame": np.zeros(points // 2, np.float32),
        "dream_magnitudes": np.zeros(points // 2, np.float32),
        **sung,
        **key_state(model.pitches, points, model.rate, hop),
    }


def constants(state: dict[str, Any]) -> dict[str, Any]:
    """The state as a node wants it: what never changes is left where it lies, not copied."""
    from engine.plugin import Extern

    return {
        name: Extern(aligned_copy(value)) if name.endswith(CONSTANT) else value
        for name, value in state.items()
    }


def aligned_copy(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """The same on a line of the cache of its own: a load across two lines costs two."""
    copy = aligned(array.nbytes).view(array.dtype).reshape(array.shape)
    copy[...] = array
    return copy


__all__ = ["CONSTANT", "aligned_copy", "constants", "dream_state"]
