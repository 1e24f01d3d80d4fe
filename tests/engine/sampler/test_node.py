"""Dreams inside a plugin: the same code, called by address from its kernel."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import pytest
from conftest import noise, rack

from engine.kernel import Audio, kernel
from engine.plugin import Plugin, Setup, State
from engine.render import play as render
from engine.sampler.compiled import bind_dream, play
from engine.sampler.dream import Dreamer
from engine.sampler.dreamer import constants, dream_state
from engine.sampler.state import LISTENING, MAKING

ANSWER_AT = 700


class Answers(Plugin):
    """Follows for a while, then goes on alone; a second dream only ever makes."""

    model: ClassVar[Any] = None

    def prepare(self, setup: Setup) -> State:
        first = dream_state(self.model, sliced=True)
        second = dream_state(self.model, seed_number=5, prefix="b_")
        return {**constants(first), **constants(second), "told": np.zeros(1, np.int64),
                "other": np.zeros(64, np.float32)}  # fmt: skip

    def bind(self, state: dict[str, Any]) -> None:
        bind_dream(state)
        bind_dream(state, "b_")

    @kernel
    def process(audio: Audio, knobs: Any, state: Any) -> None:
        for i in range(audio.shape[1]):
            mode = LISTENING if state.told[0] < ANSWER_AT else MAKING
            play(state.dream_table, audio[0, i : i + 1], mode)
            state.told[0] += 1
        other = state.other[: audio.shape[1]]
        play(state.b_dream_table, other, MAKING)
        for i in range(audio.shape[1]):
            audio[0, i] += other[i]


@pytest.mark.parametrize("approach", ["column", "vector", "spectrum"])
def test_a_plugin_makes_what_python_makes_at_any_block_size(each_approach, use, approach):
    model = each_approach[approach]
    Answers.model = model
    heard = noise(2000)
    one, small = (render(rack(use(Answers)), heard, 8000, block)[:, 0] for block in (64, 17))
    np.testing.assert_array_equal(one, small)
    first, second = Dreamer(model, sliced=True), Dreamer(model, seed_number=5)
    first.listen(heard[:ANSWER_AT, 0])
    alone = np.concatenate([heard[:ANSWER_AT, 0], first.make(2000 - ANSWER_AT)])
    np.testing.assert_allclose(one, alone + second.make(2000), atol=1e-6)
