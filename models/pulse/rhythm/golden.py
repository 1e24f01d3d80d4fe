"""A take that a rhythm model plays from given draws, to test every player of it against."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.artefact.card import refuse
from engine.rhythm import GOLDEN, RhythmModel
from models.pulse.rhythm.reference import DRAWS, Knobs, Player

STEPS, BAR, TEMPO_BPM = 96, 16, 108.0
FOLLOW = 0.6  # in the second half, where somebody else plays a plain rock beat
SAFE = 1e-3  # draws this near to a chance are moved, so that rounding never decides a hit


def golden_take(model: RhythmModel, seed: int = 6) -> dict[str, NDArray[Any]]:
    """Six bars: four alone, two with another player; draws, families and all that comes out."""
    rng = np.random.default_rng(seed)
    draws = rng.random((STEPS, DRAWS)).astype(np.float32)
    families = _rock()
    rows = _play(model, draws, families, settle=True)
    told = {"tempo_bpm": TEMPO_BPM, "bar": BAR, "follow": FOLLOW, "present_from": STEPS * 2 // 3}
    return {
        "draws": draws,
        "families": families,
        **{name: np.array(value) for name, value in told.items()},
        **dict(zip(_OUT, rows, strict=True)),
    }


def replayed(model: RhythmModel) -> float:
    """Play the golden take again; the largest error, ArtefactError if above the tolerance."""
    golden = model.golden()
    try:
        draws, families = golden["draws"], golden["families"]
        told = [golden[name] for name in _OUT]
    except KeyError as error:
        refuse(model.path / GOLDEN, f"holds no {error.args[0]}")
    found = _play(model, draws.copy(), families, settle=False)
    away = max(float(np.abs(a - b).max()) for a, b in zip(found, told, strict=True))
    if not away <= model.tolerance:
        refuse(model.path / GOLDEN, f"error {away:.3g} is above tolerance {model.tolerance:g}")
    return away


_OUT = ("hits", "velocities", "offsets", "logits", "state")


def _rock() -> NDArray[np.float32]:
    """Kick on one and three, snare on two and four, eighths on a cymbal, (T, 4)."""
    families = np.zeros((STEPS, 4), np.float32)
    families[0::8, 0] = families[4::8, 1] = families[0::2, 2] = 1.0
    return families


def _play(
    model: RhythmModel, draws: NDArray[np.float32], families: NDArray[np.float32], settle: bool
) -> tuple[NDArray[np.float32], ...]:
    """Play from draws; with ``settle`` draws too near to a chance are moved in place."""
    knobs = Knobs(style=0)
    player = Player(model, [TEMPO_BPM], BAR, [knobs])
    rows = []
    for t in range(STEPS):
        if t == STEPS * 2 // 3:
            player.knobs = [Knobs(style=0, density=1.5, temperature=0.9, feel=0.5,
                                  follow=FOLLOW, present=True)]  # fmt: skip
        if settle:
            _settle(player, draws[t : t + 1])
        played = player.step(draws[t : t + 1])
        rows.append([part[0] for part in (*played, player.logits, player.state)])
        player.heard(*played, families[t : t + 1] if player.knobs[0].present else None)
    return tuple(np.stack(column) for column in zip(*rows, strict=True))


def _settle(player: Player, draws: NDArray[np.float32]) -> None:
    state = player.state.copy()
    for _ in range(20):
        player.state = state.copy()
        player.step(draws)
        chances = 1.0 / (1.0 + np.exp(-player.logits / player.knobs[0].temperature))
        near = np.abs(draws[:, :9] - chances) < SAFE
        if not near.any():
            break
        draws[:, :9][near] = np.mod(draws[:, :9][near] + 0.01, 1.0)
    player.state = state


__all__ = ["golden_take", "replayed"]
