"""Knobs as a frame sees them."""

from __future__ import annotations

from typing import Any

import numpy as np

from engine.kernel import kernel
from plugins.morph.state import ENDS, KNOBS, SOUND, START, STEP


@kernel
def take_knobs(knobs: Any, state: Any) -> None:
    """``ramps`` of this part by number: rows are compiled sooner than thirty names handed on."""
    state.ramps_at[0] = knobs.x.at
    turn, latents = state.ramps, state.ramps[14:]
    turn[0, 0], turn[0, 1] = knobs.x.start, knobs.x.step
    turn[1, 0], turn[1, 1] = knobs.y.start, knobs.y.step
    turn[2, 0], turn[2, 1] = knobs.wheel_x.start, knobs.wheel_x.step
    turn[3, 0], turn[3, 1] = knobs.pressure_x.start, knobs.pressure_x.step
    turn[4, 0], turn[4, 1] = knobs.align.start, knobs.align.step
    turn[5, 0], turn[5, 1] = knobs.even.start, knobs.even.step
    turn[6, 0], turn[6, 1] = knobs.attack.start, knobs.attack.step
    turn[7, 0], turn[7, 1] = knobs.release.start, knobs.release.step
    turn[8, 0], turn[8, 1] = knobs.dynamics_db.start, knobs.dynamics_db.step
    turn[9, 0], turn[9, 1] = knobs.bend_range.start, knobs.bend_range.step
    turn[10, 0], turn[10, 1] = knobs.a.start, knobs.a.step
    turn[11, 0], turn[11, 1] = knobs.b.start, knobs.b.step
    turn[12, 0], turn[12, 1] = knobs.c.start, knobs.c.step
    turn[13, 0], turn[13, 1] = knobs.d.start, knobs.d.step
    latents[0, 0], latents[0, 1] = knobs.latent_1.start, knobs.latent_1.step
    latents[1, 0], latents[1, 1] = knobs.latent_2.start, knobs.latent_2.step
    latents[2, 0], latents[2, 1] = knobs.latent_3.start, knobs.latent_3.step
    latents[3, 0], latents[3, 1] = knobs.latent_4.start, knobs.latent_4.step
    latents[4, 0], latents[4, 1] = knobs.latent_5.start, knobs.latent_5.step
    latents[5, 0], latents[5, 1] = knobs.latent_6.start, knobs.latent_6.step
    latents[6, 0], latents[6, 1] = knobs.latent_7.start, knobs.latent_7.step
    latents[7, 0], latents[7, 1] = knobs.latent_8.start, knobs.latent_8.step
    latents[8, 0], latents[8, 1] = knobs.latent_9.start, knobs.latent_9.step
    latents[9, 0], latents[9, 1] = knobs.latent_10.start, knobs.latent_10.step
    latents[10, 0], latents[10, 1] = knobs.latent_11.start, knobs.latent_11.step
    latents[11, 0], latents[11, 1] = knobs.latent_12.start, knobs.latent_12.step
    latents[12, 0], latents[12, 1] = knobs.latent_13.start, knobs.latent_13.step
    latents[13, 0], latents[13, 1] = knobs.latent_14.start, knobs.latent_14.step
    latents[14, 0], latents[14, 1] = knobs.latent_15.start, knobs.latent_15.step
    latents[15, 0], latents[15, 1] = knobs.latent_16.start, knobs.latent_16.step


@kernel
def look(state: Any, i: int) -> None:
    """``wanted`` and the ends as knobs are at frame ``i`` of this part."""
    ramps, most = state.ramps, state.sound_notes.shape[0] - 1
    along = np.float32(state.ramps_at[0] + i + 1)
    for k in range(KNOBS):
        state.wanted[k] = ramps[k, START] + ramps[k, STEP] * along
    for k in range(4):
        state.turn[ENDS + k] = min(int(ramps[SOUND + k, START] + np.float32(0.5)), most)


__all__ = ["look", "take_knobs"]
