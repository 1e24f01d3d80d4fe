"""Decoder and phases inside a plugin: the same code, called by address from its kernel."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import pytest
from conftest import noise, rack

from engine.kernel import Audio, kernel
from engine.morph.cost import decode_cost, noisy_levels, phase_cost
from engine.morph.decode import Coder, bind_dense, constants, decoder_state, run_dense
from engine.morph.grid import GRIDS
from engine.morph.phase import Phaser, bind_phase, phase_state, silence, sing
from engine.plugin import Plugin, Setup, State
from engine.render import play as render

FRAMES, AGAIN = 25, 15
VOICES = 2


class Decodes(Plugin):
    """Two voices that follow the same path of latents, one frame apart; one begins anew."""

    model: ClassVar[Any] = None
    path: ClassVar[Any] = None

    def prepare(self, setup: Setup) -> State:
        return {
            **constants(decoder_state(self.model, VOICES)),
            **phase_state(self.model.grid, VOICES),
            "path": self.path,
            "words": np.zeros(2, np.int64),
        }

    def bind(self, state: dict[str, Any]) -> None:
        bind_dense(state)
        bind_phase(state)

    @kernel
    def process(audio: Audio, knobs: Any, state: Any) -> None:
        hop, words, ready = state.phase_ready.shape[1], state.words, state.phase_ready
        for i in range(audio.shape[1]):
            if words[0] == 0:
                for voice in range(VOICES):
                    frame = words[1] + voice
                    if frame == AGAIN:
                        silence(state.phase_table, voice)
                    for k in range(state.path.shape[1]):
                        state.dense_given[voice, k] = state.path[frame, k]
                    run_dense(state.dense_table, voice)
                    for k in range(state.dense_made.shape[1]):
                        state.phase_levels[voice, k] = state.dense_made[voice, k]
                    sing(state.phase_table, voice)
                words[1] += 1
            audio[0, i] = ready[0, words[0]] + ready[1, words[0]]
            words[0] = (words[0] + 1) % hop


def offline(model, path, first):
    """What a voice plays that begins with a frame of the path."""
    levels = Coder(decoder_state(model))(path)
    phaser = Phaser(model.grid)
    before = phaser.frames(levels[first:AGAIN])
    phaser.restart()
    return np.concatenate([before, phaser.frames(levels[AGAIN:])])


@pytest.mark.parametrize("block", [64, 17])
def test_a_plugin_plays_what_python_makes_at_any_block_size(make_morph, use, block):
    model = make_morph()
    rng = np.random.default_rng(4)
    Decodes.model = model
    Decodes.path = rng.random((FRAMES + 2, 23)).astype(np.float32)
    samples = (FRAMES - 1) * model.grid.hop
    out = render(rack(use(Decodes)), noise(samples), 16_000, block)[:, 0]
    one, other = (offline(model, Decodes.path, first)[:samples] for first in range(VOICES))
    np.testing.assert_allclose(out, one + other, atol=1e-6 * np.abs(out).max())


def test_costs_are_told(make_morph):
    for cost in (
        phase_cost(GRIDS["live"], noisy_levels(GRIDS["live"]), calls=20),
        decode_cost(make_morph(), calls=20),
    ):
        assert 0.0 < cost.median_us <= cost.p99_us
        assert cost.share > 0.0
